"""Period: which months does the reader ask for?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec
from markupsafe import Markup

from lk_sync.flow.acceptance import months_between
from lk_sync.formats import Formats
from lk_sync.records import Month, month_number, month_text, next_month
from portal.language import N_

USUAL_MONTHS: Final = 12
MOST_MONTHS: Final = 36


class Period(msgspec.Struct, frozen=True):
    """Months `first` to `last`, both included, of those from `earliest` to `latest` that there are.

    `error`: what is wrong with what was asked for; the usual months are shown then.
    """

    first: Month
    last: Month
    earliest: Month
    latest: Month
    error: str | None = None


def period_of(query: Mapping[str, str], earliest: Month, latest: Month) -> Period:
    """The months of `from` and `to` in the address; without them the latest twelve."""
    usual = Period(max(earliest, next_month(latest, 1 - USUAL_MONTHS)), latest, earliest, latest)
    try:
        first = month_number(query["from"]) if "from" in query else usual.first
        last = month_number(query["to"]) if "to" in query else usual.last
    except ValueError:
        return msgspec.structs.replace(usual, error=N_("Такого месяца нет. Выберите месяц из списка."))
    if first > last:
        return msgspec.structs.replace(usual, error=N_("Первый месяц позже последнего. Поменяйте их местами."))
    if months_between(first, last) >= MOST_MONTHS:
        return msgspec.structs.replace(usual, error=N_("За один раз можно показать не больше 36 месяцев."))
    return Period(first, last, earliest, latest)


@lru_cache(maxsize=4096)
def options(earliest: Month, latest: Month, chosen: Month, formats: Formats) -> Markup:
    """The months as options of a select, the newest first. Most readers see the same ones."""
    count = months_between(earliest, latest) + 1
    months = [next_month(latest, -back) for back in range(count)]
    if chosen not in months:
        months.insert(0, chosen)
    return Markup("").join(_option(month, formats.month(month), month == chosen) for month in months)


def _option(month: Month, title: str, chosen: bool) -> Markup:
    return Markup('<option value="{}"{}>{}</option>').format(
        month_text(month), Markup(" selected") if chosen else "", title
    )
