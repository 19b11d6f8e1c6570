"""Readings: the page with a form per meter, the answers to a form, the passport of a reading, the whole history."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from lk_sync.flow.acceptance import Accepted, Question
from lk_sync.flow.submit import Answer
from lk_sync.store import submissions
from portal.access import Need, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE, LK, STORE
from portal.pages.readings.attempt import (
    Attempt,
    attempt_of,
    before,
    decide,
    estimate_kopecks,
    meter_of,
    sent_before,
    store,
    usual_micro,
)
from portal.pages.readings.cards import MeterCard, cards, span, today
from portal.pages.readings.history import dial_of, entries
from portal.pages.readings.refusals import sentence
from portal.pages.readings.way import way_of
from portal.paging import ON_A_PAGE, part
from portal.refusal import Refusal, see_other
from portal.render import formats, render
from portal.subject import nothing_known, subject_of

routes = web.RouteTableDef()
UNPROCESSABLE: Final = 422
CONFLICT: Final = 409
LONGEST_SHOWN: Final = 60


@routes.get("/readings")
@open_to(Need.METERS)
async def show(request: web.Request) -> web.Response:
    return _page(request)


@routes.post("/readings")
@open_to(Need.READINGS)
async def hand_in(request: web.Request) -> web.Response:
    attempt = attempt_of(request)
    if (first := sent_before(request, attempt)) is not None:
        return _answer(request, attempt, first)
    if attempt.edit:
        return _page(request, attempt=attempt)
    if attempt.account_closed:
        return _refuse(request, attempt, "account_closed")
    decided = decide(request, attempt)
    if isinstance(decided, Accepted):
        return _answer(request, attempt, await store(request, attempt, decided))
    if isinstance(decided, Question):
        return _ask(request, attempt, decided)
    return _refuse(request, attempt, decided.code)


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
        readings=listed,
        entries=entries(listed.rows, dial_of(meter), ON_A_PAGE),
        as_of=stated_as_of,
    )


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


def _page(
    request: web.Request, *, status: int = 200, attempt: Attempt | None = None, problem: str = ""
) -> web.Response:
    """All meters; the form of `attempt` keeps what was typed and says what is wrong with it."""
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        shown = [_filled(card, attempt, problem) for card in cards(request, view, subject)]
        stated_as_of = as_of(request, view, "meters", "readings")
    return render(
        request,
        "readings/page.html",
        status=status,
        closed_on=subject.card.closed_on,
        cards=[card for card in shown if card.meter.removed_on is None],
        removed=[card for card in shown if card.meter.removed_on is not None],
        span=span(request),
        late=request.app[LK].readings.late,
        today=today(request),
        problem=problem,
        as_of=stated_as_of,
    )


def _filled(card: MeterCard, attempt: Attempt | None, problem: str) -> MeterCard:
    if attempt is None or card.meter.meter != attempt.meter.meter:
        return card
    return msgspec.structs.replace(
        card, submission=attempt.submission, typed=attempt.typed[:LONGEST_SHOWN], problem=problem
    )


def _answer(request: web.Request, attempt: Attempt, answer: Answer) -> web.Response:
    """A stored reading has a page of its own, so that a reload sends nothing again."""
    if answer.kind == "conflict":
        return render(request, "readings/conflict.html", status=CONFLICT)
    if answer.kind == "too_many":
        return _refuse(request, attempt, "too_many")
    return see_other(f"/readings/{answer.submission}" + ("?already" if answer.kind == "already" else ""))


def _ask(request: web.Request, attempt: Attempt, question: Question) -> web.Response:
    """The second page of the form: what was typed, and what has to be confirmed."""
    return render(
        request,
        "readings/question.html",
        attempt=attempt,
        question=question,
        before=before(request, attempt),
        average_micro=usual_micro(attempt),
        estimate_kopecks=estimate_kopecks(attempt, question.consumption_micro),
    )


def _refuse(request: web.Request, attempt: Attempt, code: str) -> web.Response:
    problem = sentence(
        code,
        dial=dial_of(attempt.meter),
        span=span(request),
        before=before(request, attempt),
        formats=formats(request),
    )
    return _page(request, status=UNPROCESSABLE, attempt=attempt, problem=problem)
