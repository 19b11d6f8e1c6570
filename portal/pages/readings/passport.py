"""Passport: how far did a reading get, and how does its owner prove that it was handed in?"""

from __future__ import annotations

import msgspec
from aiohttp import web

from lk_sync.cache.reader import MeterRow, View
from lk_sync.clock import instant
from lk_sync.flow.proof import proof_of
from lk_sync.records import Day, Micro
from lk_sync.store import submissions
from lk_sync.store.submissions import Submitted
from portal.access import Need, open_to, visitor
from portal.keys import CACHE, CLOCK, STORE
from portal.pages.readings.gauge import READINGS_LOOKED_AT
from portal.pages.readings.meter import meter_of
from portal.pages.readings.way import Way, way_of
from portal.refusal import Refusal
from portal.render import render
from portal.subject import Subject, subject_of

routes = web.RouteTableDef()
SUBMISSION = "{submission:[0-9a-f-]{36}}"


class Used(msgspec.Struct, frozen=True):
    """What the supplier's books show of a reading. `booked_on`: the day it stands under; `volume_micro`: what the month
    was charged for by the meter; `bill`: the number of that bill. None: they do not show it (yet)."""

    booked_on: Day | None = None
    volume_micro: Micro | None = None
    bill: str | None = None


class Passport(msgspec.Struct, frozen=True):
    """A reading that was handed in, with all that is known of its way. `meter` None: the books have no such meter."""

    way: Way
    meter: MeterRow | None
    service: str
    used: Used

    @property
    def submitted(self) -> Submitted:
        return self.way.submitted


@routes.get("/readings/" + SUBMISSION)
@open_to(Need.METERS)
async def passport(request: web.Request) -> web.Response:
    found = _passport(request)
    return render(request, "readings/passport.html", passport=found, already="already" in request.query)


@routes.get("/readings/" + SUBMISSION + "/proof")
@open_to(Need.METERS)
async def proof(request: web.Request) -> web.Response:
    """The same for paper: what, when, in which file, and how anyone who has the file checks it."""
    found = _passport(request)
    line = proof_of(request.app[STORE].reading, item=found.submitted.item)
    now = instant(request.app[CLOCK]())
    return render(request, "readings/proof.html", passport=found, line=line, account=visitor(request).account, now=now)


def _passport(request: web.Request) -> Passport:
    """404: there is no such reading, or it is not of this account."""
    reader, tx = visitor(request), request.app[STORE].reading
    submission = request.match_info["submission"]
    found = submissions.one(tx, submission=submission, account=reader.account, holder_key=reader.holder_key)
    if found is None:
        raise Refusal(404)
    with request.app[CACHE].view() as view:
        subject = subject_of(view, reader)
        meter = None if subject is None else meter_of(view, subject, found.meter)
        if subject is None or meter is None:
            return Passport(way_of(request, found), None, "", Used())
        return Passport(way_of(request, found), meter, view.service_title(meter.service), _used(view, subject, found))


def _used(view: View, subject: Subject, sent: Submitted) -> Used:
    """A reading is in the books when they have the subscriber's value of that month; and in the bill when the month was
    charged by the meter after that."""
    rows = view.readings(subject.key, sent.meter, since=subject.since_day, most=READINGS_LOOKED_AT)
    booked = next(
        (
            row.taken_on
            for row in rows
            if (row.period, row.value_micro, row.source) == (sent.period, sent.value_micro, "subscriber")
        ),
        None,
    )
    if booked is None:
        return Used()
    return _charged(view, subject, sent, booked)


def _charged(view: View, subject: Subject, sent: Submitted, booked: Day) -> Used:
    meter = meter_of(view, subject, sent.meter)
    volumes = [
        line.volume_micro
        for line in view.full_charges(subject.key, sent.period, sent.period)
        if meter and line.service == meter.service and line.method == "meter" and line.volume_micro is not None
        if view.title(line.service, line.component).unit == meter.unit
    ]
    bills = [bill for bill in view.bills(subject.key, since=sent.period) if bill.period == sent.period]
    issued = next((bill.number for bill in bills if bill.state == "issued"), None)
    return Used(booked, sum(volumes) if volumes else None, issued if volumes else None)
