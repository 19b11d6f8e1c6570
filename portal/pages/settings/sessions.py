"""Sessions: on which devices am I logged in, and how do I end that?"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import web

from lk_sync.clock import instant
from lk_sync.store import audit, sessions, users
from lk_sync.store.database import Tx
from portal import devices
from portal.access import SESSION, Need, Visitor, address, form, open_to, visitor
from portal.keys import CLOCK, LK, STORE
from portal.postbox import letters_wait, tell
from portal.refusal import Refusal, see_other
from portal.render import render

routes = web.RouteTableDef()


class Device(NamedTuple):
    shown: str
    words: str
    address: str
    created_at: str
    seen_at: str


@routes.get("/settings/sessions")
@open_to(Need.PERSON)
async def show(request: web.Request) -> web.Response:
    who, app = visitor(request), request.app
    idle = timedelta(minutes=app[LK].portal.session_idle_minutes)
    lines = sessions.of_user(app[STORE].reading, user_code=who.user_code, now=app[CLOCK](), idle=idle)
    found = [
        Device(line.shown, devices.words(line.browser), line.address, line.created_at, line.seen_at) for line in lines
    ]
    here = [device for device in found if device.shown == who.session]
    others = [device for device in found if device.shown != who.session]
    return render(request, "settings/sessions.html", here=here, others=others, ended="ended" in request.query)


@routes.post("/settings/sessions")
@open_to(Need.PERSON)
async def end(request: web.Request) -> web.Response:
    """One session or all but this one. One that is over already is no fault."""
    who, now, wanted = visitor(request), request.app[CLOCK](), form(request).get("end", "")
    if wanted == who.session or not wanted:
        raise Refusal(HTTPStatus.BAD_REQUEST)
    await request.app[STORE].write(lambda tx: _end(tx, request, who, wanted, now))
    letters_wait(request.app)
    return see_other("/settings/sessions?ended")


def _end(tx: Tx, request: web.Request, who: Visitor, wanted: str, now: datetime) -> None:
    if wanted == "others":
        ended = sessions.end_others(tx, user_code=who.user_code, token=request.cookies.get(SESSION, ""))
    else:
        ended = int(sessions.end_one(tx, user_code=who.user_code, shown=wanted))
    user = users.find(tx, user_code=who.user_code)
    if not ended or user is None:
        return
    about = f"user:{who.user_code}"
    audit.append(tx, actor=who.user_code, act="sessions_ended", object=about, now=now, address=address(request))
    tell(tx, user, "sessions_ended", {"account": who.account, "ended_at": instant(now)}, now=now)
