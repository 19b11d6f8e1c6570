"""Statement: do the lines of a month add up to its total, and the months to the whole?

Lines and penalties are taken as the accounting system gave them; only sums of what is shown are made here. Text is
made once per cell, because a year is some three hundred cells and the page is made while its reader waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from lk_sync.cache.reader import ChargeLine, Settlement, View
from lk_sync.records import Kopecks, Month
from portal.formats import NBSP, Formats
from portal.vocabulary import Vocabulary


class Line(NamedTuple):
    """A line as text; empty: there was none. Money adds up to `total`, so a benefit is negative."""

    title: str
    method: str
    volume: str
    tariff: str
    charged: str
    recalculated: str
    reason: str
    benefit: str
    total: str


class Sums(msgspec.Struct):
    """Sums of what is shown, in kopecks. `total` = lines + penalty."""

    charged: Kopecks = 0
    recalculated: Kopecks = 0
    benefit: Kopecks = 0
    penalty: Kopecks = 0
    total: Kopecks = 0
    paid: Kopecks = 0

    def add(self, other: Sums) -> None:
        self.charged += other.charged
        self.recalculated += other.recalculated
        self.benefit += other.benefit
        self.penalty += other.penalty
        self.total += other.total
        self.paid += other.paid


class MonthShown(msgspec.Struct):
    """A month: its lines, its sums, and the balance before and after, when the accounting system gave one."""

    period: Month
    lines: list[Line]
    sums: Sums
    opening: Kopecks | None = None
    closing: Kopecks | None = None


class Statement(msgspec.Struct, frozen=True):
    """The months, the newest first, and the whole."""

    months: list[MonthShown]
    whole: Sums


def statement(
    charges: Sequence[ChargeLine],
    settlements: Sequence[Settlement],
    *,
    view: View,
    formats: Formats,
    vocabulary: Vocabulary,
) -> Statement:
    """Lines and balances of a range of months, in key order, as a reader sees them."""
    months: dict[Month, MonthShown] = {}
    names = Names(view, formats, vocabulary)
    for charge in sorted(charges, key=names.place):
        month = months.get(charge[0]) or months.setdefault(charge[0], MonthShown(charge[0], [], Sums()))
        _add_line(month, charge, names)
    for settlement in settlements:
        month = months.get(settlement[0]) or months.setdefault(settlement[0], MonthShown(settlement[0], [], Sums()))
        _add_settlement(month, settlement)
    newest_first = [months[period] for period in sorted(months, reverse=True)]
    whole = Sums()
    for month in newest_first:
        whole.add(month.sums)
    return Statement(newest_first, whole)


class Names:
    """How the codes of lines are written for one reader, looked up once per page."""

    def __init__(self, view: View, formats: Formats, vocabulary: Vocabulary) -> None:
        self.formats = formats
        self._view = view
        self._vocabulary = vocabulary
        self._services: dict[tuple[int, int], tuple[int, str, str]] = {}
        self._methods: dict[int, str] = {}

    def place(self, charge: ChargeLine) -> int:
        """Where the bill has this line."""
        return self.service(charge[1], charge[2])[0]

    def service(self, service: int, component: int) -> tuple[int, str, str]:
        """Position on the bill, title and unit of a component."""
        try:
            return self._services[service, component]
        except KeyError:
            found = self._services[service, component] = self._look_up(service, component)
            return found

    def _look_up(self, service: int, component: int) -> tuple[int, str, str]:
        title = self._view.titles.get((service, component))
        if title is None:
            return 0, f"{self._view.code(service)}: {self._view.code(component)}", ""
        return title.position, title.title, NBSP + self._vocabulary.units[title.unit]

    def method(self, code: int) -> str:
        try:
            return self._methods[code]
        except KeyError:
            found = self._methods[code] = self._vocabulary.methods[self._view.code(code)]
            return found

    def reason(self, code: int | None) -> str:
        return "" if code is None else self._view.code(code)


def _add_line(month: MonthShown, charge: ChargeLine, names: Names) -> None:
    _, service, component, volume, tariff, method, charged, recalculated, reason, benefit, total = charge
    _, title, unit = names.service(service, component)
    formats = names.formats
    money = formats.money
    month.lines.append(
        Line(
            title,
            names.method(method),
            "" if volume is None else formats.volume(volume) + unit,
            "" if tariff is None else formats.tariff(tariff),
            money(charged),
            money(recalculated) if recalculated else "",
            names.reason(reason) if recalculated else "",
            money(-benefit) if benefit else "",
            money(total),
        )
    )
    sums = month.sums
    sums.charged += charged
    sums.recalculated += recalculated
    sums.benefit += benefit
    sums.total += total


def _add_settlement(month: MonthShown, settlement: Settlement) -> None:
    _, _, opening, penalty, paid, closing = settlement
    month.opening = (month.opening or 0) + opening
    month.closing = (month.closing or 0) + closing
    month.sums.penalty += penalty
    month.sums.total += penalty
    month.sums.paid += paid
