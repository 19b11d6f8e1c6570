"""Charges: the page for a range of months."""

from __future__ import annotations

from aiohttp import web

from portal.access import subscriber, visitor
from portal.freshness import as_of
from portal.keys import CACHE
from portal.pages.charges.period import options, period_of
from portal.pages.charges.statement import statement
from portal.render import formats, frame_of, render
from portal.subject import nothing_known, subject_of
from portal.vocabulary import vocabulary

routes = web.RouteTableDef()
BAD_QUERY = 400


@routes.get("/charges")
@subscriber
async def show(request: web.Request) -> web.Response:
    shown = formats(request)
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        stated_as_of = as_of(request, view, "charges", "balances")
        months = view.charged_months(subject.key, since=subject.since_month)
        if months is None:
            return render(request, "charges/none.html", as_of=stated_as_of)
        period = period_of(request.query, *months)
        stated = statement(
            view.charges(subject.key, max(period.first, subject.since_month), period.last),
            view.settlements(subject.key, max(period.first, subject.since_month), period.last),
            view=view,
            vocabulary=vocabulary(frame_of(request).language),
        )
    return render(
        request,
        "charges/page.html",
        status=BAD_QUERY if period.error else 200,
        statement=stated,
        period=period,
        from_options=options(period.earliest, period.latest, period.first, shown),
        to_options=options(period.earliest, period.latest, period.last, shown),
        as_of=stated_as_of,
    )
