"""Payments: which of my payments has the supplier booked, and what has each of them closed?"""

from collections.abc import Iterable
from typing import Final

import msgspec
from aiohttp import web

from lk_sync.cache.premises import AllocatedRow
from lk_sync.cache.reader import BalanceRow, PaymentRow, View
from lk_sync.records import Kopecks, Month
from portal.access import Need, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE, LK
from portal.language import N_
from portal.paging import part
from portal.render import MenuItem, render
from portal.subject import nothing_known, subject_of

MENU = MenuItem("/payments", N_("Платежи"))
PENALTY, ADVANCE = "penalty", "advance"
MOST_LINES: Final = 40
routes = web.RouteTableDef()


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


@routes.get("/payments")
@open_to(Need.VIEW)
async def show(request: web.Request) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        listed = part(request, view.payments, subject.key, since=subject.since_day)
        closed = _closed(view, subject.key, listed.rows)
        apart = _apart(view, view.balance(subject.key))
        stated_as_of = as_of(request, view, "payments")
    return render(
        request,
        "payments/page.html",
        payments=listed,
        closed=closed,
        apart=apart,
        days=request.app[LK].payments,
        as_of=stated_as_of,
    )


def _closed(view: View, account: int, payments: Iterable[PaymentRow]) -> dict[str, list[Closed]]:
    """By payment; empty where the accounting system does not say."""
    days = [payment.paid_on for payment in payments]
    found = view.allocations(account, min(days), max(days)) if days else {}
    return {payment: [_of(view, row) for row in rows[:MOST_LINES]] for payment, rows in found.items()}


def _of(view: View, row: AllocatedRow) -> Closed:
    return Closed(view.service_title(row.service), row.period, row.part, row.amount_kopecks)


def _apart(view: View, balance: list[BalanceRow]) -> Apart | None:
    shown = [(view.service_title(row.service), row.closing_kopecks) for row in balance]
    owed = [(title, kopecks) for title, kopecks in shown if kopecks > 0]
    ahead = [(title, -kopecks) for title, kopecks in shown if kopecks < 0]
    return Apart(owed, ahead) if owed and ahead else None
