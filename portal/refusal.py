"""Refusal: how does any part of the portal say that there is no page for this request, or that it is elsewhere?"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web


class Refusal(Exception):
    """No page for this request. `retry_after`: seconds after which it is worth asking again."""

    def __init__(self, status: int, *, retry_after: int | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.retry_after = retry_after


def see_other(path: str) -> web.Response:
    """After a form, or on the way to one: look there. `path` is ours and begins with one slash."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: path})
