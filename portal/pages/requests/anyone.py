"""Anyone: how does somebody who has no account ask for one, and learn what became of it?

The request is shown to whoever has its secret link, which goes to the address that was given for the answer. The link
is made of the form, so that the same form sent twice has one.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from lk_sync.clock import instant
from lk_sync.flow.lodge import Lodged, Party
from lk_sync.store import letters, requests, signing
from lk_sync.store.database import Tx
from lk_sync.store.requests import shown as number_shown
from portal.access import public, sealed, takes_files
from portal.keys import CLOCK, REQUESTS, STORE
from portal.pages.requests.handlers import shown
from portal.pages.requests.offered import NOTHING
from portal.pages.requests.writing import NO_FAULTS, again, draft_of, kind_of, page, promised, read, store
from portal.postbox import letters_wait
from portal.refusal import Refusal, see_other
from portal.render import frame_of, render

routes = web.RouteTableDef()
ANYONE = "anyone"


@routes.get("/apply")
@public
async def kinds(request: web.Request) -> web.Response:
    offered = {name: kind for name, kind in request.app[REQUESTS].items() if kind.whose == ANYONE}
    return render(request, "requests/kinds.html", kinds=offered, to="/apply/", days=promised(request))


@routes.get("/apply/{kind}")
@public
async def blank(request: web.Request) -> web.Response:
    name, kind = kind_of(request, whose=ANYONE)
    return page(request, name, kind, NOTHING, NO_FAULTS)


@routes.post("/apply/{kind}")
@public
@takes_files
async def send(request: web.Request) -> web.Response:
    name, kind = kind_of(request, whose=ANYONE)
    sent = await read(request, kind, NOTHING)
    if not sent.is_right:
        return await again(request, name, kind, NOTHING, sent, HTTPStatus.UNPROCESSABLE_ENTITY)
    secret = await request.app[STORE].write(lambda tx: signing.secret(tx, signing.REQUEST, sent.id))
    language = frame_of(request).language
    now = request.app[CLOCK]()

    def tell(tx: Tx, lodged: Lodged) -> None:
        number, title = number_shown(lodged.number), kind.title.to(language)
        letters.write(
            tx,
            kind="request_taken",
            once=f"request_taken:{sent.id}",
            recipient=sent.filled.email,
            language=language,
            context={"number": number, "title": title, "link": f"/asked/{secret}", "submitted_at": instant(now)},
            now=now,
        )

    party = Party(language=language)
    draft = draft_of(request, name, kind, sent, party)
    lodged = await store(request, draft, party, secret=secret, tell=tell)
    if lodged.kind == "conflict":
        return await again(request, name, kind, NOTHING, sent, HTTPStatus.CONFLICT, stored=lodged.number)
    letters_wait(request.app)
    return see_other(f"/asked/{secret}?sent")


@routes.get("/asked/{secret}")
@sealed
async def one(request: web.Request) -> web.Response:
    asked = requests.by_secret(request.app[STORE].reading, secret=request.match_info["secret"])
    if asked is None:
        raise Refusal(HTTPStatus.NOT_FOUND)
    return render(request, "requests/asked.html", **shown(request, asked))
