"""A call from outside is believed only when it is signed as published vectors are; altered, it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.acquiring import sberbank, tbank
from demo.bank import KEY, Bank
from demo.certificates import Authority
from lk_sync.acquiring import Call, Forged
from tests.connectors.acquiring.conftest import an_order, at

VECTORS = Path(__file__).parent / "samples"
HERE = "127.0.0.1"


def _vectors(name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((VECTORS / name).read_text("utf-8"))["vectors"]
    assert found
    return found


@pytest.mark.parametrize("vector", _vectors("tbank_token.json"), ids=lambda each: str(each["what"]))
def test_a_token_is_as_published(vector: dict) -> None:
    assert tbank.token(vector["params"] | vector.get("nested_not_signed", {}), vector["password"]) == vector["token"]


@pytest.mark.parametrize("vector", _vectors("sber_checksum.json"), ids=lambda each: str(each["key"]))
def test_a_checksum_is_as_published(vector: dict) -> None:
    given_besides = {"checksum": "X", "sign_alias": "alias"}
    assert sberbank.checksum(vector["params"] | given_besides, vector["key"]) == vector["checksum"]


async def test_a_call_of_sberbank_is_heard_and_refused_when_altered(bank: Bank, authority: Authority) -> None:
    acquirer = at(bank, authority, "sberbank")
    payment = (await acquirer.create(an_order())).payment
    said = dict(pair.split("=") for pair in bank.sber_call(payment).split("&"))
    heard = acquirer.heard(Call(address="203.0.113.9", query=urlencode(said)))
    assert (heard.payment, heard.order) == (payment, "0f" * 16)
    assert acquirer.heard(Call(address=HERE, body=urlencode(said).encode())) == heard
    for name, value in said.items():
        for altered in (value[:-1] + ("0" if value[-1] != "0" else "1"), ""):
            with pytest.raises(Forged):
                acquirer.heard(Call(address=HERE, query=urlencode(said | {name: altered})))
        with pytest.raises(Forged):
            acquirer.heard(Call(address=HERE, query=urlencode({n: v for n, v in said.items() if n != name})))
        with pytest.raises(Forged):
            acquirer.heard(Call(address=HERE, query=f"{urlencode(said)}&{name}=x"))
    with pytest.raises(Forged):
        acquirer.heard(Call(address=HERE, query=urlencode(said | {"amount": "1"})))
    with pytest.raises(Forged):
        acquirer.heard(Call(address=HERE, query=bank.sber_call(payment, key="another")))


async def test_a_call_of_tbank_is_heard_and_refused_when_altered(bank: Bank, authority: Authority) -> None:
    acquirer = at(bank, authority, "tbank")
    payment = (await acquirer.create(an_order())).payment
    body = bank.tbank_call(payment)
    heard = acquirer.heard(Call(address="203.0.113.9", body=body))
    assert (heard.payment, heard.order, heard.answer) == (payment, "0f" * 16, b"OK")
    said = json.loads(body)
    for name in said:
        for altered in ("x", None, 1, [], "й"):
            with pytest.raises(Forged):
                acquirer.heard(Call(address=HERE, body=json.dumps(said | {name: altered}).encode()))
        without = {each: value for each, value in said.items() if each != name}
        with pytest.raises(Forged):
            acquirer.heard(Call(address=HERE, body=json.dumps(without).encode()))
    with pytest.raises(Forged):
        acquirer.heard(Call(address=HERE, body=bank.tbank_call(payment, key="another")))


async def test_a_call_of_yookassa_is_believed_from_its_own_addresses_alone(bank: Bank, authority: Authority) -> None:
    acquirer = at(bank, authority, "yookassa")
    payment = (await acquirer.create(an_order())).payment
    body = bank.yookassa_call(payment)
    assert acquirer.heard(Call(address=HERE, body=body)).payment == payment
    for stranger in ("203.0.113.9", "::1", "", "127.0.0.1, 203.0.113.9"):
        with pytest.raises(Forged):
            acquirer.heard(Call(address=stranger, body=body))
    said = json.loads(body)
    for hostile in ("../refunds", "a/b", "a?b", "й", "", None, 5):
        altered = said | {"object": said["object"] | {"id": hostile}}
        with pytest.raises(Forged):
            acquirer.heard(Call(address=HERE, body=json.dumps(altered).encode()))


@pytest.fixture(scope="module")
def all_three(authority: Authority) -> list:
    return [at(Bank(port=1), authority, name) for name in ("sberbank", "tbank", "yookassa")]


@given(body=st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(
    lambda value: json.dumps({"Token": value, "object": value, "event": "payment.x", "PaymentId": value}).encode()
), query=st.text(max_size=50))  # fmt: skip
def test_whatever_comes_is_heard_or_refused(all_three: list, body: bytes, query: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LK_BANK", KEY)
        for acquirer in all_three:
            try:
                heard = acquirer.heard(Call(address=HERE, body=body, query=query))
            except Forged:
                continue
            assert heard.payment.replace("-", "").isalnum()  # one of ЮKassa, which is only a reason to ask
