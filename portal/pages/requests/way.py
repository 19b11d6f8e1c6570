"""Way: how far did a request get, in words?"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec
from aiohttp import web

from lk_sync.store.requests import Request
from portal.render import formats, words


class Way(msgspec.Struct, frozen=True):
    """`kind` colours it. `detail` may be empty. `late`: the promised day is over and nobody has answered."""

    request: Request
    kind: Literal["waiting", "sent", "good", "bad", "past"]
    title: str
    detail: str = ""
    late: bool = False

    @property
    def may_be_withdrawn(self) -> bool:
        return self.request.state == "waiting"


def way_of(request: web.Request, asked: Request, today: date) -> Way:
    """The state of a request, for the reader of this page."""
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
