"""Statement: do the lines of a month add up to its total, and the months to the whole?

Lines and penalties are taken as the accounting system gave them; only sums of what is shown are made here. Where its
own figures do not add up, the page says so in rubles and does not mend them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import msgspec

from lk_sync.cache.reader import ChargeLine, ChargeSum, Labels, Settlement, View, labels
from lk_sync.records import Kopecks, Micro, Month, next_month
from lk_sync.records import month_text as text_of
from portal.pages.charges.period import Period
from portal.vocabulary import Vocabulary

month_text = lru_cache(maxsize=1024)(text_of)
Range = tuple[Month, Month]
MOST_LINES: Final = 250  # of a part of the list: what a small phone loads and scrolls in good time


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


class Fault(NamedTuple):
    """Figures of the accounting system that do not add up: by how much, and where.

    `line`: a line is not charged + recalculated - benefit; `closing`: what the month began with, was charged and was
    paid is not what it ended with; `opening`: it did not begin with what the month before ended with; `unknown`: there
    is no balance of the month.
    """

    kind: Literal["line", "closing", "opening", "unknown"]
    kopecks: Kopecks = 0
    title: str = ""


class MonthShown(msgspec.Struct):
    """A month: its lines, its sums, and the balance before and after, when the accounting system gave one."""

    period: Month
    text: str  # of the month, as an address has it
    lines: list[Line]
    sums: Sums
    opening: Kopecks | None = None
    closing: Kopecks | None = None
    faults: Sequence[Fault] = ()


class ServiceSum(NamedTuple):
    """A component of a service in the whole period."""

    title: str
    volume_micro: Micro | None
    unit: str
    charged: Kopecks
    recalculated: Kopecks
    benefit: Kopecks
    total: Kopecks


class Statement(msgspec.Struct, frozen=True):
    """The months that are shown, the newest first; the sums of the whole period, by service as well when it is longer
    than a month; what it began and ended with. `next_until`: where the next part of a long period begins."""

    months: list[MonthShown]
    whole: Sums
    services: list[ServiceSum]
    opening: Kopecks | None
    closing: Kopecks | None
    next_until: Month | None = None


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


def stated(view: View, account: int, period: Period, vocabulary: Vocabulary) -> Statement:
    """What the page shows of a period."""
    first, begins = max(period.first, period.earliest), max(period.begins, period.earliest)
    charges, settlements = view.charges(account, begins, period.until), view.settlements(account, begins, period.until)
    shown = statement(charges, settlements, view=view, vocabulary=vocabulary)
    if first >= begins and period.from_the_newest and len(charges) <= MOST_LINES:
        return shown
    return _part(_borne(shown.months), begins, view, account, (first, period.last), vocabulary)


def _part(
    months: list[MonthShown], begins: Month, view: View, account: int, whole: Range, vocabulary: Vocabulary
) -> Statement:
    """Some months of a period, and the sums of all."""
    next_until = next_month(months[-1].period if months else begins, -1)
    charges, (penalty, paid, opening, closing) = view.charge_sums(account, *whole), view.turnover(account, *whole)
    sums = Sums(penalty=penalty, total=penalty, paid=paid)
    for _, _, _, charged, recalculated, benefit, total in charges:
        _add_line(sums, charged, recalculated, benefit, total)
    return Statement(
        months,
        sums,
        _services(charges, Names(view, vocabulary)),
        opening,
        closing,
        next_until if next_until >= whole[0] else None,
    )


def _borne(months: Sequence[MonthShown]) -> list[MonthShown]:
    """The newest months that have no more than MOST_LINES together; one at least."""
    borne: list[MonthShown] = []
    lines = 0
    for month in months:
        lines += len(month.lines)
        if borne and lines > MOST_LINES:
            break
        borne.append(month)
    return borne


def statement(
    charges: Sequence[ChargeLine], settlements: Sequence[Settlement], *, view: View, vocabulary: Vocabulary
) -> Statement:
    """Lines and balances of a range of months as a reader sees them, lines in the order of the bill."""
    months: dict[Month, MonthShown] = {}
    services: dict[tuple[int, int], list[Any]] = {}
    names, code, methods = Names(view, vocabulary), view.code, vocabulary.methods
    for charge in sorted(charges, key=lambda each: names[each[1], each[2]][0]):
        period, service, component, volume, tariff, method, charged, recalculated, reason, benefit, total, extra = (
            charge
        )
        key = (service, component)
        _, title, unit = names[key]
        why = "" if reason is None else code(reason)
        month = months.get(period) or months.setdefault(period, MonthShown(period, month_text(period), [], Sums()))
        amounts = charged, recalculated, why, benefit, total
        other = () if extra is None else labels(extra)
        month.lines.append(Line(title, methods[code(method)], volume, unit, tariff, *amounts, other))
        _add_line(month.sums, charged, recalculated, benefit, total)
        _add_to_service(services, key, volume, charged, recalculated, benefit, total)
        if charged + recalculated - benefit != total:
            month.faults = [*month.faults, Fault("line", total - (charged + recalculated - benefit), title)]
    for settlement in settlements:
        period = settlement[0]
        _add_settlement(
            months.get(period) or months.setdefault(period, MonthShown(period, month_text(period), [], Sums())),
            settlement,
        )
    return _whole([months[period] for period in sorted(months, reverse=True)], services, names)


def _whole(newest_first: list[MonthShown], services: Mapping[tuple[int, int], list[Any]], names: Names) -> Statement:
    whole = Sums()
    for month in newest_first:
        whole.add(month.sums)
    _find_faults(newest_first)
    if not newest_first:
        return Statement([], whole, [], None, None)
    of_services = [(*key, *sums) for key, sums in services.items()] if len(newest_first) > 1 else []
    opening, closing = newest_first[-1].opening, newest_first[0].closing
    return Statement(newest_first, whole, _services(of_services, names), opening, closing)


def _add_to_service(
    services: dict[tuple[int, int], list[Any]], key: tuple[int, int], volume: Micro | None, *amounts: Kopecks
) -> None:
    """Lines of the same service and component in one; a volume is the sum of those that are known."""
    sums = services.get(key)
    if sums is None:
        services[key] = [volume, *amounts]
        return
    if volume is not None:
        sums[0] = (sums[0] or 0) + volume
    sums[1] += amounts[0]
    sums[2] += amounts[1]
    sums[3] += amounts[2]
    sums[4] += amounts[3]


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


def _find_faults(newest_first: Sequence[MonthShown]) -> None:
    """Writes into the months where their figures do not add up; a month whose figures do costs next to nothing."""
    before: MonthShown | None = None
    for month in reversed(newest_first):
        opening, closing = month.opening, month.closing
        if opening is None or closing is None:
            month.faults = [*month.faults, Fault("unknown")]
            before = None
            continue
        reached = opening + month.sums.total - month.sums.paid
        if reached != closing:
            month.faults = [*month.faults, Fault("closing", closing - reached)]
        if before is not None and opening != before.closing and next_month(before.period) == month.period:
            month.faults = [*month.faults, Fault("opening", opening - (before.closing or 0))]
        before = month


def _services(sums: Iterable[ChargeSum], names: Names) -> list[ServiceSum]:
    """In the order of the bill."""
    return [
        ServiceSum(names[service, component][1], volume, names[service, component][2], *amounts)
        for service, component, volume, *amounts in sorted(sums, key=lambda each: names[each[0], each[1]][0])
    ]
