"""A mistyped digit of a bank account is noticed; what cannot be told is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lk_sync.bank_account import doubts_of_account, doubts_of_bic, doubts_of_correspondent, doubts_of_inn, key_of

SAMPLES = Path(__file__).with_name("samples")
KEYS = json.loads((SAMPLES / "account_key.json").read_text("utf-8"))["vectors"]
INNS = json.loads((SAMPLES / "inn.json").read_text("utf-8"))["vectors"]


@pytest.mark.parametrize("vector", KEYS, ids=[f"{vector['bic']}-{vector['account']}" for vector in KEYS])
def test_the_key_is_that_of_the_procedure(vector: dict[str, Any]) -> None:
    assert key_of(vector["account"], vector["bic"]) == vector["expected_key"]
    assert (doubts_of_account(vector["account"], vector["bic"]) is None) is vector["valid"]


@pytest.mark.parametrize("vector", INNS, ids=[vector["inn"] for vector in INNS])
def test_a_taxpayers_number_is_checked(vector: dict[str, Any]) -> None:
    assert (doubts_of_inn(vector["inn"]) is None) is vector["valid"]


def test_every_single_wrong_digit_of_an_account_is_noticed() -> None:
    account, bic = "40702810600000000001", "048580999"
    assert doubts_of_account(account, bic) is None
    for place in range(20):
        for digit in "0123456789".replace(account[place], ""):
            assert doubts_of_account(account[:place] + digit + account[place + 1 :], bic) is not None, (place, digit)


def test_accounts_with_the_treasury_have_no_key() -> None:
    assert key_of("03100643000000018500", "017003983") is None
    assert doubts_of_account("03100643000000018500", "017003983") is None
    assert doubts_of_correspondent("40102810445370000059", "017003983") is None


def test_a_letter_for_a_currency_is_a_digit() -> None:
    assert key_of("40702A10600000000001", "048580999") == key_of("40702010600000000001", "048580999")


def test_what_is_not_of_the_right_form_is_said_so() -> None:
    assert "20 цифр" in (doubts_of_account("4070281060000000000", "048580999") or "")
    assert "9 цифр" in (doubts_of_bic("998580999") or "")
    assert "10 или 12" in (doubts_of_inn("08000000") or "")
    assert "последние три" in (doubts_of_correspondent("30101810900000000998", "048580999") or "")
    assert doubts_of_correspondent("", "048580999") is None
