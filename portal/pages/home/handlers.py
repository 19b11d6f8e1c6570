"""Home: which facts stand on the first page?

Nothing is computed here but sums of balances that the accounting system has closed itself.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

import msgspec
from aiohttp import web

from lk_sync.cache.premises import WorksRow
from lk_sync.cache.reader import BalanceRow, BillRow, MeterRow, PaymentRow, ReadingRow, View
from lk_sync.clock import instant
from lk_sync.flow.acceptance import Span, window_of
from lk_sync.records import Kopecks, Month, month_text
from portal.access import Need, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE, CLOCK, LK
from portal.pages.home import waiting
from portal.pages.readings.cards import handed_in
from portal.pages.readings.way import Way, way_of
from portal.render import render
from portal.subject import Subject, nothing_known, subject_of
from portal.today import today as day_of

routes = web.RouteTableDef()


class Standing(msgspec.Struct, frozen=True):
    """The balance at the end of `period`, all services together; > 0 means that the subscriber owes.

    `paid_since`: payments of later months, which that balance cannot know. `paid`: they cover it. `due`: the bill to
    pay it by; `overdue`: its day has passed and something is left.
    """

    kind: Literal["debt", "paid", "zero", "credit"]
    kopecks: Kopecks
    period: Month
    services: list[tuple[str, Kopecks]]
    paid_since: Kopecks
    due: BillRow | None
    overdue: bool


class MeterLine(msgspec.Struct, frozen=True):
    """A meter in service with its last reading in the books and the last one handed in here."""

    meter: MeterRow
    service: str
    last: ReadingRow | None
    way: Way | None


class Facts(msgspec.Struct, frozen=True):
    """What the cache knows. A part is None when its dataset has never been loaded."""

    standing: Standing | None
    bill: BillRow | None
    payment: PaymentRow | None
    loaded: frozenset[str]


BEYOND_ANY_MONTH: Final = 999912
DATASETS = ("accounts", "balances", "bills", "payments", "meters", "readings")


@routes.get("/")
@open_to(Need.VIEW)
async def show(request: web.Request) -> web.Response:
    today = day_of(request)
    span = window_of(today, request.app[LK].readings)
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        loaded = frozenset(name for name in DATASETS if view.state(name) is not None)
        facts = _facts(view, subject, loaded, today)
        meters = _meters(request, view, subject, span)
        works = view.works(subject.key, instant(request.app[CLOCK]()), most=1)
        shown_as_of = as_of(request, view, *loaded)
    return render(
        request,
        "home/page.html",
        card=subject.card,
        facts=facts,
        printed=facts.bill and f"/bills/{month_text(facts.bill.period)}.pdf",
        tasks=_tasks(meters, works, span, today, closed=subject.card.closed_on is not None),
        meters=meters,
        span=span,
        late=request.app[LK].readings.late,
        delay=request.app[LK].payments.least_and_most,
        today=today,
        as_of=shown_as_of,
    )


def _tasks(
    meters: list[MeterLine], works: list[WorksRow], span: Span, today: date, *, closed: bool
) -> list[waiting.Task]:
    shown = [waiting.Meter(line.meter, line.last, line.way) for line in meters]
    return waiting.tasks(shown, works, span, today, closed=closed)


def _facts(view: View, subject: Subject, loaded: frozenset[str], today: date) -> Facts:
    balance = view.balance(subject.key)
    paid = view.last_payment(
        subject.key, since=subject.since_day, after=balance[0].period if balance else BEYOND_ANY_MONTH
    )
    bills = view.bills(subject.key, since=subject.since_month, most=3)
    bill = next((bill for bill in bills if bill.state == "issued"), None)
    return Facts(
        standing=_standing(view, balance, bill, paid[1] if paid else 0, today) if balance else None,
        bill=bill,
        payment=paid[0] if paid else None,
        loaded=loaded,
    )


def _standing(
    view: View, balance: list[BalanceRow], bill: BillRow | None, paid_since: Kopecks, today: date
) -> Standing:
    kopecks = sum(row.closing_kopecks for row in balance)
    kind = _kind(kopecks, paid_since)
    due = bill if kind == "debt" else None
    return Standing(
        kind=kind,
        kopecks=kopecks,
        period=balance[0].period,
        services=[(view.service_title(row.service), row.closing_kopecks) for row in balance],
        paid_since=paid_since,
        due=due,
        overdue=due is not None and due.due_on is not None and due.due_on < today.isoformat(),
    )


def _kind(kopecks: Kopecks, paid_since: Kopecks) -> Literal["debt", "paid", "zero", "credit"]:
    if kopecks > 0:
        return "paid" if paid_since >= kopecks else "debt"
    return "credit" if kopecks < 0 else "zero"


def _meters(request: web.Request, view: View, subject: Subject, span: Span) -> list[MeterLine]:
    in_service = [meter for meter in view.meters(subject.key) if meter.removed_on is None]
    if not in_service:
        return []
    last = view.last_readings(subject.key, since=subject.since_day)
    newest = {submitted.meter: submitted for submitted in reversed(handed_in(request, span))}
    return [
        MeterLine(
            meter,
            view.service_title(meter.service),
            last.get(meter.meter),
            way_of(request, newest[meter.meter]) if meter.meter in newest else None,
        )
        for meter in in_service
    ]
