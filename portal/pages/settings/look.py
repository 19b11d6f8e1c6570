"""Look: how is a page to look, before and after a login?"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from lk_sync.store import preferences
from portal import looks
from portal.access import form, public, visitor_or_none
from portal.keys import CLOCK, STORE
from portal.refusal import Refusal, see_other
from portal.render import render

routes = web.RouteTableDef()


@routes.get("/look")
@public
async def show(request: web.Request) -> web.Response:
    size, contrast = looks.chosen(request)
    return render(request, "settings/look.html", size=size, contrast=contrast, saved="saved" in request.query)


@routes.post("/look")
@public
async def choose(request: web.Request) -> web.Response:
    """Kept in a cookie, and for whoever is logged in in the user record."""
    fields = form(request)
    value = looks.written(fields.get("size", ""), fields.get("contrast", ""))
    if value is None:
        raise Refusal(HTTPStatus.BAD_REQUEST)
    who, now = visitor_or_none(request), request.app[CLOCK]()
    if who is not None:
        await request.app[STORE].write(
            lambda tx: preferences.choose(tx, user_code=who.user_code, name=looks.NAME, value=value, now=now)
        )
    return looks.put(see_other("/look?saved"), value)
