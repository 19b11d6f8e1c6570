"""Health: is this process alive, and can it serve subscribers?

For balancers and supervisors. `/readyz` is 503 until the store answers and the cache holds accounts.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from aiohttp import web

from lk_sync.errors import LkError
from portal.access import file
from portal.keys import CACHE, STORE

OUT_OF_ORDER: Final = (sqlite3.Error, LkError)  # of files, of a server
routes = web.RouteTableDef()


@routes.get("/healthz")
@file
async def alive(request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


@routes.get("/readyz")
@file
async def ready(request: web.Request) -> web.Response:
    found = {"store": _store_answers(request.app), "cache": _cache_is_loaded(request.app)}
    return web.json_response(found, status=200 if all(found.values()) else 503)


def _store_answers(app: web.Application) -> bool:
    try:
        app[STORE].reading.row("sessions.alive")
    except OUT_OF_ORDER:
        return False
    return True


def _cache_is_loaded(app: web.Application) -> bool:
    try:
        with app[CACHE].view() as view:
            return view.state("accounts") is not None
    except OUT_OF_ORDER:
        return False
