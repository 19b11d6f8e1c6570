"""Passport: how far did a reading get, and how does its owner prove that it was handed in?"""

from __future__ import annotations

from aiohttp import web

from lk_sync.store import submissions
from portal.access import Need, open_to, visitor
from portal.keys import CACHE, STORE
from portal.pages.readings.meter import meter_of
from portal.pages.readings.way import way_of
from portal.refusal import Refusal
from portal.render import render
from portal.subject import subject_of

routes = web.RouteTableDef()


@routes.get("/readings/{submission:[0-9a-f-]{36}}")
@open_to(Need.METERS)
async def passport(request: web.Request) -> web.Response:
    reader, store_tx = visitor(request), request.app[STORE].reading
    submission = request.match_info["submission"]
    found = submissions.one(store_tx, submission=submission, account=reader.account, holder_key=reader.holder_key)
    if found is None:
        raise Refusal(404)
    with request.app[CACHE].view() as view:
        subject = subject_of(view, reader)
        meter = None if subject is None else meter_of(view, subject, found.meter)
        service = view.service_title(meter.service) if meter else ""
    return render(
        request,
        "readings/passport.html",
        way=way_of(request, found),
        meter=meter,
        service=service,
        already="already" in request.query,
    )
