"""Attempt: what was typed into the form of a meter, and what becomes of it?"""

from __future__ import annotations

from functools import partial
from uuid import UUID

import msgspec
from aiohttp import web

from lk_sync.cache.reader import MeterRow, View
from lk_sync.flow import acceptance
from lk_sync.flow.acceptance import Accepted, Known, Past, Question, Refused
from lk_sync.flow.submit import Answer, content_hash, submit
from lk_sync.records import Kopecks, Micro
from lk_sync.store import submissions
from portal.access import address, form, visitor
from portal.keys import CACHE, CLOCK, LK, STORE
from portal.pages.readings.cards import handed_in, span, today
from portal.pages.readings.history import dial_of, past
from portal.refusal import Refusal
from portal.subject import Subject, subject_of

READINGS_LOOKED_AT = 40  # the year of an average, with room for corrections and inspections


class Attempt(msgspec.Struct, frozen=True):
    """A form as it came. `edit`: its sender wants to correct the value after a question."""

    meter: MeterRow
    service: str
    past: Past
    account_closed: bool
    unit_price_micro: Micro | None
    submission: str
    typed: str
    confirmed: frozenset[str]
    edit: bool


def attempt_of(request: web.Request) -> Attempt:
    """404: the meter is not one of this account. 400: no page of ours made this form."""
    fields = form(request)
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        meter = None if subject is None else meter_of(view, subject, fields.get("meter", ""))
        if subject is None or meter is None:
            raise Refusal(404)
        readings = view.readings(subject.key, meter.meter, since=subject.since_day, most=READINGS_LOOKED_AT)
        return Attempt(
            meter=meter,
            service=view.service_title(meter.service),
            past=past(readings, [each for each in handed_in(request, span(request)) if each.meter == meter.meter]),
            account_closed=subject.card.closed_on is not None,
            unit_price_micro=view.unit_price_micro(subject.key, meter.service, meter.unit),
            submission=_uuid(fields.get("submission", "")),
            typed=fields.get("value", ""),
            confirmed=frozenset(fields.get("confirm", "").split()),
            edit="edit" in fields,
        )


def meter_of(view: View, subject: Subject, meter: str) -> MeterRow | None:
    return next((found for found in view.meters(subject.key) if found.meter == meter), None)


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Refusal(400) from None


def sent_before(request: web.Request, attempt: Attempt) -> Answer | None:
    """The first answer to a form that was stored already, whatever the rules say today."""
    stored = submissions.content_of(request.app[STORE].reading, submission=attempt.submission)
    if stored is None:
        return None
    value = acceptance.parse(attempt.typed, dial_of(attempt.meter))
    same = isinstance(value, int) and stored == content_hash(
        account=visitor(request).account, meter=attempt.meter.meter, value_micro=value
    )
    return Answer("repeated" if same else "conflict", attempt.submission)


def decide(request: web.Request, attempt: Attempt) -> Accepted | Question | Refused:
    return acceptance.decide(
        attempt.typed,
        dial=dial_of(attempt.meter),
        past=attempt.past,
        today=today(request),
        window=request.app[LK].readings,
        confirmed=attempt.confirmed,
    )


async def store(request: web.Request, attempt: Attempt, reading: Accepted) -> Answer:
    """Returns when the reading is on the disk."""
    reader = visitor(request)
    return await request.app[STORE].write(
        partial(
            submit,
            submission=attempt.submission,
            user_code=reader.user_code,
            account=reader.account,
            meter=attempt.meter.meter,
            serial=attempt.meter.serial,
            reading=reading,
            address=address(request),
            now=request.app[CLOCK](),
        )
    )


def before(request: web.Request, attempt: Attempt) -> Known | None:
    """The reading that the new one has to continue."""
    return acceptance.before(attempt.past, span(request).period)


def estimate_kopecks(attempt: Attempt, consumption_micro: Micro) -> Kopecks | None:
    """About what the consumption would cost by the latest bill; None: there is nothing to go by."""
    if attempt.unit_price_micro is None:
        return None
    return (attempt.unit_price_micro * consumption_micro + 5 * 10**9) // 10**10


def usual_micro(attempt: Attempt) -> Micro | None:
    """What is used in a month on average, as exactly as the meter shows it."""
    average = acceptance.average(attempt.past.books)
    step = int(10 ** (6 - min(attempt.meter.digits_frac, 6)))
    return None if average is None else (average + step // 2) // step * step
