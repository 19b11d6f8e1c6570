"""Meter: what is this meter, what has it shown from the first day on, and what hung there before it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from lk_sync.cache.reader import MeterRow, View
from lk_sync.flow.acceptance import CALCULATED
from lk_sync.flow.chain import MonthUse, chain_of, months_of
from portal.access import Need, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE
from portal.pages.readings.history import dial_of, entries, hung_of, shown_of
from portal.pages.readings.verification import verification_of
from portal.paging import ON_A_PAGE, part
from portal.refusal import Refusal
from portal.render import render
from portal.subject import Subject, nothing_known, subject_of
from portal.today import today

routes = web.RouteTableDef()
MONTHS_SHOWN: Final = 24
MOST_READINGS: Final = 1200  # of a meter, for its months: more than its life has


@routes.get("/readings/history")
@open_to(Need.METERS)
async def history(request: web.Request) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        meters = view.meters(subject.key)
        meter = next((each for each in meters if each.meter == request.query.get("meter", "")), None)
        if meter is None:
            raise Refusal(404)
        listed = part(request, view.readings, subject.key, meter.meter, since=subject.since_day)
        chain = _chain(meter, meters)
        months = _months(view, subject, chain) if listed.later is None else []
        stated_as_of = as_of(request, view, "readings")
        service = view.service_title(meter.service)
    whole = "months" in request.query
    return render(
        request,
        "readings/history.html",
        meter=meter,
        service=service,
        verification=verification_of(meter, today(request)),
        chain=chain if len(chain) > 1 else [],
        months=months if whole else months[:MONTHS_SHOWN],
        more_months=not whole and len(months) > MONTHS_SHOWN,
        readings=listed,
        entries=entries(listed.rows, dial_of(meter), ON_A_PAGE),
        estimated=any(row.source == CALCULATED for row in listed.rows),
        as_of=stated_as_of,
    )


def meter_of(view: View, subject: Subject, meter: str) -> MeterRow | None:
    return next((found for found in view.meters(subject.key) if found.meter == meter), None)


def _chain(meter: MeterRow, meters: Sequence[MeterRow]) -> list[MeterRow]:
    """The meters of this place, the first one first."""
    known = {each.meter: each for each in meters}
    return [known[each.meter] for each in chain_of(meter.meter, [hung_of(each) for each in meters])]


def _months(view: View, subject: Subject, chain: Sequence[MeterRow]) -> list[MonthUse]:
    shown = {
        each.meter: [
            shown_of(row) for row in view.readings(subject.key, each.meter, since=subject.since_day, most=MOST_READINGS)
        ]
        for each in chain
    }
    return months_of([hung_of(each) for each in chain], shown)
