"""Paper: does the owner of an account want the bill on paper, or only in the cabinet and by letter?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from lk_sync.store import audit, preferences
from lk_sync.store.database import Tx
from portal.access import address, form, subscriber, visitor
from portal.keys import CLOCK, STORE
from portal.refusal import Refusal, see_other
from portal.render import render

WISHES: Final = ("paper", "electronic")

routes = web.RouteTableDef()


def name(account: str) -> str:
    """Of the preference: the wish is about one account."""
    return f"bill {account}"


@routes.get("/settings/bill")
@subscriber
async def show(request: web.Request) -> web.Response:
    who = visitor(request)
    wish = preferences.of_user(request.app[STORE].reading, user_code=who.user_code).get(name(who.account), "paper")
    return render(request, "settings/paper.html", wish=wish, saved="saved" in request.query)


@routes.post("/settings/bill")
@subscriber
async def choose(request: web.Request) -> web.Response:
    who, wish, now, here = visitor(request), form(request).get("wish", ""), request.app[CLOCK](), address(request)
    if wish not in WISHES:
        raise Refusal(HTTPStatus.BAD_REQUEST)

    def work(tx: Tx) -> None:
        if preferences.choose(tx, user_code=who.user_code, name=name(who.account), value=wish, now=now):
            about, told = f"account:{who.account}", {"wish": wish}
            audit.append(
                tx, actor=who.user_code, act="bill_wish", object=about, now=now, address=here, detail=told,
                account=who.account,
            )  # fmt: skip

    await request.app[STORE].write(work)
    return see_other("/settings/bill?saved")
