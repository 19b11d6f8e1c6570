"""Shield: what becomes of whatever a page raises? An answer of ours, and a line in the log when it is our fault."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from lk_sync.errors import LkError
from portal.keys import ANSWERS
from portal.refusal import Refusal
from portal.visits import harmless

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log: Final = logging.getLogger("portal")
PRIMARY_CODE: Final = 0xFF
OUT_OF_ORDER: Final = (
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY),
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY),
)
COME_BACK_SECONDS: Final = 60


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
            log.error("хранилище не отвечает (%s): %s %s", error, request.method, harmless(request.path))  # noqa: TRY400 - all is said
            return request.app[ANSWERS].to(request, HTTPStatus.SERVICE_UNAVAILABLE, retry_after=COME_BACK_SECONDS)
        log.exception("страница не построена: %s %s", request.method, harmless(request.path))
        return request.app[ANSWERS].to(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def _is_out_of_order(error: Exception) -> bool:
    """The disk is full or broken, somebody writes for too long, the server is away: nothing was stored, later it may
    be."""
    if isinstance(error, LkError):  # the server of the store or of the cache; pages have no other
        return True
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & PRIMARY_CODE in OUT_OF_ORDER
