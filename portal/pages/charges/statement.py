"""Statement: do the lines of a month add up to its total, and the months to the whole?

Lines and penalties are taken as the accounting system gave them; only sums of what is shown are made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from lk_sync.cache.reader import ChargeLine, Labels, Settlement, View, labels
from lk_sync.records import Kopecks, Micro, Month
from portal.vocabulary import Vocabulary


class Line(NamedTuple):
    """A line of charges in words. charged + recalculated - benefit = total."""

    title: str
    method: str
    volume_micro: Micro | None
    unit: str
    tariff_micro: Micro | None
    charged: Kopecks
    recalculated: Kopecks
    reason: str
    benefit: Kopecks
    total: Kopecks
    extra: Labels


class Sums(msgspec.Struct):
    """Sums of what is shown. `total` = lines + penalty."""

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


class Names(dict[tuple[int, int], tuple[int, str, str]]):
    """Service and component → position on the bill, title, unit. A component without a title has its codes for one."""

    def __init__(self, view: View, vocabulary: Vocabulary) -> None:
        super().__init__(
            (key, (title.position, title.title, vocabulary.units[title.unit] if title.unit else ""))
            for key, title in view.titles.items()
        )
        self._view = view

    def __missing__(self, key: tuple[int, int]) -> tuple[int, str, str]:
        service, component = key
        return 0, f"{self._view.code(service)}: {self._view.code(component)}", ""


def statement(
    charges: Sequence[ChargeLine], settlements: Sequence[Settlement], *, view: View, vocabulary: Vocabulary
) -> Statement:
    """Lines and balances of a range of months as a reader sees them, lines in the order of the bill."""
    months: dict[Month, MonthShown] = {}
    names, code, methods = Names(view, vocabulary), view.code, vocabulary.methods
    for charge in sorted(charges, key=lambda each: names[each[1], each[2]][0]):
        period, service, component, volume, tariff, method, charged, recalculated, reason, benefit, total, extra = (
            charge
        )
        _, title, unit = names[service, component]
        why = "" if reason is None else code(reason)
        month = months.get(period) or months.setdefault(period, MonthShown(period, [], Sums()))
        amounts = charged, recalculated, why, benefit, total
        month.lines.append(Line(title, methods[code(method)], volume, unit, tariff, *amounts, labels(extra)))
        _add_line(month.sums, charged, recalculated, benefit, total)
    for settlement in settlements:
        period = settlement[0]
        _add_settlement(months.get(period) or months.setdefault(period, MonthShown(period, [], Sums())), settlement)
    newest_first = [months[period] for period in sorted(months, reverse=True)]
    whole = Sums()
    for month in newest_first:
        whole.add(month.sums)
    return Statement(newest_first, whole)


def _add_line(sums: Sums, charged: Kopecks, recalculated: Kopecks, benefit: Kopecks, total: Kopecks) -> None:
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
