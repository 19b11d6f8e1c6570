"""Comparison: how do two months of an account differ, service by service, and does it add up?

Every number is the accounting system's; only differences of them are made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from lk_sync.cache.grounds import FullCharge
from lk_sync.cache.reader import Settlement, View
from lk_sync.records import Kopecks, Month
from portal.pages.difference.parts import Part, parts_of

Key = tuple[str, str]  # service and component


class LineDifference(msgspec.Struct, frozen=True):
    """A component of a service. `was`, `now` None: there was no such line."""

    title: str
    unit: str | None
    was: FullCharge | None
    now: FullCharge | None
    parts: Sequence[Part]


class ServiceDifference(msgspec.Struct):
    """A service: its lines and its penalty."""

    title: str
    lines: list[LineDifference]
    penalty_was: Kopecks = 0
    penalty_now: Kopecks = 0

    @property
    def was(self) -> Kopecks:
        return self.penalty_was + sum(line.was.total_kopecks for line in self.lines if line.was)

    @property
    def now(self) -> Kopecks:
        return self.penalty_now + sum(line.now.total_kopecks for line in self.lines if line.now)

    @property
    def penalty(self) -> Kopecks:
        return self.penalty_now - self.penalty_was


class Turn(msgspec.Struct, frozen=True):
    """How the balance of a month moved: all services together."""

    opening: Kopecks
    total: Kopecks
    paid: Kopecks
    closing: Kopecks

    @property
    def unexplained(self) -> Kopecks:
        """What the source's own figures do not account for."""
        return self.closing - (self.opening + self.total - self.paid)


class Comparison(msgspec.Struct, frozen=True):
    """`was_turn`, `now_turn` None: there is no balance of that month. `empty`: months without lines and penalties."""

    was_month: Month
    now_month: Month
    services: list[ServiceDifference]
    was_turn: Turn | None
    now_turn: Turn | None
    empty: frozenset[Month]

    @property
    def was(self) -> Kopecks:
        return sum(service.was for service in self.services)

    @property
    def now(self) -> Kopecks:
        return sum(service.now for service in self.services)


def comparison(view: View, account: int, was_month: Month, now_month: Month) -> Comparison:
    """Of two months that differ."""
    lines = {month: view.full_charges(account, month, month) for month in (was_month, now_month)}
    settlements = {month: view.settlements(account, month, month) for month in (was_month, now_month)}
    services = _services(view, lines[was_month], lines[now_month])
    for month, rows in settlements.items():
        _add_penalties(view, services, rows, now=month == now_month)
    return Comparison(
        was_month,
        now_month,
        [services[service] for service in sorted(services, key=view.service_position)],
        _turn(lines[was_month], settlements[was_month]),
        _turn(lines[now_month], settlements[now_month]),
        frozenset(month for month in lines if not lines[month] and not settlements[month]),
    )


def _services(view: View, was: Iterable[FullCharge], now: Iterable[FullCharge]) -> dict[str, ServiceDifference]:
    former, present = ({(line.service, line.component): line for line in lines} for lines in (was, now))
    services: dict[str, ServiceDifference] = {}
    for key in sorted({*former, *present}, key=lambda key: (view.title(*key).position, key)):
        service, component = key
        title = view.title(service, component)
        line = LineDifference(
            title.title, title.unit, former.get(key), present.get(key), parts_of(former.get(key), present.get(key))
        )
        services.setdefault(service, ServiceDifference(view.service_title(service), [])).lines.append(line)
    return services


def _add_penalties(
    view: View, services: dict[str, ServiceDifference], settlements: Iterable[Settlement], *, now: bool
) -> None:
    for _, service_id, _, penalty, _, _ in settlements:
        if penalty:
            code = view.code(service_id)
            service = services.setdefault(code, ServiceDifference(view.service_title(code), []))
            if now:
                service.penalty_now += penalty
            else:
                service.penalty_was += penalty


def _turn(lines: Iterable[FullCharge], settlements: Sequence[Settlement]) -> Turn | None:
    if not settlements:
        return None
    return Turn(
        sum(row[2] for row in settlements),
        sum(line.total_kopecks for line in lines) + sum(row[3] for row in settlements),
        sum(row[4] for row in settlements),
        sum(row[5] for row in settlements),
    )
