"""Booked: which payments does a reader ask for, and what has each of them closed?

`year` in the address names a year; without it, all payments are meant. Of a long list one part is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from aiohttp import web

from lk_sync.cache.premises import AllocatedRow
from lk_sync.cache.reader import BalanceRow, PaymentRow, View
from lk_sync.records import Kopecks, Month
from portal.paging import Part, part
from portal.subject import Subject

PENALTY, ADVANCE = "penalty", "advance"
MOST_LINES: Final = 40


class Closed(msgspec.Struct, frozen=True):
    """What a part of a payment has closed: the charges, the penalties of a month of a service, or nothing yet."""

    service: str
    period: Month
    part: str
    kopecks: Kopecks


class Apart(msgspec.Struct, frozen=True):
    """One service is owed for while another one is paid ahead."""

    owed: list[tuple[str, Kopecks]]
    ahead: list[tuple[str, Kopecks]]


class Booked(msgspec.Struct, frozen=True):
    """`listed`: the part that is shown. `years` that have payments, the latest first; `year`: the one that was chosen,
    empty for all. `closed`: by payment; empty where the accounting system does not say."""

    listed: Part[PaymentRow]
    years: Sequence[str]
    year: str
    closed: dict[str, list[Closed]]

    @property
    def query(self) -> str:
        """What asks for the same payments, from the newest on."""
        return f"year={self.year}&" if self.year else ""

    @property
    def shown(self) -> str:
        """What asks for the part that is shown."""
        return f"{self.query}page={(self.listed.later or 0) + 1}"


def booked(request: web.Request, view: View, subject: Subject) -> Booked:
    years = view.payment_years(subject.key, since=subject.since_day)
    wanted = request.query.get("year", "")
    year = wanted if wanted in years else ""
    days = {"since": max(subject.since_day, f"{year}-01-01"), "until": f"{year}-12-31"} if year else {}
    listed = part(request, view.payments, subject.key, **({"since": subject.since_day} | days))
    return Booked(listed, years, year, _closed(view, subject.key, listed.rows))


def _closed(view: View, account: int, payments: Iterable[PaymentRow]) -> dict[str, list[Closed]]:
    days = [payment.paid_on for payment in payments]
    found = view.allocations(account, min(days), max(days)) if days else {}
    return {payment: [_of(view, row) for row in rows[:MOST_LINES]] for payment, rows in found.items()}


def _of(view: View, row: AllocatedRow) -> Closed:
    return Closed(view.service_title(row.service), row.period, row.part, row.amount_kopecks)


def apart(view: View, balance: list[BalanceRow]) -> Apart | None:
    shown = [(view.service_title(row.service), row.closing_kopecks) for row in balance]
    owed = [(title, kopecks) for title, kopecks in shown if kopecks > 0]
    ahead = [(title, -kopecks) for title, kopecks in shown if kopecks < 0]
    return Apart(owed, ahead) if owed and ahead else None
