"""Way: how far did a request get, in words?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec
from aiohttp import web

from lk_sync.cache.answers import AnswerRow
from lk_sync.store.requests import Request
from portal.keys import CACHE
from portal.render import formats, words

Kind = Literal["waiting", "sent", "good", "bad", "past"]


class Way(msgspec.Struct, frozen=True):
    """`kind` colours it. `detail` may be empty. `late`: the promised day is over and nobody has answered."""

    request: Request
    kind: Kind
    title: str
    detail: str = ""
    late: bool = False
    answers: tuple[AnswerRow, ...] = ()

    @property
    def may_be_withdrawn(self) -> bool:
        return self.request.state == "waiting"


def way_of(request: web.Request, asked: Request, today: date) -> Way:
    """The state of a request, for the reader of this page, with what the supplier has said to it."""
    return ways_of(request, [asked], today)[0]


def ways_of(request: web.Request, several: Sequence[Request], today: date) -> list[Way]:
    with request.app[CACHE].view() as view:
        return [_way(request, asked, tuple(view.answers_to(asked.shown)), today) for asked in several]


def _way(request: web.Request, asked: Request, answers: tuple[AnswerRow, ...], today: date) -> Way:
    way = _handed_over(request, asked, today)
    if not answers or way.kind == "past":
        return way
    said = _answered(request, answers[-1])
    return msgspec.structs.replace(
        way, kind=said[0], title=said[1], detail="", answers=answers, late=way.late and not answers[-1].is_last
    )


def _answered(request: web.Request, last: AnswerRow) -> tuple[Kind, str]:
    gettext, day = words(request).gettext, formats(request).day(last.answered_on)
    match last.state:
        case "answered":
            return "good", gettext("Поставщик ответил %(when)s") % {"when": day}
        case "refused":
            return "bad", gettext("Поставщик отказал %(when)s") % {"when": day}
    return "sent", gettext("В работе у поставщика с %(when)s") % {"when": day}


def _handed_over(request: web.Request, asked: Request, today: date) -> Way:
    gettext, shown = words(request).gettext, formats(request)
    answer, overdue = asked.answer_text or "", asked.due_on is not None and asked.due_on < today.isoformat()
    if asked.withdrawn_at is not None:
        return Way(asked, "past", gettext("Вы отозвали заявку %(when)s") % {"when": shown.moment(asked.withdrawn_at)})
    match asked.state:
        case "waiting" | "batched":
            return Way(asked, "waiting", gettext("Передаётся поставщику"), late=overdue)
        case "exported":
            title = gettext("Передана поставщику %(when)s, ждём ответа") % {"when": shown.moment(asked.exported_at)}
            return Way(asked, "sent", title, late=overdue)
        case "confirmed":
            title = gettext("Принята поставщиком %(when)s") % {"when": shown.moment(asked.answered_at)}
            return Way(asked, "good", title, answer, late=overdue)
        case "rejected":
            return Way(asked, "bad", gettext("Не принята поставщиком"), answer)
        case "superseded":
            return Way(asked, "past", gettext("Заменена новой заявкой"))
