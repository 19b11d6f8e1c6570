"""Charges: the page for a range of months, and the same as a file."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from aiohttp import web

from portal.access import Need, open_to, visitor
from portal.freshness import AsOf, as_of
from portal.keys import CACHE
from portal.pages.charges import files
from portal.pages.charges.period import Period, choices, options, part_of, period_of
from portal.pages.charges.statement import Statement, stated
from portal.refusal import Refusal, see_other
from portal.render import formats, frame_of, render, words
from portal.spreadsheet import CSV, attachment, csv_of, xlsx
from portal.subject import nothing_known, subject_of
from portal.vocabulary import vocabulary

routes = web.RouteTableDef()


class Asked(msgspec.Struct, frozen=True):
    """What a request asks for. `period` None: nothing was ever charged."""

    period: Period | None
    statement: Statement | None
    as_of: AsOf | None


@routes.get("/charges")
@open_to(Need.VIEW)
async def show(request: web.Request) -> web.Response:
    shown = formats(request)
    asked = _asked(request)
    if isinstance(asked, web.Response):
        return asked
    period, statement = asked.period, asked.statement
    if period is None or statement is None:
        return render(request, "charges/none.html", as_of=asked.as_of)
    found = choices(period)
    return render(
        request,
        "charges/page.html",
        status=HTTPStatus.BAD_REQUEST if period.error else HTTPStatus.OK,
        statement=statement,
        period=period,
        choices=found,
        later_query=None if period.from_the_newest else found.whole,
        next_query=part_of(found.whole, statement.next_until) if statement.next_until else None,
        from_options=options(period.earliest, period.latest, period.first, shown),
        to_options=options(period.earliest, period.latest, period.last, shown),
        as_of=asked.as_of,
    )


@routes.get("/charges.xlsx")
@open_to(Need.VIEW)
async def as_workbook(request: web.Request) -> web.Response:
    asked = _asked_for_a_file(request)
    if isinstance(asked, web.Response):
        return asked
    statement, period = asked
    sheets = files.sheets(statement, period, words(request), formats(request))
    return await xlsx(request, sheets, files.name(visitor(request).account, period))


@routes.get("/charges.csv")
@open_to(Need.VIEW)
async def as_text(request: web.Request) -> web.Response:
    asked = _asked_for_a_file(request)
    if isinstance(asked, web.Response):
        return asked
    statement, period = asked
    sheet = files.lines(statement, period, words(request), formats(request))
    name = files.name(visitor(request).account, period)
    return attachment(csv_of(sheet, frame_of(request).language), f"{name}.csv", CSV)


def _asked(request: web.Request) -> Asked | web.Response:
    """What the address asks for; the page instead of it when the account is not in the cache."""
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        stated_as_of = as_of(request, view, "charges", "balances")
        months = view.charged_months(subject.key, since=subject.since_month)
        if months is None:
            return Asked(None, None, stated_as_of)
        period = period_of(request.query, *months)
        return Asked(period, stated(view, subject.key, period, vocabulary(frame_of(request).language)), stated_as_of)


def _asked_for_a_file(request: web.Request) -> tuple[Statement, Period] | web.Response:
    """A file is made of what is there; otherwise the page says what is the matter."""
    asked = _asked(request)
    if isinstance(asked, web.Response) or asked.period is None or asked.statement is None:
        return see_other("/charges")
    if asked.period.error:
        raise Refusal(HTTPStatus.BAD_REQUEST)
    return asked.statement, asked.period
