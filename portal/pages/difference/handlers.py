"""Difference: the page that puts two months side by side."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from lk_sync.cache.reader import View
from lk_sync.records import Month, month_number, month_text, next_month
from portal.access import Need, open_to, visitor
from portal.freshness import AsOf, as_of
from portal.keys import CACHE
from portal.language import N_
from portal.pages.charges.period import options
from portal.pages.difference.comparison import Comparison, comparison
from portal.pages.difference.words import Speaker, Weather
from portal.render import formats, frame_of, render, words
from portal.subject import nothing_known, subject_of
from portal.vocabulary import vocabulary

routes = web.RouteTableDef()
A_YEAR: Final = 12


class Pair(msgspec.Struct, frozen=True):
    """The months that are compared: `now` with `was`, of those from `earliest` to `latest`.

    `error`: what is wrong with what was asked for; the latest two months are compared then.
    """

    was: Month
    now: Month
    earliest: Month
    latest: Month
    error: str | None = None

    @property
    def before(self) -> Month:
        return next_month(self.now, -1)

    @property
    def year_ago(self) -> Month:
        return next_month(self.now, -A_YEAR)


def pair_of(query: Mapping[str, str], earliest: Month, latest: Month) -> Pair:
    """The months of `month` and `with` in the address; without them the latest and the one before."""
    usual = Pair(max(earliest, next_month(latest, -1)), latest, earliest, latest)
    try:
        now = month_number(query["month"]) if "month" in query else latest
        was = month_number(query["with"]) if "with" in query else next_month(now, -1)
    except ValueError:
        return msgspec.structs.replace(usual, error=N_("Такого месяца нет. Выберите месяц из списка."))
    if now == was:
        return msgspec.structs.replace(usual, error=N_("Выберите два разных месяца."))
    if "with" not in query and was < earliest <= now <= latest:
        was = next_month(now)
    if not (earliest <= now <= latest and earliest <= was <= latest):
        return msgspec.structs.replace(usual, error=N_("За такой месяц начислений нет. Выберите месяц из списка."))
    return Pair(was, now, earliest, latest)


@routes.get("/charges/difference")
@open_to(Need.VIEW)
async def show(request: web.Request) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        stated_as_of = as_of(request, view, "charges", "balances")
        months = view.charged_months(subject.key, since=subject.since_month)
        if months is None or months[0] == months[1]:
            return render(request, "difference/none.html", as_of=stated_as_of, months=months)
        pair = pair_of(request.query, *months)
        found = comparison(view, subject.key, pair.was, pair.now)
        weather = _weather(view, pair)
    return _page(request, pair, found, weather, stated_as_of)


def _page(
    request: web.Request, pair: Pair, found: Comparison, weather: Weather | None, stated_as_of: AsOf | None
) -> web.Response:
    shown = formats(request)
    speaker = Speaker(words(request), shown, vocabulary(frame_of(request).language), (pair.was, pair.now), weather)
    services = [(service, speaker.of_service(service)) for service in found.services]
    return render(
        request,
        "difference/page.html",
        status=HTTPStatus.BAD_REQUEST if pair.error else HTTPStatus.OK,
        pair=pair,
        found=found,
        changed=[each for each in services if each[1]],
        unchanged=[service for service, said in services if not said],
        unexplained=any(each.kind == "unexplained" for _, said in services for each in said),
        signed=speaker.signed,
        month_text=month_text,
        now_options=options(pair.earliest, pair.latest, pair.now, shown),
        was_options=options(pair.earliest, pair.latest, pair.was, shown),
        as_of=stated_as_of,
    )


def _weather(view: View, pair: Pair) -> Weather | None:
    """None: the source does not say how cold one of the months was."""
    known = view.weather(*sorted((pair.was, pair.now)))
    return Weather(known[pair.was][0], known[pair.now][0]) if {pair.was, pair.now} <= known.keys() else None
