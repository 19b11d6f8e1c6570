"""Way: how far did a submitted reading get, in words?"""

from __future__ import annotations

from typing import Literal

import msgspec
from aiohttp import web

from lk_sync.store.submissions import Submitted
from portal.render import formats, words


class Way(msgspec.Struct, frozen=True):
    """`kind` colours it: waiting, sent, good, bad, past. `detail` may be empty."""

    submitted: Submitted
    kind: Literal["waiting", "sent", "good", "bad", "past"]
    title: str
    detail: str


def way_of(request: web.Request, submitted: Submitted) -> Way:
    """The state of a reading that was handed in, for the reader of this request."""
    gettext, shown = words(request).gettext, formats(request)
    file = gettext("Файл %(file)s, строка %(line)s.") % {"file": submitted.file, "line": submitted.line}
    answer = submitted.answer_text or ""
    match submitted.state:
        case "waiting":
            return Way(submitted, "waiting", gettext("В очереди на передачу поставщику"), "")
        case "batched":
            return Way(submitted, "waiting", gettext("Записано в файл для поставщика, файл передаётся"), file)
        case "exported":
            title = gettext("Передано поставщику %(when)s, ждём ответа") % {"when": shown.moment(submitted.exported_at)}
            return Way(submitted, "sent", title, file)
        case "confirmed":
            title = gettext("Принято поставщиком %(when)s") % {"when": shown.moment(submitted.answered_at)}
            return Way(submitted, "good", title, f"{answer} {file}".strip())
        case "rejected":
            refused = gettext("Причина: %(text)s (код %(code)s).") % {"text": answer, "code": submitted.answer_code}
            again = gettext("Показание можно передать ещё раз.")
            return Way(submitted, "bad", gettext("Не принято поставщиком"), f"{refused} {again} {file}")
        case "superseded":
            return Way(submitted, "past", gettext("Заменено новым показанием"), "")
