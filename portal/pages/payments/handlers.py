"""Payments: the list, by year or whole, and the same as a file."""

from __future__ import annotations

from aiohttp import web

from portal.access import Need, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE, LK
from portal.pages.payments import files
from portal.pages.payments.booked import Booked, apart, booked
from portal.refusal import see_other
from portal.render import formats, frame_of, render, words
from portal.spreadsheet import CSV, attachment, csv_of, xlsx
from portal.subject import nothing_known, subject_of

routes = web.RouteTableDef()


@routes.get("/payments")
@open_to(Need.VIEW)
async def show(request: web.Request) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        found = booked(request, view, subject)
        both = apart(view, view.balance(subject.key))
        stated_as_of = as_of(request, view, "payments")
    return render(
        request,
        "payments/page.html",
        found=found,
        apart=both,
        days=request.app[LK].payments,
        as_of=stated_as_of,
    )


@routes.get("/payments.xlsx")
@open_to(Need.VIEW)
async def as_workbook(request: web.Request) -> web.Response:
    found = _found(request)
    if found is None:
        return see_other("/payments")
    sheet = files.sheet(found, words(request), formats(request))
    return await xlsx(request, [sheet], files.name(visitor(request).account, found))


@routes.get("/payments.csv")
@open_to(Need.VIEW)
async def as_text(request: web.Request) -> web.Response:
    found = _found(request)
    if found is None:
        return see_other("/payments")
    sheet, name = files.sheet(found, words(request), formats(request)), files.name(visitor(request).account, found)
    return attachment(csv_of(sheet, frame_of(request).language), f"{name}.csv", CSV)


def _found(request: web.Request) -> Booked | None:
    """None: there is nothing to make a file of."""
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        found = None if subject is None else booked(request, view, subject)
    return found if found is not None and found.listed.rows else None
