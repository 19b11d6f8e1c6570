"""Readings: the page with one form for all meters, the answers to the form, the list of what was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import uuid4

import msgspec
from aiohttp import web

from lk_sync.flow.submit import Answer
from lk_sync.store import submissions
from lk_sync.store.submissions import Submitted
from portal.access import Need, form, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE, LK, STORE
from portal.language import N_
from portal.pages.readings.attempt import LONGEST_KEPT, Line, Outcome, lines_of, outcomes, store
from portal.pages.readings.cards import Typed, cards
from portal.pages.readings.gauge import Gauge, gauges, span
from portal.pages.readings.refusals import sentence
from portal.pages.readings.way import way_of
from portal.refusal import Refusal, see_other
from portal.render import formats, render, words
from portal.subject import nothing_known, subject_of
from portal.today import today

routes = web.RouteTableDef()
UNPROCESSABLE: Final = 422
CONFLICT: Final = 409
MOST_SHOWN: Final = 40


@routes.get("/readings")
@open_to(Need.METERS)
async def show(request: web.Request) -> web.Response:
    return _page(request)


@routes.post("/readings")
@open_to(Need.READINGS)
async def hand_in(request: web.Request) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        found = gauges(request, view, subject)
    lines, fields = lines_of(request, found), form(request)
    if not lines:
        return _nothing_typed(request, found)
    if "edit" in fields:
        return _page(request, typed={line.gauge.meter.meter: _kept(line) for line in lines})
    judged = outcomes(request, lines)
    ready = [] if "review" in fields else [each for each in judged if each.ready]
    answers = await store(request, ready) if ready else []
    return _answer(request, judged, dict(zip((each.line.number for each in ready), answers, strict=True)))


def _answer(request: web.Request, judged: Sequence[Outcome], answers: Mapping[int, Answer]) -> web.Response:
    """A stored reading has a page of its own, so that a reload sends nothing again. `answers`: by number of a line."""
    said = {each.line.number: each.first or answers.get(each.line.number) for each in judged}
    refused = {each.line.number: code for each in judged if (code := _code(each, said[each.line.number]))}
    taken = [answer for number, answer in said.items() if answer and number not in refused]
    if refused:
        return _refuse(request, judged, refused, taken)
    if len(taken) < len(judged):
        open_lines = [each for each in judged if not said[each.line.number]]
        return render(
            request,
            "readings/question.html",
            asked=open_lines,
            taken=_submitted(request, taken),
            total_kopecks=_total(open_lines),
        )
    if len(taken) > 1:
        return see_other("/readings/taken?of=" + ",".join(answer.submission for answer in taken))
    return see_other(f"/readings/{taken[0].submission}" + ("?already" if taken[0].kind == "already" else ""))


def _code(outcome: Outcome, answer: Answer | None) -> str | None:
    if answer is not None and answer.kind in ("conflict", "too_many"):
        return answer.kind
    return None if answer is not None else outcome.refusal


def _total(asked: Sequence[Outcome]) -> int | None:
    """About what all lines cost; None: it is not known of each, or there is only one."""
    costs = [each.cost_kopecks for each in asked]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) > 1 else None


@routes.get("/readings/taken")
@open_to(Need.METERS)
async def taken(request: web.Request) -> web.Response:
    """What one form has handed in, each with its passport."""
    answers = [Answer("taken", each) for each in request.query.get("of", "").split(",")[:MOST_SHOWN]]
    sent = _submitted(request, answers)
    if not sent:
        raise Refusal(404)
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        meters = {} if subject is None else {each.meter: each for each in view.meters(subject.key)}
        services = {each: view.service_title(meter.service) for each, meter in meters.items()}
    ways = [way_of(request, each) for each in sent]
    return render(request, "readings/taken.html", ways=ways, meters=meters, services=services)


def _submitted(request: web.Request, answers: Sequence[Answer]) -> list[Submitted]:
    """404: one of them is not of this account."""
    reader, tx = visitor(request), request.app[STORE].reading
    found = [
        submissions.one(tx, submission=each.submission, account=reader.account, holder_key=reader.holder_key)
        for each in answers
    ]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        raise Refusal(404)
    return known


def _page(
    request: web.Request,
    *,
    status: int = 200,
    typed: Mapping[str, Typed] | None = None,
    taken: Sequence[Submitted] = (),
) -> web.Response:
    """All meters; the form keeps what was typed and says what is wrong with it."""
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        found = gauges(request, view, subject)
        stated_as_of = as_of(request, view, "meters", "readings")
    if typed is None:
        typed = _to_correct(request, found)
    shown = cards(request, found, typed)
    if not visitor(request).may(Need.READINGS):
        refusal = words(request).gettext(N_("Смотреть показания владелец вам открыл, а передавать – нет."))
        shown = [msgspec.structs.replace(card, refusal=refusal) for card in shown]
    return render(
        request,
        "readings/page.html",
        status=status,
        closed_on=subject.card.closed_on,
        cards=[card for card in shown if card.gauge.meter.removed_on is None],
        removed=[card for card in shown if card.gauge.meter.removed_on is not None],
        open=any(card.refusal is None or card.typed.problem for card in shown),
        span=span(request),
        late=request.app[LK].readings.late,
        today=today(request),
        problem=any(each.problem for each in typed.values()),
        taken=taken,
        as_of=stated_as_of,
    )


def _to_correct(request: web.Request, found: Sequence[Gauge]) -> dict[str, Typed]:
    """`?correct=` names what was handed in and is to be corrected: its value stands in the field."""
    wanted = request.query.get("correct", "")
    if not wanted:
        return {}
    plain = formats(request).dial
    return {
        gauge.meter.meter: Typed(plain(sent.value_micro, 0), str(uuid4()), focus=True)
        for gauge in found
        for sent in gauge.handed_in
        if sent.submission == wanted
    }


def _kept(line: Line, *, submission: str | None = None) -> Typed:
    return Typed(line.typed[:LONGEST_KEPT], submission or line.submission)


def _nothing_typed(request: web.Request, found: Sequence[Gauge]) -> web.Response:
    """The first field says so. No field: neither was there one to fill in."""
    first = next((gauge for gauge in found if gauge.refusal is None), None)
    if first is None:
        return _page(request, status=UNPROCESSABLE)
    problem = _sentence(request, first, "empty")
    return _page(request, status=UNPROCESSABLE, typed={first.meter.meter: Typed("", str(uuid4()), problem)})


def _refuse(
    request: web.Request, judged: Sequence[Outcome], refused: Mapping[int, str], taken: Sequence[Answer]
) -> web.Response:
    """The form again, without what was taken: its lines are empty now."""
    done = {answer.submission for answer in taken}
    typed = {
        each.line.gauge.meter.meter: _typed(request, each, refused.get(each.line.number))
        for each in judged
        if each.line.submission not in done
    }
    status = CONFLICT if "conflict" in refused.values() else UNPROCESSABLE
    return _page(request, status=status, typed=typed, taken=_submitted(request, taken))


def _typed(request: web.Request, outcome: Outcome, code: str | None) -> Typed:
    line = outcome.line
    return Typed(
        text=line.typed[:LONGEST_KEPT],
        submission=str(uuid4()) if code == "conflict" else line.submission,
        problem=_sentence(request, line.gauge, code) if code else "",
        guesses=outcome.guesses,
        exchange=outcome.exchange,
    )


def _sentence(request: web.Request, gauge: Gauge, code: str) -> str:
    return sentence(code, dial=gauge.dial, span=span(request), before=gauge.before, formats=formats(request))
