"""Answers: what does a visitor see when there is no page to show?

Every refusal has our own page, whoever refused: a handler, the router, the parser. None of them repeats what was
sent or names a program.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from portal.keys import ANSWERS
from portal.language import LANGUAGES, SOURCE, accepted
from portal.render import ANONYMOUS, ENVIRONMENTS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log: Final = logging.getLogger("portal")
TEMPLATE: Final = "answers/page.html"
PRIMARY_CODE: Final = 0xFF
OUT_OF_ORDER: Final = (
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY),
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY),
)
COME_BACK_SECONDS: Final = 60
STATUSES: Final = (400, 403, 404, 405, 408, 409, 413, 421, 429, 500, 503)


class Refusal(Exception):
    """No page for this request. `retry_after`: seconds after which it is worth asking again."""

    def __init__(self, status: int, *, retry_after: int | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.retry_after = retry_after


def see_other(path: str) -> web.Response:
    """After a form, or on the way to one: look there. `path` is ours and begins with one slash."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: path})


class Answers:
    """Pages of refusal, made when the process starts: nothing that happens later can spoil them, and they cost an
    attacker's victim nothing."""

    def __init__(self, app: web.Application) -> None:
        self._pages: dict[tuple[int, str], bytes] = {}
        for language in LANGUAGES:
            template = app[ENVIRONMENTS[language]].get_template(TEMPLATE)
            for status in STATUSES:
                text = template.render(status=status, frame=ANONYMOUS, path="/")
                self._pages[status, language] = text.encode()

    def of(self, status: int, language: str = SOURCE, *, retry_after: int | None = None) -> web.Response:
        """The page of a refusal; a status that has no words of its own is shown as a bad request."""
        page = self._pages.get((status, language)) or self._pages[HTTPStatus.BAD_REQUEST, language]
        response = web.Response(status=status, body=page, content_type="text/html", charset="utf-8")
        if retry_after is not None:
            response.headers[hdrs.RETRY_AFTER] = str(retry_after)
        return response

    def to(self, request: web.BaseRequest, status: int, *, retry_after: int | None = None) -> web.Response:
        return self.of(status, accepted(request.headers.get(hdrs.ACCEPT_LANGUAGE, "")), retry_after=retry_after)

    def instead_of(self, request: web.BaseRequest, error: web.HTTPException) -> web.Response:
        """Our page in place of aiohttp's own."""
        response = self.to(request, error.status)
        for name in (hdrs.LOCATION, hdrs.ALLOW):
            if name in error.headers:
                response.headers[name] = error.headers[name]
        return response


@web.middleware
async def shield(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever a page raises becomes an answer of ours."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return request.app[ANSWERS].to(request, refusal.status, retry_after=refusal.retry_after)
    except web.HTTPException as error:
        return request.app[ANSWERS].instead_of(request, error)
    except Exception as error:
        if _is_out_of_order(error):
            log.error("хранилище не отвечает (%s): %s %s", error, request.method, request.path)  # noqa: TRY400 - all is said
            return request.app[ANSWERS].to(request, HTTPStatus.SERVICE_UNAVAILABLE, retry_after=COME_BACK_SECONDS)
        log.exception("страница не построена: %s %s", request.method, request.path)
        return request.app[ANSWERS].to(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def _is_out_of_order(error: Exception) -> bool:
    """The disk is full or broken, or somebody writes for too long: nothing was stored, and later it may be."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & PRIMARY_CODE in OUT_OF_ORDER
