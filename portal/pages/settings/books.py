"""Books: what stands in the accounting system about the account, and who changes it?

All of it is shown, and nothing of it is changed here: whoever sends a form is refused and told whom to ask.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from portal.access import subscriber, visitor
from portal.freshness import as_of
from portal.keys import CACHE
from portal.render import render
from portal.subject import nothing_known, subject_of

routes = web.RouteTableDef()


@routes.get("/settings/account")
@subscriber
async def show(request: web.Request) -> web.Response:
    return _page(request, HTTPStatus.OK)


@routes.post("/settings/account")
@subscriber
async def refuse(request: web.Request) -> web.Response:
    return _page(request, HTTPStatus.FORBIDDEN)


def _page(request: web.Request, status: HTTPStatus) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        stated_as_of = as_of(request, view, "accounts")
    refused = status is HTTPStatus.FORBIDDEN
    return render(request, "settings/books.html", status=status, card=subject.card, refused=refused, as_of=stated_as_of)
