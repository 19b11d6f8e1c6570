"""Meter: what is this meter, and what has it shown from the first day on?"""

from __future__ import annotations

from aiohttp import web

from lk_sync.cache.reader import MeterRow, View
from portal.access import Need, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE
from portal.pages.readings.gauge import today
from portal.pages.readings.history import dial_of, entries
from portal.pages.readings.verification import verification_of
from portal.paging import ON_A_PAGE, part
from portal.refusal import Refusal
from portal.render import render
from portal.subject import Subject, nothing_known, subject_of

routes = web.RouteTableDef()


@routes.get("/readings/history")
@open_to(Need.METERS)
async def history(request: web.Request) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        meter = meter_of(view, subject, request.query.get("meter", ""))
        if meter is None:
            raise Refusal(404)
        listed = part(request, view.readings, subject.key, meter.meter, since=subject.since_day)
        stated_as_of = as_of(request, view, "readings")
        service = view.service_title(meter.service)
    return render(
        request,
        "readings/history.html",
        meter=meter,
        service=service,
        verification=verification_of(meter, today(request)),
        readings=listed,
        entries=entries(listed.rows, dial_of(meter), ON_A_PAGE),
        as_of=stated_as_of,
    )


def meter_of(view: View, subject: Subject, meter: str) -> MeterRow | None:
    return next((found for found in view.meters(subject.key) if found.meter == meter), None)
