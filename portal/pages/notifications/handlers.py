"""Handlers: what has the reader been told, what of it has he not seen yet?

What is new stands first. Opening the page is seeing it: it is marked as read when it was shown, but not for a browser
that only fetches pages ahead. The page itself still shows it as new; so the mark takes nothing away from anybody.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec
from aiohttp import hdrs, web

from lk_sync.notices.bounces import masked
from lk_sync.store import addresses, notifications, users
from lk_sync.store.database import Tx
from portal.access import Need, Visitor, form, open_to, visitor
from portal.keys import CLOCK, STORE
from portal.refusal import Refusal, see_other
from portal.render import FRAME, frame_of, render

routes = web.RouteTableDef()
NEW_AT_ONCE: Final = 50
EARLIER_AT_ONCE: Final = 30
AHEAD: Final = ("Sec-Purpose", "Purpose", "X-Moz")  # headers of a browser that fetches ahead of its reader


@routes.get("/notifications")
@open_to(Need.PERSON)
async def show(request: web.Request) -> web.Response:
    reader, tx = visitor(request), request.app[STORE].reading
    before = _place(tx, reader, request.query.get("before"))
    new = [] if before else notifications.unread(tx, user_code=reader.user_code, most=NEW_AT_ONCE)
    earlier = notifications.earlier(tx, user_code=reader.user_code, before=before, most=EARLIER_AT_ONCE + 1)
    if new and request.method == hdrs.METH_GET and not any(name in request.headers for name in AHEAD):
        await _mark(request, reader, new)
    return render(
        request,
        "notifications/page.html",
        new=new,
        earlier=earlier[:EARLIER_AT_ONCE],
        more=earlier[EARLIER_AT_ONCE - 1].notification if len(earlier) > EARLIER_AT_ONCE else None,
        first=before is None,
        left=frame_of(request).unread if new else 0,
        until=new[0].created_at if new else "",
        account=reader.account,
        refused=_refused(tx, reader),
    )


def _place(tx: Tx, reader: Visitor, before: str | None) -> tuple[str, str] | None:
    """Raises Refusal (404) for one that is not the reader's own."""
    if before is None:
        return None
    found = notifications.place(tx, user_code=reader.user_code, notification=before[:64])
    if found is None:
        raise Refusal(404)
    return found


async def _mark(request: web.Request, reader: Visitor, new: list[notifications.Notification]) -> None:
    seen, now = [each.notification for each in new], request.app[CLOCK]()
    await request.app[STORE].write(partial(notifications.read, user_code=reader.user_code, seen=seen, now=now))
    frame = frame_of(request)
    request[FRAME] = msgspec.structs.replace(frame, unread=max(0, frame.unread - len(seen)))


def _refused(tx: Tx, reader: Visitor) -> str | None:
    """The address that letters do not reach, as its owner knows it."""
    user = users.find(tx, user_code=reader.user_code)
    if user is None or addresses.refusal(tx, address=user.email) is None:
        return None
    return masked(user.email)


@routes.post("/notifications/read")
@open_to(Need.PERSON)
async def read_all(request: web.Request) -> web.Response:
    """All that there was when the page was made; what has come since stays new."""
    reader, now, until = visitor(request), request.app[CLOCK](), form(request).get("until", "")[:40]
    await request.app[STORE].write(
        partial(notifications.read_all, user_code=reader.user_code, until=until, now=now)
    )  # fmt: skip
    return see_other("/notifications")


@routes.post("/notifications/address")
@open_to(Need.PERSON)
async def address_is_in_order(request: web.Request) -> web.Response:
    """The reader says that letters arrive again; if they do not, the next one tells."""
    reader = visitor(request)

    def work(tx: Tx) -> None:
        user = users.find(tx, user_code=reader.user_code)
        if user is not None:
            addresses.accepted(tx, address=user.email)

    await request.app[STORE].write(work)
    return see_other("/notifications")
