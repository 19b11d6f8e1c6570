"""Adding: how does another account come under the same user record?

By the proof that registration asks for, on the form of registration, settled by the same registrar out of the same
budgets: an own account gives nobody a better chance to guess at another.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from lk_sync.store import links, users
from portal.access import Need, form, open_to, visitor
from portal.keys import CLOCK, STORE
from portal.pages.register.handlers import Place, asked_for, hand_in
from portal.refusal import Refusal

MOST_ACCOUNTS: Final = 20

routes = web.RouteTableDef()


@routes.get("/accounts/add")
@open_to(Need.PERSON)
async def ask(request: web.Request) -> web.Response:
    return asked_for(request, _place(request))


@routes.post("/accounts/add")
@open_to(Need.PERSON)
async def add(request: web.Request) -> web.Response:
    who, app = visitor(request), request.app
    if len(links.of_user(app[STORE].reading, user_code=who.user_code, now=app[CLOCK]())) >= MOST_ACCOUNTS:
        raise Refusal(HTTPStatus.CONFLICT)
    user = users.find(app[STORE].reading, user_code=who.user_code)
    if user is None:
        raise Refusal(HTTPStatus.FORBIDDEN)
    known = {"email": user.email, "rules": "yes", "consent": "yes"}  # given when the user record was made
    return await hand_in(request, {**form(request), **known}, _place(request))


def _place(request: web.Request) -> Place:
    return Place("accounts/add.html", "/accounts", visitor(request).user_code)
