"""Maintenance: what does a visitor see instead of a page while works go on?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from portal.render import render
from portal.works import Announced

NEVER_KEPT: Final = frozenset({"csrf", "present", "password", "again"})
NOT_TYPED: Final = frozenset({"meter", "confirm", "next", "more", "rules", "consent", "whose", "seen"})
_LINE: Final = re.compile(r"-[0-9]+$")  # `value-2` is the value of the second line of a form
KEPT_LONGEST: Final = 20_000
_ID: Final = re.compile(r"[0-9a-fA-F-]{20,}")


def closed_page(request: web.Request, works: Announced) -> web.Response:
    return _told(render(request, "maintenance/closed.html", status=HTTPStatus.SERVICE_UNAVAILABLE), works)


def refused_page(request: web.Request, works: Announced, fields: Mapping[str, str]) -> web.Response:
    """What was typed stays on the page, to be sent again. Passwords do not."""
    kept = {name: value for name, value in fields.items() if name not in NEVER_KEPT}
    if len(kept) < len(fields) - 1 or sum(map(len, kept.values())) > KEPT_LONGEST:
        kept = {}
    shown = [value for name, value in kept.items() if _is_typed(name, value)]
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return _told(render(request, "maintenance/refused.html", status=status, kept=kept, shown=shown), works)


def _is_typed(name: str, value: str) -> bool:
    """By a person, as far as one can tell: not the id of a form, of a meter, of a page."""
    return bool(value.strip()) and _LINE.sub("", name) not in NOT_TYPED and not _ID.fullmatch(value)


def _told(response: web.Response, works: Announced) -> web.Response:
    response.headers[hdrs.RETRY_AFTER] = str(works.retry_after)
    return response
