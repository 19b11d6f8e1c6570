"""Bill QR: which payment code stands on a bill of this supplier, and will banks take it?

The code may be photographed by a stranger, so it names the account and the sum and nobody's surname. The address of the
premise is in it only where the squares stay large enough for an old telephone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lk_sync import bank_account
from lk_sync.bills_setting import Bank, Bills
from lk_sync.config import Lk, Supplier
from lk_sync.errors import SettingsError
from lk_sync.payment_qr import FIELDS, NotWritable, written
from lk_sync.records import Kopecks, Month

HOUSING: Final = "02"  # ЖКУ
EASILY_READ_BYTES: Final = 450
EXAMPLE: Final = ("000000000000000000", 209912, 10**9)
_UNWANTED: Final = re.compile(
    "[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]+"
)


def payment_code(
    supplier: Supplier, bills: Bills, *, account: str, period: Month, kopecks: Kopecks, address: str = ""
) -> bytes | None:
    """What the bill's QR says. None: there is nothing to pay, or it is not known to which bank account.

    Raises NotWritable for bank details that `lk-sync check` refuses.
    """
    if kopecks <= 0 or supplier.bank is None:
        return None
    fields = _fields(supplier, supplier.bank, _plain(account), period, kopecks)
    code, fields = _with_a_name_that_fits(fields, supplier, bills)
    try:
        longer = written(fields | {"PayerAddress": _plain(address)}, bills.qr_encoding)
    except NotWritable:  # a letter that the encoding does not have, or more of them than the field may hold
        return code
    return longer if len(longer) <= EASILY_READ_BYTES else code


def _fields(supplier: Supplier, bank: Bank, account: str, period: Month, kopecks: Kopecks) -> dict[str, str]:
    year, month = divmod(period, 100)
    return {
        "Name": _plain(supplier.name),
        "PersonalAcc": bank.account,
        "BankName": _plain(bank.name),
        "BIC": bank.bic,
        "CorrespAcc": bank.correspondent_account,
        "KPP": supplier.kpp,
        "PayeeINN": supplier.inn,
        "Purpose": f"Оплата по лицевому счёту {account} за {month:02d}.{year}"[: FIELDS["Purpose"].most],
        "Sum": str(kopecks),
        "PersAcc": account,
        "PaymPeriod": f"{month:02d}{year}",
        "TechCode": HOUSING,
    }


def _with_a_name_that_fits(fields: Mapping[str, str], supplier: Supplier, bills: Bills) -> tuple[bytes, dict[str, str]]:
    """The supplier's name, or his short one where the name leaves no room for the bank's."""
    try:
        return written(fields, bills.qr_encoding), dict(fields)
    except NotWritable:
        shorter = {**fields, "Name": _plain(supplier.short_name)}
        return written(shorter, bills.qr_encoding), shorter


def _plain(text: str) -> str:
    """On one line, without what is not seen."""
    return _UNWANTED.sub(" ", text).strip()


def told(lk: Lk) -> tuple[str, list[str]]:
    """What an operator wants to know of the code, and what is doubtful. Raises SettingsError: there can be no code."""
    bank = lk.supplier.bank
    if bank is None:
        return "кода для оплаты на квитанциях нет: не задан supplier.bank", []
    account, period, kopecks = EXAMPLE
    try:
        code = payment_code(lk.supplier, lk.bills, account=account, period=period, kopecks=kopecks)
    except NotWritable as error:
        raise SettingsError(f"supplier.bank: код для оплаты не записать: {error}") from error
    return f"код для оплаты на счёт {bank.account}, {bank.name}: {len(code or b'')} байт", doubts(lk.supplier, bank)


def doubts(supplier: Supplier, bank: Bank) -> list[str]:
    """What is probably mistyped in the bank details."""
    found = (
        bank_account.doubts_of_bic(bank.bic),
        bank_account.doubts_of_account(bank.account, bank.bic),
        bank_account.doubts_of_correspondent(bank.correspondent_account, bank.bic),
        bank_account.doubts_of_inn(supplier.inn),
    )
    return [doubt for doubt in found if doubt is not None]
