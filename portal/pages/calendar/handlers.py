"""Handlers: how does the owner of an account get the address of its calendar, another one, or none?

The address is shown once, when it is made: afterwards nobody knows it but whoever has it. Only the owner of an account
has a calendar of it.
"""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from aiohttp import web

from lk_sync.store import audit, calendars
from lk_sync.store.database import Tx
from portal.access import address, form, subscriber, visitor
from portal.keys import CLOCK, ORIGIN, STORE
from portal.refusal import Refusal, see_other
from portal.render import frame_of, render

routes = web.RouteTableDef()
ON: Final = "yes"
FORM: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@routes.get("/calendar")
@subscriber
async def show(request: web.Request) -> web.Response:
    return _page(request)


@routes.post("/calendar")
@subscriber
async def begin(request: web.Request) -> web.Response:
    """A new address; the former one opens nothing any more."""
    fields, who, now = form(request), visitor(request), request.app[CLOCK]()
    if FORM.fullmatch(sent := fields.get("form", "")) is None:
        raise Refusal(HTTPStatus.BAD_REQUEST)
    language, here = frame_of(request).language, address(request)

    def work(tx: Tx) -> str | None:
        secret = calendars.begin(
            tx,
            user_code=who.user_code,
            account=who.account,
            form=sent,
            language=language,
            with_sums=fields.get("sums") == ON,
            now=now,
        )
        about = f"account:{who.account}"
        audit.append(tx, actor=who.user_code, act="calendar_begun", object=about, now=now, address=here)
        return secret

    return _page(request, secret=await request.app[STORE].write(work))


@routes.post("/calendar/sums")
@subscriber
async def put_sums(request: web.Request) -> web.Response:
    who, wanted = visitor(request), form(request).get("sums") == ON
    await request.app[STORE].write(
        partial(calendars.put_sums, user_code=who.user_code, account=who.account, with_sums=wanted)
    )  # fmt: skip
    return see_other("/calendar")


@routes.post("/calendar/end")
@subscriber
async def end(request: web.Request) -> web.Response:
    who, now, here = visitor(request), request.app[CLOCK](), address(request)

    def work(tx: Tx) -> None:
        if calendars.end(tx, user_code=who.user_code, account=who.account, now=now):
            about = f"account:{who.account}"
            audit.append(tx, actor=who.user_code, act="calendar_ended", object=about, now=now, address=here)

    await request.app[STORE].write(work)
    return see_other("/calendar")


def _page(request: web.Request, *, secret: str | None = None) -> web.Response:
    who, origin = visitor(request), request.app[ORIGIN]
    path = None if secret is None else f"/calendar/{secret}.ics"
    return render(
        request,
        "calendar/page.html",
        feed=calendars.of_user(request.app[STORE].reading, user_code=who.user_code, account=who.account),
        link=None if path is None else origin.base_url + path,
        webcal=None if path is None else "webcal" + origin.base_url.removeprefix("https").removeprefix("http") + path,
        form=str(uuid4()),
    )
