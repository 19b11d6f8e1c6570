"""Paper: does the owner of an account want the bill on paper, or only in the cabinet and by letter?"""

from __future__ import annotations

from http import HTTPStatus
from typing import get_args

from aiohttp import web

from lk_sync.flow import wish as wishes
from lk_sync.flow.wish import Wish
from lk_sync.store import users
from lk_sync.store.database import Tx
from portal.access import address, form, subscriber, visitor
from portal.keys import CLOCK, STORE
from portal.refusal import Refusal, see_other
from portal.render import render

routes = web.RouteTableDef()


@routes.get("/settings/bill")
@subscriber
async def show(request: web.Request) -> web.Response:
    who = visitor(request)
    wished = wishes.of_account(request.app[STORE].reading, user_code=who.user_code, account=who.account)
    return render(
        request,
        "settings/paper.html",
        wish=wished.wish if wished else "paper",
        passport=wished.passport if wished else None,
        saved="saved" in request.query,
    )


@routes.post("/settings/bill")
@subscriber
async def choose(request: web.Request) -> web.Response:
    who, wanted, now, here = visitor(request), form(request).get("wish", ""), request.app[CLOCK](), address(request)
    if wanted not in get_args(Wish):
        raise Refusal(HTTPStatus.BAD_REQUEST)

    def work(tx: Tx) -> None:
        user = users.find(tx, user_code=who.user_code)
        wishes.wish(
            tx,
            wanted,  # type: ignore[arg-type]  # one of the literals, just looked at
            user_code=who.user_code,
            account=who.account,
            email=user.email if user else "",
            address=here,
            now=now,
        )

    await request.app[STORE].write(work)
    return see_other("/settings/bill?saved")
