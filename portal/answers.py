"""Answers: what does a visitor see when there is no page to show?

Every refusal has our own page, whoever refused: a handler, the router, the parser. None of them repeats what was
sent or names a program.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log: Final = logging.getLogger("portal")


class Refusal(Exception):
    """No page for this request. `retry_after`: seconds after which it is worth asking again."""

    def __init__(self, status: int, *, retry_after: int | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.retry_after = retry_after


def see_other(path: str) -> web.Response:
    """After a form, or on the way to one: look there. `path` is ours and begins with one slash."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path})
