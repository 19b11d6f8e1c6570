"""What a provider is asked with has the fields, units and limits of its own documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.acquiring import asking, sberbank, tbank, yookassa
from connectors.acquiring.receipts import LineSetting, Receipts
from connectors.acquiring.yookassa import Recipient, YookassaSettings
from demo.bank import Bank
from demo.certificates import Authority
from lk_sync.acquiring import Part
from lk_sync.bills_setting import Bank as SupplierBank
from lk_sync.errors import BadData, SettingsError
from lk_sync.setting import Secret
from tests.connectors.acquiring.conftest import an_order, at

SAMPLES = Path(__file__).parent / "samples"
RECEIPT = Receipts(
    default=LineSetting(title="Тепло, ЛС {account}", vat="vat22"),
    services={"advance": LineSetting(vat="vat122", mode="advance", subject="payment")},
)
PARTS = (
    Part(service="heating", title="Отопление", amount_kopecks=200_000),
    Part(service="advance", title="Аванс", amount_kopecks=41_207),
)


def _body(**other: Any) -> dict[str, Any]:
    settings = YookassaSettings(shop="1", key=Secret(secret="BANK"), public_ca=True, **other)
    return yookassa.payment_of(an_order(parts=PARTS), settings)


def test_yookassa_gets_rubles_and_our_order() -> None:
    body = _body()
    assert body["amount"] == {"value": "2412.07", "currency": "RUB"}
    assert body["metadata"] == {"payment": "0f" * 16}
    assert body["capture"] is True
    assert body["confirmation"] == {"type": "redirect", "return_url": "https://lk.example/pay/1"}
    assert "receipt" not in body
    assert "payment_order" not in body


def test_a_utilities_shop_sends_the_payment_order() -> None:
    bank = SupplierBank(
        name="Банк " * 12, bic="044525225", account="40702810900000000001", correspondent_account="30101810400000000225"
    )
    recipient = Recipient(name="АО «Энергосервис»", inn="0814000000", kpp="081401001", bank=bank, oktmo="85701000")
    block = _body(recipient=recipient)["payment_order"]
    assert block["type"] == "utilities"
    assert block["payment_period"] == {"month": 2, "year": 2026}
    assert block["unified_account_number"] == "70АА000560"
    assert block["account_number"] == "100200300"
    assert "payment_document_id" not in block
    assert block["oktmo"] == "85701000"
    assert len(block["recipient"]["bank"]["name"]) == 45


def test_a_receipt_amounts_to_the_payment_in_each_dialect() -> None:
    order = an_order(parts=PARTS)
    lines = _body(receipt=RECEIPT)["receipt"]
    assert [each["amount"]["value"] for each in lines["items"]] == ["2000.00", "412.07"]
    assert [each["vat_code"] for each in lines["items"]] == [11, 12]
    assert lines["items"][0]["description"] == "Тепло, ЛС 100200300"
    assert lines["items"][1]["description"] == "Аванс"
    assert lines["customer"] == {"email": "ivanova@example.ru"}
    receipt = tbank.init_of(order, RECEIPT)["Receipt"]
    assert [each["Amount"] for each in receipt["Items"]] == [200_000, 41_207]
    assert [each["Tax"] for each in receipt["Items"]] == ["vat22", "vat122"]
    bundle = json.loads(sberbank.order_of(order, RECEIPT, {"vat22": 17, "vat122": 18})["orderBundle"])
    assert [each["itemAmount"] for each in bundle["cartItems"]["items"]] == [200_000, 41_207]
    assert [each["tax"]["taxType"] for each in bundle["cartItems"]["items"]] == [17, 18]


def test_parts_that_do_not_amount_to_the_payment_are_no_receipt() -> None:
    with pytest.raises(ValueError, match="do not amount"):
        tbank.init_of(an_order(parts=PARTS[:1]), RECEIPT)


def test_a_code_of_vat_that_is_not_known_is_asked_for(bank: Bank, authority: Authority) -> None:
    receipt = {"default": {"vat": "vat22"}}
    with pytest.raises(SettingsError, match="vat22"):
        at(bank, authority, "sberbank", receipt=receipt)
    at(bank, authority, "sberbank", receipt=receipt, tax={"vat22": 17})
    with pytest.raises(SettingsError, match="vat20"):
        at(bank, authority, "tbank", receipt={"default": {"vat": "vat20"}})


def test_published_answers_of_yookassa_are_read() -> None:
    for name in ("yookassa_paymentInfoFixtures.json", "yookassa_createPaymentFixtures.json"):
        fact = yookassa.fact_of(msgspec.json.decode((SAMPLES / name).read_bytes()))
        assert (fact.amount_kopecks, fact.refunded_kopecks, fact.state, fact.order) == (1000, 1000, "refunded", "")


@given(st.integers(min_value=0, max_value=10**14 - 1))
def test_rubles_come_back_to_the_kopeck(kopecks: int) -> None:
    assert asking.of_rubles(asking.rubles(kopecks)) == kopecks


@pytest.mark.parametrize("written", ["1", "1.0", "01.00", "1,00", "-1.00", "1.000", "1e2", " 1.00", "٣.٠٠", 1.5, None])
def test_a_sum_in_another_form_is_no_sum(written: object) -> None:
    with pytest.raises(BadData):
        asking.of_rubles(written)
