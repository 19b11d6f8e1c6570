"""Stopping: how are letters stopped by who reads them, without a login?

The address stands in every letter and is signed for this purpose only. A mail program sends the form itself (RFC 8058);
whoever opens the address sees what would be stopped and a button: programs that look at links in letters stop nothing.
"""

from __future__ import annotations

from aiohttp import web

from lk_sync.notices.bounces import masked
from lk_sync.store import audit, signing, switches, users
from lk_sync.store.database import Tx
from lk_sync.store.users import User
from portal.access import address, sealed
from portal.keys import CLOCK, STORE
from portal.refusal import Refusal
from portal.render import render

routes = web.RouteTableDef()


@routes.get("/unsubscribe/{token}")
@sealed
async def ask(request: web.Request) -> web.Response:
    user = _user(request)
    off = switches.of(request.app[STORE].reading, user_code=user.user_code)
    return _page(request, user, stopped=(switches.ALL, "letter") in off.switches)


@routes.post("/unsubscribe/{token}")
@sealed
async def stop(request: web.Request) -> web.Response:
    user, now, here = _user(request), request.app[CLOCK](), address(request)

    def work(tx: Tx) -> None:
        if switches.put(tx, user_code=user.user_code, kind=switches.ALL, channel="letter", on=False, now=now):
            audit.append(
                tx, actor="visitor", act="letters_stopped", object=f"user:{user.user_code}", now=now, address=here
            )  # fmt: skip

    await request.app[STORE].write(work)
    return _page(request, user, stopped=True)


def _user(request: web.Request) -> User:
    """Raises Refusal (404): the address is not from a letter of ours, or its reader is no user any more."""
    tx = request.app[STORE].reading
    user_code = signing.subject_of(tx, purpose=signing.UNSUBSCRIBE, token=request.match_info["token"])
    user = None if user_code is None else users.find(tx, user_code=user_code)
    if user is None:
        raise Refusal(404)
    return user


def _page(request: web.Request, user: User, *, stopped: bool) -> web.Response:
    token = request.match_info["token"]
    return render(request, "notifications/stop.html", email=masked(user.email), stopped=stopped, token=token)
