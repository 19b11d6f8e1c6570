"""Receipts: which lines does the fiscal receipt of a payment have (54-ФЗ)?

What each service is called in it, its VAT, subject and mode are the accountant's choice, so they stand in YAML. What a
service is not named for takes `default`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from lk_sync.acquiring import Order, Vat
from lk_sync.records import Kopecks
from lk_sync.setting import Strict

Mode = Literal["full_prepayment", "advance", "full_payment"]


class LineSetting(Strict, frozen=True, kw_only=True):
    """`title` may hold `{account}` and `{title}` of the part; `None` is the part's own."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    vat: Vat
    mode: Mode = "full_payment"
    subject: Literal["service", "payment"] = "service"


class Receipts(Strict, frozen=True, kw_only=True):
    """`tax_system`: ЮKassa 1–6 in their order; the words are of Т-Банк."""

    tax_system: Literal["osn", "usn_income", "usn_income_outcome", "envd", "esn", "patent"] = "osn"
    default: LineSetting
    services: Mapping[str, LineSetting] = {}


class ReceiptLine(msgspec.Struct, frozen=True):
    title: str
    amount_kopecks: Kopecks
    setting: LineSetting


LONGEST_TITLE = 128


def lines(receipts: Receipts, order: Order) -> list[ReceiptLine]:
    """In the order of the parts; they amount to the payment. Raises ValueError when the parts do not."""
    if sum(part.amount_kopecks for part in order.parts) != order.amount_kopecks:
        raise ValueError("the parts do not amount to the payment")
    found = []
    for part in order.parts:
        setting = receipts.services.get(part.service, receipts.default)
        title = (setting.title or "{title}").replace("{account}", order.account).replace("{title}", part.title)
        found.append(ReceiptLine(title[:LONGEST_TITLE], part.amount_kopecks, setting))
    return found


def by_mail(contact: str) -> bool:
    return "@" in contact
