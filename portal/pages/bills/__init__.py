"""Bills: which платёжные документы were issued, for how much, payable until when, and how do they look printed?"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from lk_sync.records import month_number, month_text
from portal.access import Need, open_to, visitor
from portal.bills.office import DESK, PRESS
from portal.bills.paper import paper, tag
from portal.bills.press import PressFault
from portal.freshness import as_of
from portal.keys import CACHE
from portal.language import N_
from portal.paging import part
from portal.refusal import Refusal
from portal.render import MenuItem, render
from portal.spreadsheet import COME_BACK_SECONDS, attachment
from portal.subject import nothing_known, subject_of

MENU = MenuItem("/bills", N_("Квитанции"))
routes = web.RouteTableDef()


@routes.get("/bills")
@open_to(Need.VIEW)
async def show(request: web.Request) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        listed = part(request, view.bills, subject.key, since=subject.since_month)
        stated_as_of = as_of(request, view, "bills")
    printed = [f"/bills/{month_text(row.period)}.pdf?of={tag(row.number)}" for row in listed.rows]
    return render(request, "bills/page.html", bills=listed, printed=printed, as_of=stated_as_of)


@routes.get("/bills/{period}.pdf")
@open_to(Need.VIEW)
async def as_pdf(request: web.Request) -> web.Response:
    """The bill of a month; `of` tells those of the same month apart."""
    try:
        period = month_number(request.match_info["period"])
    except ValueError:
        raise Refusal(HTTPStatus.NOT_FOUND) from None
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        found = subject and paper(view, subject, period, request.app[DESK], of=request.query.get("of"))
    if not found:
        raise Refusal(HTTPStatus.NOT_FOUND)
    try:
        body = await request.app[PRESS].printed(found)
    except PressFault as fault:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, retry_after=COME_BACK_SECONDS) from fault
    return attachment(body, f"bill_{found.payer.account}_{month_text(period)}.pdf", "application/pdf")
