"""Kept: what becomes of readings that a browser has kept while there was no network?

The worker of the browser asks who is logged in now and what is stored already, and sends the rest. It gets no page but
a word for each line: taken, refused, or a question for the person. What the person could not know when entering it is
a question too: another month is being read now, or something else was handed in for the meter meanwhile.
"""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web

from lk_sync.flow.acceptance import window_of
from lk_sync.flow.submit import Answer
from lk_sync.store import submissions
from portal.access import Need, form, open_to, visitor
from portal.keys import CACHE, LK, STORE
from portal.language import N_
from portal.pages.readings.attempt import Line, Outcome, lines_of, outcomes, store
from portal.pages.readings.gauge import gauges, span
from portal.pages.readings.refusals import sentence
from portal.refusal import Refusal
from portal.render import formats, frame_of, words
from portal.subject import subject_of

routes = web.RouteTableDef()
CONFLICT: Final = 409
UNAVAILABLE: Final = 503
MOST_ASKED: Final = 40
COME_BACK_SECONDS: Final = 60
ASKED: Final = {
    "high": N_("Расход необычно большой"),
    "rollover": N_("Прибор прошёл через ноль?"),
    "same": N_("Расхода не было?"),
    "exchanged": N_("Похоже, показания двух приборов перепутаны местами."),
    "another_month": N_("С тех пор, как вы ввели показание, сменился месяц приёма. Посмотрите на прибор ещё раз."),
    "newer": N_("Пока показание ждало, по этому прибору передано другое. Проверьте, какое верно."),
}


class Ticket(msgspec.Struct, frozen=True):
    """Who is logged in, what a form of theirs must carry, and which of the readings asked about are stored."""

    whose: str
    csrf: str
    stored: list[str]


class Word(msgspec.Struct, frozen=True):
    """What became of a line. `at`: where its stored reading is shown; `sentence`: why it was not taken."""

    state: str
    at: str = ""
    sentence: str = ""


@routes.get("/readings/kept")
@open_to(Need.READINGS)
async def ticket(request: web.Request) -> web.Response:
    reader, tx = visitor(request), request.app[STORE].reading
    asked = [each for each in request.query.get("of", "").split(",")[:MOST_ASKED] if _is_id(each)]
    account = {"account": reader.account, "holder_key": reader.holder_key}
    stored = [each for each in asked if submissions.one(tx, submission=each, **account) is not None]
    return _json(Ticket(frame_of(request).whose, reader.csrf, stored))


@routes.post("/readings/kept")
@open_to(Need.READINGS)
async def take(request: web.Request) -> web.Response:
    """409: they were entered by somebody else, or for another account."""
    if form(request).get("whose", "") != frame_of(request).whose:
        raise Refusal(CONFLICT)
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            raise Refusal(UNAVAILABLE, retry_after=COME_BACK_SECONDS)
        found = gauges(request, view, subject)
    judged = outcomes(request, lines_of(request, found))
    asked = {each.line.number: code for each in judged if (code := _question(request, each))}
    ready = [each for each in judged if each.ready and each.line.number not in asked]
    answers = await store(request, ready) if ready else []
    said = dict(zip((each.line.number for each in ready), answers, strict=True))
    return _json({each.line.submission: _word(request, each, asked, said) for each in judged})


def _question(request: web.Request, outcome: Outcome) -> str | None:
    """What the person has to be asked before the line can be taken. Nothing of a line that is stored or refused."""
    if outcome.first is not None or outcome.refusal is not None:
        return None
    line = outcome.line
    if _month_of(request, line) != span(request).period:
        return "another_month"
    if form(request).get(f"seen-{line.number}", "") != line.gauge.newest:
        return "newer"
    if outcome.exchanged_with is not None:
        return "exchanged"
    return outcome.question.code if outcome.question else None


def _month_of(request: web.Request, line: Line) -> int | None:
    """The month that was read on the day of entering, as far as the clock of the device can be believed."""
    try:
        day = date.fromisoformat(form(request).get(f"typed-{line.number}", ""))
        return window_of(day, request.app[LK].readings).period
    except ValueError:
        return None


def _word(request: web.Request, outcome: Outcome, asked: dict[int, str], said: dict[int, Answer]) -> Word:
    number = outcome.line.number
    answer = outcome.first or said.get(number)
    if answer is not None and answer.kind not in ("conflict", "too_many"):
        return Word("taken", at=f"/readings/{answer.submission}")
    if number in asked:
        return Word("asks", sentence=words(request).gettext(ASKED[asked[number]]))
    code = answer.kind if answer is not None else outcome.refusal or "not_number"
    gauge = outcome.line.gauge
    text = sentence(code, dial=gauge.dial, span=span(request), before=gauge.before, formats=formats(request))
    return Word("refused", sentence=text)


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _json(found: Ticket | dict[str, Word]) -> web.Response:
    return web.Response(body=msgspec.json.encode(found), content_type="application/json", charset="utf-8")
