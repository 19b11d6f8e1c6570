"""The code on a bill of this supplier, and what `lk-sync check` says of the bank details."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from lk_sync.bill_qr import EASILY_READ_BYTES, doubts, payment_code
from lk_sync.config import Config, Lk
from lk_sync.payment_qr import read
from tests.core.conftest import LK, Office, Said

CONFIG = Path(__file__).parents[2] / "config"
BANK = {
    "name": "Банк", "bic": "048580999", "account": "40702810600000000001",
    "correspondent_account": "30101810900000000999",
}  # fmt: skip


def _lk(**supplier: object) -> Lk:
    lk = Config(CONFIG, {}).lk
    return msgspec.structs.replace(lk, supplier=msgspec.structs.replace(lk.supplier, **supplier))


def _code(lk: Lk, *, kopecks: int = 123456, account: str = "000012345", address: str = "г. Элиста") -> bytes | None:
    return payment_code(lk.supplier, lk.bills, account=account, period=202610, kopecks=kopecks, address=address)


def test_the_code_names_the_account_the_month_and_the_sum_and_nobody() -> None:
    assert read(_code(_lk()) or b"") == {
        "Name": "Акционерное общество «Энергосервис»",
        "PersonalAcc": "40702810600000000001",
        "BankName": "Банк (замените)",
        "BIC": "048580999",
        "CorrespAcc": "30101810900000000999",
        "KPP": "080001001",
        "PayeeINN": "0800000000",
        "Purpose": "Оплата по лицевому счёту 000012345 за 10.2026",
        "Sum": "123456",
        "PersAcc": "000012345",
        "PaymPeriod": "102026",
        "TechCode": "02",
        "PayerAddress": "г. Элиста",
    }


def test_nothing_to_pay_is_no_code() -> None:
    assert _code(_lk(), kopecks=0) is None
    assert _code(_lk(), kopecks=-1) is None
    assert _code(_lk(bank=None)) is None


def test_a_long_address_or_one_that_cannot_be_written_is_left_out() -> None:
    for address in ("улица Номто Очирова, " * 20, ""):
        assert "PayerAddress" not in read(_code(_lk(), address=address) or b"")
    old = msgspec.structs.replace(_lk(), bills=msgspec.structs.replace(_lk().bills, qr_encoding="cp1251"))
    assert "PayerAddress" not in read(_code(old, address="Маӊгут 😀") or b"")
    assert read(_code(old) or b"")["PayerAddress"] == "г. Элиста"
    assert len(_code(old) or b"") < len(_code(_lk()) or b"") <= EASILY_READ_BYTES


def test_hostile_cells_stay_values_of_their_fields() -> None:
    code = _code(_lk(), account="1|Sum=1", address="д. 1|Name=Вор\r\nSum=5 \u202eкв")
    fields = read(code or b"")
    assert (fields["Sum"], fields["PersAcc"]) == ("123456", "1|Sum=1")
    assert fields["PayerAddress"] == "д. 1|Name=Вор Sum=5 кв"


def test_a_name_that_leaves_no_room_gives_way_to_the_short_one() -> None:
    assert read(_code(_lk(name="Общество с очень длинным названием " * 5)) or b"")["Name"] == "АО «Энергосервис»"


def test_check_doubts_a_mistyped_digit_and_refuses_what_cannot_be_a_code(office: Office) -> None:
    lk = _lk()
    assert lk.supplier.bank is not None
    assert doubts(lk.supplier, lk.supplier.bank) == []
    assert "✓ квитанции: кода для оплаты на квитанциях нет: не задан supplier.bank" in office.lk_sync("check").out
    said = _check(office, account="40702810700000000001")
    assert said.code == 0
    assert "! счёт 40702810700000000001: ключ (девятая цифра) не подходит к БИК 048580999" in said.out
    assert "! ИНН" not in said.out
    said = _check(office, name="б" * 46)
    assert said.code == 2
    assert "✗ квитанции: supplier.bank: код для оплаты не записать: BankName: нужно знаков: от 1 до 45" in said.out


def _check(office: Office, **changed: str) -> Said:
    bank = json.dumps({**BANK, **changed}, ensure_ascii=False)
    path = office.folder / "config" / "lk.yaml"
    path.write_text(LK.replace('phone: "1"', f'phone: "1", bank: {bank}'), "utf-8")
    return office.lk_sync("check")
