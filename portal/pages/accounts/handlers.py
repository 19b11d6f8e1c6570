"""Accounts: the list, the change from one to another, their names, and how one leaves the list."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final, NamedTuple

from aiohttp import web

from lk_sync.cache.reader import CacheReader
from lk_sync.clock import instant
from lk_sync.store import audit, links, registrations, sessions, users
from lk_sync.store.database import Tx
from lk_sync.store.links import Link
from portal.access import SESSION, Need, address, form, open_to, visitor
from portal.accounts import canonical
from portal.keys import CACHE, CLOCK, STORE
from portal.refusal import Refusal, see_other
from portal.render import render

ALIAS_LONGEST: Final = 40
SHOWN_FOR: Final = timedelta(days=1)

routes = web.RouteTableDef()


class Shown(NamedTuple):
    """`place`: the address in the books; empty when the books do not know the account."""

    link: Link
    place: str


@routes.get("/accounts")
@open_to(Need.PERSON)
async def show(request: web.Request) -> web.Response:
    who, app, now = visitor(request), request.app, request.app[CLOCK]()
    reading = app[STORE].reading
    found = [_shown(app[CACHE], link) for link in links.of_user(reading, user_code=who.user_code, now=now)]
    asked = registrations.of_user(reading, user_code=who.user_code, since=instant(now - SHOWN_FOR))
    return render(
        request,
        "accounts/page.html",
        accounts=[each for each in found if each is not None],
        waiting=[each for each in asked if each.outcome is None],
        refused=[each for each in asked if each.outcome not in (None, "added")],
        longest=ALIAS_LONGEST,
        longer=len(found) > 1,
    )


def _shown(cache: CacheReader, link: Link) -> Shown | None:
    """None: the account has another holder now, and nothing of him is shown."""
    key = cache.account_key(link.account)
    if key is None:
        return Shown(link, "")
    with cache.view() as view:
        card = view.card(key)
    if card is None:
        return Shown(link, "")
    return Shown(link, card.address) if card.holder_key == link.holder_key else None


@routes.post("/accounts")
@open_to(Need.PERSON)
async def change(request: web.Request) -> web.Response:
    """The session shows another account from now on."""
    link, now, here = _wanted(request), request.app[CLOCK](), address(request)
    if _shown(request.app[CACHE], link) is None:
        raise Refusal(HTTPStatus.NOT_FOUND)
    token = request.cookies.get(SESSION, "")

    def work(tx: Tx) -> None:
        sessions.show(tx, token=token, account=link.account)
        about = f"account:{link.account}"
        audit.append(
            tx, actor=link.user_code, act="account_opened", object=about, now=now, address=here, account=link.account
        )

    await request.app[STORE].write(work)
    return see_other("/")


@routes.post("/accounts/name")
@open_to(Need.PERSON)
async def name(request: web.Request) -> web.Response:
    link = _wanted(request)
    alias = " ".join(form(request).get("alias", "").split())[:ALIAS_LONGEST]
    if not alias.isprintable():
        raise Refusal(HTTPStatus.BAD_REQUEST)
    await request.app[STORE].write(
        lambda tx: links.name(tx, user_code=link.user_code, account=link.account, alias=alias)
    )
    return see_other("/accounts")


@routes.post("/accounts/leave")
@open_to(Need.PERSON)
async def leave(request: web.Request) -> web.Response:
    """One of several leaves the list; the last one does not, for that would end the user record."""
    link, now, here = _wanted(request), request.app[CLOCK](), address(request)

    def work(tx: Tx) -> None:
        if len(links.of_user(tx, user_code=link.user_code, now=now)) < 2:
            raise Refusal(HTTPStatus.CONFLICT)
        _leave(tx, link, here, now)

    await request.app[STORE].write(work)
    return see_other("/accounts")


def _leave(tx: Tx, link: Link, here: str, now: datetime) -> None:
    users.end_link(tx, link, reason="left", now=now)
    about = f"account:{link.account}"
    audit.append(tx, actor=link.user_code, act="account_left", object=about, now=now, address=here)


def _wanted(request: web.Request) -> Link:
    """The account that the form names, if it is open to whoever sends it."""
    account = canonical(form(request).get("account", ""))
    who, now = visitor(request), request.app[CLOCK]()
    link = None
    if account is not None:
        link = links.one(request.app[STORE].reading, user_code=who.user_code, account=account, now=now)
    if link is None:
        raise Refusal(HTTPStatus.NOT_FOUND)
    return link
