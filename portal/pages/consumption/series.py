"""Series: what did an account use of a service in each month, and how does the supplier know?

A series is what one service took in one unit; a service whose bill has several units has several. A month is told by
its lines: without a volume it is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from lk_sync.cache.reader import ChargeLine, Title, View
from lk_sync.records import Micro, Month, next_month

METERED: Final = frozenset({"meter", "house_meter"})
HEAT: Final = frozenset({"Gcal", "GJ", "kWh"})
State = Literal["metered", "estimated", "no volume", "not charged", "unknown"]


class Used(msgspec.Struct, frozen=True):
    """A month of a series. `volume` None: `state` says why. `methods` are codes."""

    month: Month
    state: State
    volume: Micro | None = None
    methods: tuple[str, ...] = ()


class Series(msgspec.Struct, frozen=True):
    """`unit` None: the source does not say. `components` are those that its volumes are of."""

    service: str
    title: str
    unit: str | None
    components: frozenset[str]
    months: Mapping[Month, Used]

    @property
    def name(self) -> str:
        """How the address calls it."""
        return f"{self.service}.{self.unit or '-'.join(sorted(self.components))}"

    @property
    def is_heat(self) -> bool:
        return self.unit in HEAT

    def at(self, month: Month) -> Used:
        return self.months[month]

    def sum_of(self, months: Iterable[Month]) -> Micro:
        return sum(self.months[month].volume or 0 for month in months)


def all_series(view: View, account: int, first: Month, last: Month) -> list[Series]:
    """In the order of the bill; those that have no volume in any month are left out."""
    lines = view.charges(account, first, last)
    groups: dict[tuple[str, str], list[ChargeLine]] = {}
    for line in sorted(lines, key=lambda line: _title(view, line).position):
        title = _title(view, line)
        groups.setdefault((title.service, title.unit or f"-{title.component}"), []).append(line)
    billed = {line[0] for line in lines}
    months = [next_month(first, by) for by in range(_count(first, last))]
    return [
        _series(view, group, months, billed) for group in groups.values() if any(line[3] is not None for line in group)
    ]


def _title(view: View, line: ChargeLine) -> Title:
    """A component that the source has not named stands last, under its code."""
    known = view.titles.get((line[1], line[2]))
    return known or Title(view.code(line[1]), view.code(line[2]), view.code(line[1]), None, 1 << 30)


def _count(first: Month, last: Month) -> int:
    return (last // 100 - first // 100) * 12 + last % 100 - first % 100 + 1


def _series(view: View, lines: list[ChargeLine], months: list[Month], billed: set[Month]) -> Series:
    titles = [_title(view, line) for line in lines]
    of: dict[Month, list[ChargeLine]] = {}
    for line in lines:
        of.setdefault(line[0], []).append(line)
    return Series(
        service=titles[0].service,
        title=view.service_title(titles[0].service),
        unit=titles[0].unit,
        components=frozenset(title.component for title in titles),
        months={month: _used(view, month, of.get(month, []), month in billed) for month in months},
    )


def _used(view: View, month: Month, lines: list[ChargeLine], billed: bool) -> Used:
    measured = [line for line in lines if line[3] is not None]
    if not measured:
        return Used(month, "no volume" if lines else "not charged" if billed else "unknown")
    methods = tuple(dict.fromkeys(view.code(line[5]) for line in measured))
    state: State = "metered" if METERED.issuperset(methods) else "estimated"
    return Used(month, state, sum(line[3] or 0 for line in measured), methods)
