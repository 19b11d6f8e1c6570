"""Cards: what does the page show of each meter, and can a reading be handed in for it?"""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import uuid4

import msgspec
from aiohttp import web

from lk_sync.cache.reader import MeterRow, View
from lk_sync.flow import acceptance
from lk_sync.flow.acceptance import Dial, Span
from lk_sync.records import next_month
from lk_sync.store import submissions
from lk_sync.store.submissions import Submitted
from portal.access import visitor
from portal.keys import CLOCK, LK, STORE
from portal.pages.readings.history import Entry, dial_of, entries
from portal.pages.readings.refusals import sentence
from portal.pages.readings.way import Way, way_of
from portal.render import formats
from portal.subject import Subject

SHOWN_READINGS: Final = 12
MONTHS_OF_WAYS: Final = 6


class MeterCard(msgspec.Struct, frozen=True):
    """A meter with its newest readings and the ways of what was handed in.

    `refusal`: why there is no form now. `problem`: why what was typed into the form was not taken.
    """

    meter: MeterRow
    service: str
    entries: list[Entry]
    ways: list[Way]
    refusal: str | None
    expired: bool
    submission: str
    typed: str = ""
    problem: str = ""


def today(request: web.Request) -> date:
    """The supplier's day."""
    return request.app[CLOCK]().astimezone(request.app[LK].zone).date()


def span(request: web.Request) -> Span:
    return acceptance.window_of(today(request), request.app[LK].readings)


def handed_in(request: web.Request, span: Span) -> list[Submitted]:
    """What the reader of this request handed in lately, for all meters, the newest first."""
    reader = visitor(request)
    since = next_month(span.period, -MONTHS_OF_WAYS)
    return submissions.of_account(
        request.app[STORE].reading, account=reader.account, holder_key=reader.holder_key, since=since
    )


def cards(request: web.Request, view: View, subject: Subject) -> list[MeterCard]:
    """Meters in service first."""
    ways = [way_of(request, submitted) for submitted in handed_in(request, span(request))]
    return [_card(request, view, subject, meter, ways) for meter in view.meters(subject.key)]


def _card(request: web.Request, view: View, subject: Subject, meter: MeterRow, ways: list[Way]) -> MeterCard:
    dial = dial_of(meter)
    readings = view.readings(subject.key, meter.meter, since=subject.since_day, most=SHOWN_READINGS + 1)
    return MeterCard(
        meter=meter,
        service=view.service_title(meter.service),
        entries=entries(readings, dial, SHOWN_READINGS),
        ways=[way for way in ways if way.submitted.meter == meter.meter],
        refusal=_refusal(request, subject, dial),
        expired=acceptance.expired(dial, today(request)),
        submission=str(uuid4()),
    )


def _refusal(request: web.Request, subject: Subject, dial: Dial) -> str | None:
    """Why nothing can be handed in for this meter today, whatever one would type."""
    if subject.card.closed_on is not None:
        code = "account_closed"
    elif refused := acceptance.unacceptable(dial, span(request), today(request), request.app[LK].readings):
        code = refused.code
    else:
        return None
    return sentence(code, dial=dial, span=span(request), before=None, formats=formats(request))
