"""Handlers: the page of what was used, for a service and twelve months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from lk_sync.cache.reader import View
from lk_sync.records import Micro, Month, month_number, month_text, next_month
from portal.access import Need, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE
from portal.language import N_
from portal.pages.consumption import estimates
from portal.pages.consumption.chart import A_YEAR, chart
from portal.pages.consumption.estimates import MICRO, Beside, at_ordinary_weather, beside, comparable, in_gj, per
from portal.pages.consumption.series import Series, Used, all_series
from portal.render import frame_of, render
from portal.subject import Subject, nothing_known, subject_of
from portal.vocabulary import vocabulary

routes = web.RouteTableDef()


class Asked(msgspec.Struct, frozen=True):
    """Twelve months up to `last`, of those from `earliest` to `latest`; `error`: what is wrong with what was asked."""

    last: Month
    earliest: Month
    latest: Month
    error: str | None = None

    @property
    def months(self) -> list[Month]:
        """Those there are; an account of one month has one."""
        back = range(A_YEAR - 1, -1, -1)
        return [month for by in back if (month := next_month(self.last, -by)) >= self.earliest]

    @property
    def earlier(self) -> str | None:
        before = next_month(self.last, -A_YEAR)
        return month_text(before) if before >= self.earliest else None

    @property
    def later(self) -> str | None:
        return month_text(min(next_month(self.last, A_YEAR), self.latest)) if self.last < self.latest else None


class Line(msgspec.Struct, frozen=True):
    """A month of the table, with the same month a year before it. All but volumes are estimates."""

    now: Used
    then: Used
    how: str
    gj: Micro | None
    share: Micro | None
    ordinary: Micro | None


class Sums(msgspec.Struct, frozen=True):
    """What a year comes to, and how its months compare with those of the year before that are known as well.
    `ordinary`: the same at ordinary weather, where it is known for all of them."""

    volume: Micro | None
    gj: Micro | None
    estimated: int
    months: int
    percent: int | None
    less: bool
    ordinary_percent: int | None
    ordinary_less: bool


WRONG: Final = N_("Такого месяца нет. Показаны последние двенадцать.")


def asked_for(query: Mapping[str, str], earliest: Month, latest: Month) -> Asked:
    if "until" not in query:
        return Asked(latest, earliest, latest)
    try:
        last = month_number(query["until"])
    except ValueError:
        return Asked(latest, earliest, latest, WRONG)
    return Asked(last, earliest, latest) if earliest <= last <= latest else Asked(latest, earliest, latest, WRONG)


@routes.get("/consumption")
@open_to(Need.VIEW)
async def show(request: web.Request) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        stated_as_of = as_of(request, view, "charges")
        months = view.charged_months(subject.key, since=subject.since_month)
        if months is None:
            return render(request, "consumption/none.html", as_of=stated_as_of, asked=None)
        asked = asked_for(request.query, *months)
        first = next_month(asked.months[0], -A_YEAR)
        known = _own(all_series(view, subject.key, max(first, subject.since_month), asked.last), first, asked.last)
        if not known:
            return render(request, "consumption/none.html", as_of=stated_as_of, asked=asked)
        series = next((each for each in known if each.name == request.query.get("of")), known[0])
        weather = view.weather(first, asked.last) if series.is_heat else {}
        context = _context(request, view, subject, series, asked, weather)
    status = HTTPStatus.BAD_REQUEST if asked.error else HTTPStatus.OK
    return render(
        request, "consumption/page.html", status=status, all=known, series=series, asked=asked, month_text=month_text,
        as_of=stated_as_of,
        **context,
    )  # fmt: skip


def _own(known: Sequence[Series], first: Month, last: Month) -> list[Series]:
    """Months before the reader's time are unknown to him."""
    months = [next_month(first, by) for by in range(2 * A_YEAR) if next_month(first, by) <= last]
    return [
        msgspec.structs.replace(each, months={m: each.months.get(m, Used(m, "unknown")) for m in months})
        for each in known
    ]


Weather = Mapping[Month, tuple[Micro, Micro | None]]


def _context(
    request: web.Request, view: View, subject: Subject, series: Series, asked: Asked, weather: Weather
) -> dict[str, object]:
    card = subject.card
    base = card.area_micro if series.is_heat else (card.residents or 0) * MICRO
    months = asked.months
    methods = vocabulary(frame_of(request).language).methods
    lines = [_line(series, month, methods, base, weather) for month in reversed(months)]
    return {
        "chart": chart(series, months),
        "lines": lines,
        "sums": sums(series, months, weather),
        "beside": _beside(view, subject, series, months, base),
        "base": base,
        "has_ordinary": any(line.ordinary is not None for line in lines),
        "has_estimates": any("estimated" in (line.now.state, line.then.state) for line in lines),
        "has_then": any(line.then.volume is not None for line in lines),
    }


def _line(series: Series, month: Month, methods: Mapping[str, str], base: Micro | None, weather: Weather) -> Line:
    now, then = series.at(month), series.at(next_month(month, -A_YEAR))
    return Line(
        now=now,
        then=then,
        how=", ".join(methods[method] for method in now.methods),
        gj=in_gj(series.unit, now.volume),
        share=per(base, now.volume),
        ordinary=at_ordinary_weather(now, weather),
    )


def sums(series: Series, months: Sequence[Month], weather: Weather) -> Sums:
    known = [month for month in months if series.at(month).volume is not None]
    volume = series.sum_of(known) if known else None
    pairs = comparable(series, ((month, next_month(month, -A_YEAR)) for month in months))
    now, then = series.sum_of(now for now, _ in pairs), series.sum_of(then for _, then in pairs)
    difference = estimates.percent(now, then)
    ordinary = _ordinary(series, pairs, weather)
    return Sums(
        volume=volume,
        gj=in_gj(series.unit, volume),
        estimated=sum(series.at(month).state == "estimated" for month in known),
        months=len(pairs),
        percent=None if difference is None else abs(difference),
        less=now < then,
        ordinary_percent=None if ordinary is None else abs(ordinary),
        ordinary_less=ordinary is not None and ordinary < 0,
    )


def _ordinary(series: Series, pairs: Sequence[tuple[Month, Month]], weather: Weather) -> int | None:
    """By how many percent the years differ at ordinary weather; None where a single month of them is not known."""
    both = [(at_ordinary_weather(series.at(now), weather), at_ordinary_weather(series.at(then), weather))
            for now, then in pairs]  # fmt: skip
    known = [(now, then) for now, then in both if now is not None and then is not None]
    if not known or len(known) < len(pairs):
        return None
    return estimates.percent(sum(now for now, _ in known), sum(then for _, then in known))


def _beside(view: View, subject: Subject, series: Series, months: Sequence[Month], base: Micro | None) -> Beside:
    """The newest month that has a volume, beside the house; None of it has: the newest."""
    month = next((m for m in reversed(months) if series.at(m).volume is not None), months[-1])
    house = view.building_of(subject.key)
    flats = None if house is None else view.flats(house, month, series.service)
    return beside(series, series.at(month), flats, base)
