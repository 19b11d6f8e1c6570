"""Check: the page of a month or of twelve, and the same as a workbook with live formulas."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from lk_sync.records import Month, month_number, month_text, next_month
from portal.access import Need, open_to, visitor
from portal.freshness import AsOf, as_of
from portal.keys import CACHE, LK
from portal.language import N_
from portal.pages.charges.period import options
from portal.pages.check import files
from portal.pages.check.months import MonthChecked, checked_months
from portal.pages.check.words import Speaker
from portal.refusal import Refusal, see_other
from portal.render import formats, frame_of, render, words
from portal.spreadsheet import xlsx
from portal.subject import nothing_known, subject_of
from portal.vocabulary import vocabulary

routes = web.RouteTableDef()
A_YEAR: Final = 12


class Choice(msgspec.Struct, frozen=True):
    """The month that is checked, and whether eleven before it are as well. `error`: what is wrong with the address."""

    month: Month
    year: bool
    earliest: Month
    latest: Month
    error: str | None = None

    @property
    def first(self) -> Month:
        return max(self.earliest, next_month(self.month, 1 - A_YEAR)) if self.year else self.month

    @property
    def text(self) -> str:
        return month_text(self.month)

    @property
    def query(self) -> str:
        return f"month={self.text}&months={A_YEAR}" if self.year else f"month={self.text}"


class Asked(msgspec.Struct, frozen=True):
    """`choice` None: nothing was ever charged."""

    choice: Choice | None
    months: list[MonthChecked]
    titles: Mapping[tuple[str, str], str]
    as_of: AsOf | None


def choice_of(query: Mapping[str, str], earliest: Month, latest: Month) -> Choice:
    """The month of `month` in the address; without it the latest. `months=12` asks for a year up to it."""
    year = query.get("months") == str(A_YEAR)
    usual = Choice(latest, year, earliest, latest)
    try:
        month = month_number(query["month"]) if "month" in query else latest
    except ValueError:
        return msgspec.structs.replace(usual, error=N_("Такого месяца нет. Выберите месяц из списка."))
    if not earliest <= month <= latest:
        return msgspec.structs.replace(usual, error=N_("За такой месяц начислений нет. Выберите месяц из списка."))
    return Choice(month, year, earliest, latest)


@routes.get("/charges/check")
@open_to(Need.VIEW)
async def show(request: web.Request) -> web.Response:
    asked = _asked(request)
    if isinstance(asked, web.Response):
        return asked
    choice = asked.choice
    if choice is None:
        return render(request, "check/none.html", as_of=asked.as_of)
    speaker = _speaker(request)
    shown = [
        (month, [speaker.line(line, asked.titles[line.line.service, line.line.component],
                              metered=line.line.service in month.metered) for line in month.lines])
        for month in asked.months
    ]  # fmt: skip
    return render(
        request,
        "check/page.html",
        status=HTTPStatus.BAD_REQUEST if choice.error else HTTPStatus.OK,
        choice=choice,
        months=shown,
        outcome=speaker.outcome,
        month_text=month_text,
        options=options(choice.earliest, choice.latest, choice.month, formats(request)),
        as_of=asked.as_of,
    )


@routes.get("/charges/check.xlsx")
@open_to(Need.VIEW)
async def as_workbook(request: web.Request) -> web.Response:
    asked = _asked(request)
    if isinstance(asked, web.Response) or asked.choice is None or not asked.months:
        return see_other("/charges/check")
    if asked.choice.error:
        raise Refusal(HTTPStatus.BAD_REQUEST)
    decimals = request.app[LK].checking.volume_decimals
    sheet = files.sheet(asked.months, asked.titles, _speaker(request), words(request), formats(request), decimals)
    return await xlsx(request, [sheet], files.name(visitor(request).account, asked.months))


def _speaker(request: web.Request) -> Speaker:
    return Speaker(words(request), formats(request), vocabulary(frame_of(request).language))


def _asked(request: web.Request) -> Asked | web.Response:
    """What the address asks for; the page instead of it when the account is not in the cache."""
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        stated_as_of = as_of(request, view, "charges")
        known = view.charged_months(subject.key, since=subject.since_month)
        if known is None:
            return Asked(None, [], {}, stated_as_of)
        choice = choice_of(request.query, *known)
        decimals = request.app[LK].checking.volume_decimals
        months = checked_months(view, subject, choice.first, choice.month, decimals=decimals)
        components = {(line.line.service, line.line.component) for month in months for line in month.lines}
        titles = {component: view.title(*component).title for component in components}
    return Asked(choice, months, titles, stated_as_of)
