"""Period: which months does the reader ask for, and which ones could they ask for next?

`from` and `to` in the address name the months; a month, a quarter and a year are only such pairs that are quickly
chosen. Without them the latest twelve months are shown. Of a long period one part is shown, the newest first; `until`
names the newest month of the part.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import msgspec
from markupsafe import Markup

from lk_sync.flow.acceptance import months_between
from lk_sync.formats import Formats
from lk_sync.records import Month, month_number, month_text, next_month
from portal.language import N_

USUAL_MONTHS: Final = 12
MONTHS_OF_A_PART: Final = 36
MOST_OPTIONS: Final = 600

Span = Literal["month", "quarter", "year", "usual", "all", "range"]
Pair = tuple[Month, Month]


class Period(msgspec.Struct, frozen=True):
    """Months `first` to `last`, both included, of those from `earliest` to `latest` that there are. `until`: the newest
    month that is shown of them.

    `error`: what is wrong with what was asked for; the usual months are shown then.
    """

    first: Month
    last: Month
    earliest: Month
    latest: Month
    until: Month
    error: str | None = None

    @property
    def begins(self) -> Month:
        """The oldest month of the part that begins with `until`, if it has no more lines than a page bears."""
        return max(self.first, next_month(self.until, 1 - MONTHS_OF_A_PART))

    @property
    def from_the_newest(self) -> bool:
        """Whether no part of the period is newer than the one that is shown."""
        return self.until >= min(self.last, self.latest)


class Choice(NamedTuple):
    """A period that is one press away: the query that asks for it, and whether it is the one that is shown."""

    span: Span
    query: str
    chosen: bool


class Choices(NamedTuple):
    """What is shown now, what else may be chosen, and the periods of the same length beside it, None where there is
    none. `whole` asks for the period from its newest month on, `shown` for the part of it that is shown."""

    span: Span
    all: tuple[Choice, ...]
    whole: str
    shown: str
    earlier: str | None
    later: str | None


def period_of(query: Mapping[str, str], earliest: Month, latest: Month) -> Period:
    """The months of `from` and `to` in the address; without them the latest twelve."""
    usual = Period(max(earliest, next_month(latest, 1 - USUAL_MONTHS)), latest, earliest, latest, latest)
    try:
        first = month_number(query["from"]) if "from" in query else usual.first
        last = month_number(query["to"]) if "to" in query else usual.last
        until = month_number(query["until"]) if "until" in query else last
    except ValueError:
        return msgspec.structs.replace(usual, error=N_("Такого месяца нет. Выберите месяц из списка."))
    if first > last:
        return msgspec.structs.replace(usual, error=N_("Первый месяц позже последнего. Поменяйте их местами."))
    return Period(first, last, earliest, latest, min(max(first, until), last, max(latest, first)))


@lru_cache(maxsize=4096)
def choices(period: Period) -> Choices:
    """Most readers see the same ones."""
    pairs = _pairs(period)
    pair = (period.first, period.last)
    span: Span = next((name for name, each in pairs.items() if each == pair), "range")
    whole = query_of(pair)
    return Choices(
        span,
        tuple(Choice(name, query_of(each), name == span) for name, each in pairs.items()),
        whole,
        whole if period.from_the_newest else part_of(whole, period.until),
        _if_there(period, _stepped(period, -1)),
        _if_there(period, _stepped(period, 1)),
    )


def _pairs(period: Period) -> dict[Span, Pair]:
    """The month, quarter and year that the last month that is shown belongs to; the usual months; all."""
    last = min(period.last, max(period.latest, period.first))
    year, quarter = last // 100 * 100, (last % 100 - 1) // 3 * 3 + 1
    return {
        "month": (last, last),
        "quarter": (year + quarter, year + quarter + 2),
        "year": (year + 1, year + 12),
        "usual": (max(period.earliest, next_month(period.latest, 1 - USUAL_MONTHS)), period.latest),
        "all": (period.earliest, period.latest),
    }


def _stepped(period: Period, direction: int) -> Pair:
    """The period of the same length next to this one."""
    by = direction * (months_between(period.first, period.last) + 1)
    return next_month(period.first, by), next_month(period.last, by)


def _if_there(period: Period, pair: Pair) -> str | None:
    first, last = pair
    return query_of(pair) if last >= period.earliest and first <= period.latest else None


def query_of(pair: Pair) -> str:
    return f"from={month_text(pair[0])}&to={month_text(pair[1])}"


def part_of(query: str, until: Month) -> str:
    """The query for the part of a period that begins with the month `until`."""
    return f"{query}&until={month_text(until)}"


@lru_cache(maxsize=4096)
def options(earliest: Month, latest: Month, chosen: Month, formats: Formats) -> Markup:
    """The months as options of a select, the newest first. Most readers see the same ones."""
    count = min(months_between(earliest, latest) + 1, MOST_OPTIONS)
    months = [next_month(latest, -back) for back in range(count)]
    if chosen not in months:
        months.insert(0 if chosen > latest else count, chosen)
    return Markup("").join(_option(month, formats.month(month), month == chosen) for month in months)


def _option(month: Month, title: str, chosen: bool) -> Markup:
    return Markup('<option value="{}"{}>{}</option>').format(
        month_text(month), Markup(" selected") if chosen else "", title
    )
