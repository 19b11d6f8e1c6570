"""Logout: how does a subscriber leave, on every device at once?"""

from __future__ import annotations

from aiohttp import web

from lk_sync.store import audit, sessions
from lk_sync.store.database import Tx
from portal import entry
from portal.access import address, newcomer, visitor
from portal.keys import CLOCK, STORE
from portal.refusal import see_other
from portal.works import way_in

routes = web.RouteTableDef()


@routes.post("/logout")
@newcomer
@way_in
async def log_out(request: web.Request) -> web.Response:
    who, here, now = visitor(request), address(request), request.app[CLOCK]()

    def leave(tx: Tx) -> None:
        sessions.end_all(tx, user_code=who.user_code)
        audit.append(tx, actor=who.user_code, act="logout", object=f"account:{who.account}", now=now, address=here)

    await request.app[STORE].write(leave)
    return entry.dismiss(see_other("/login"))
