"""Overview: what is set now, and where is each of it changed?"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from lk_sync.store import users
from portal.access import Need, open_to, visitor
from portal.keys import STORE
from portal.looks import chosen
from portal.refusal import Refusal
from portal.render import render

routes = web.RouteTableDef()


@routes.get("/settings")
@open_to(Need.PERSON)
async def show(request: web.Request) -> web.Response:
    user = users.find(request.app[STORE].reading, user_code=visitor(request).user_code)
    if user is None:
        raise Refusal(HTTPStatus.FORBIDDEN)
    size, contrast = chosen(request)
    return render(request, "settings/page.html", email=user.email, size=size, contrast=contrast)
