"""A payment is made once, told of truly and given back, in each of the three dialects."""

from __future__ import annotations

import pytest

from demo.bank import Bank, State, Trouble
from demo.certificates import Authority
from lk_sync import acquiring
from lk_sync.acquiring import Acquirer, Declined
from lk_sync.errors import AccessDenied, BadData, Unprotected, Unreachable
from tests.connectors.acquiring.conftest import an_order, at


async def test_a_payment_is_made_and_its_page_is_told(bank: Bank, acquirer: Acquirer) -> None:
    made = await acquirer.create(an_order())
    assert made.page == bank.entries[made.payment].page
    assert bank.entries[made.payment].kopecks == 241_207
    assert bank.entries[made.payment].order == "0f" * 16


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("new", "pending"),
        ("3ds", "pending"),
        ("held", "held"),
        ("paid", "paid"),
        ("declined", "failed"),
        ("expired", "expired"),
    ],
)
async def test_every_outcome_has_its_state(bank: Bank, acquirer: Acquirer, outcome: State, state: str) -> None:
    made = await acquirer.create(an_order())
    bank.pay(made.payment, outcome)
    fact = await acquirer.query("0f" * 16, made.payment)
    assert fact.state == state
    assert acquiring.fits(fact, order="0f" * 16, payment=made.payment, amount_kopecks=241_207)


@pytest.mark.parametrize(
    ("order", "kopecks"), [("0f" * 16, 241_208), ("0f" * 16, 2_412), ("1f" * 16, 241_207), ("0f" * 16, 24_120_700)]
)
async def test_what_was_altered_at_the_bank_does_not_fit(
    bank: Bank, acquirer: Acquirer, order: str, kopecks: int
) -> None:
    made = await acquirer.create(an_order())
    bank.entries[made.payment].order, bank.entries[made.payment].kopecks = order, kopecks
    fact = await acquirer.query("0f" * 16, made.payment)
    assert not acquiring.fits(fact, order="0f" * 16, payment=made.payment, amount_kopecks=241_207)


async def test_an_answer_that_never_came_makes_no_second_payment(bank: Bank, acquirer: Acquirer) -> None:
    bank.next_time(Trouble.DONE_UNANSWERED)
    with pytest.raises(Unreachable):
        await acquirer.create(an_order())
    made = await acquirer.create(an_order(), again=True)
    assert [entry.payment for entry in bank.of_order("0f" * 16)] == [made.payment]


@pytest.mark.parametrize("name", ["sberbank", "yookassa"])
async def test_the_same_order_twice_is_one_payment(bank: Bank, acquirer: Acquirer) -> None:
    first, second = await acquirer.create(an_order()), await acquirer.create(an_order())
    assert first.payment == second.payment
    assert len(bank.entries) == 1


async def test_what_was_not_made_the_first_time_is_made_the_second(bank: Bank, acquirer: Acquirer) -> None:
    bank.next_time(Trouble.BROKEN)
    with pytest.raises(Unreachable):
        await acquirer.create(an_order())
    made = await acquirer.create(an_order(), again=True)
    assert made.page is not None
    assert len(bank.of_order("0f" * 16)) == 1


async def test_a_page_instead_of_an_answer_is_no_answer(bank: Bank, acquirer: Acquirer) -> None:
    made = await acquirer.create(an_order())
    bank.next_time(Trouble.NOT_JSON)
    with pytest.raises(BadData):
        await acquirer.query("0f" * 16, made.payment)


async def test_money_goes_back_in_parts_and_not_beyond(bank: Bank, acquirer: Acquirer) -> None:
    made = await acquirer.create(an_order())
    bank.pay(made.payment)
    await acquirer.refund(made.payment, 41_207, refund="r1")
    assert (await acquirer.query("0f" * 16, made.payment)).state == "refunded_in_part"
    with pytest.raises(Declined):
        await acquirer.refund(made.payment, 200_001, refund="r2")
    await acquirer.refund(made.payment, 200_000, refund="r3")
    fact = await acquirer.query("0f" * 16, made.payment)
    assert (fact.state, fact.refunded_kopecks) == ("refunded", 241_207)


@pytest.mark.parametrize("name", ["yookassa", "tbank"])
async def test_the_same_refund_twice_is_one(bank: Bank, acquirer: Acquirer) -> None:
    made = await acquirer.create(an_order())
    bank.pay(made.payment)
    for _ in range(2):
        await acquirer.refund(made.payment, 100, refund="r1")
    assert bank.entries[made.payment].returned == 100


async def test_wrong_credentials_are_told(
    bank: Bank, acquirer: Acquirer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("LK_BANK", "planted-secret")
    with pytest.raises(AccessDenied) as refused:
        await acquirer.create(an_order())
    assert "planted-secret" not in str(refused.value)
    assert not bank.entries


async def test_an_impostor_is_asked_nothing(bank: Bank, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = Authority(tmp_path_factory.mktemp("stranger"), "Stranger")
    with pytest.raises(Unprotected):
        await at(bank, stranger, name).create(an_order())
    assert not bank.asked


def test_a_provider_without_proof_is_no_provider(bank: Bank, authority: Authority, name: str) -> None:
    with pytest.raises(Unprotected):
        at(bank, authority, name, ca=None)
    with pytest.raises(Unprotected):
        at(bank, authority, name, url="http://127.0.0.1/")
