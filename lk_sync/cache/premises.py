"""Premises: what stands in an account's premise and house, what do its services cost, and what has a payment closed?

A part of the reader's picture (`reader.View`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lk_sync.cache.past import Past
from lk_sync.records import Day, Instant, Kopecks, Micro, Month


class EquipmentRow(NamedTuple):
    equipment: str
    title: str
    serial: str | None
    place: str | None
    installed_on: Day | None
    removed_on: Day | None


class PriceRow(NamedTuple):
    """A tariff (rubles per unit) or a norm (units of the service `per` m², person or m³) with the days it holds."""

    service: str
    component: str
    since: Day
    until: Day | None
    micro: Micro
    per: str | None
    basis: str | None


class WorksRow(NamedTuple):
    """`service` None: all of them; `here`: for this house and not for the whole town."""

    kind: str
    service: str | None
    starts_at: Instant
    ends_at: Instant | None
    what: str
    here: bool


class AllocatedRow(NamedTuple):
    """A part of a payment: what it has closed."""

    payment: str
    period: Month
    service: str
    part: str
    amount_kopecks: Kopecks


class Premises(Past):
    """Statements are those of `reader.sql`."""

    _codes: dict[int, str]

    def equipment(self, account: int) -> list[EquipmentRow]:
        """What is there comes first."""
        return [EquipmentRow._make(row) for row in self._rows("equipment", account=account)]

    def tariffs(self, account: int, since: Day) -> list[PriceRow]:
        """Of the components that the account was ever charged for, those that hold or held on `since` or later."""
        return self._prices(self._rows("tariffs", account=account, since=since))

    def norms(self, account: int, since: Day) -> list[PriceRow]:
        return self._prices(self._rows("norms", account=account, since=since))

    def _prices(self, rows: list[tuple[Any, ...]]) -> list[PriceRow]:
        codes = self._codes
        return [
            PriceRow._make((codes[row[0]], codes[row[1]], *row[2:5], None if row[5] is None else codes[row[5]], row[6]))
            for row in rows
        ]

    def works(self, account: int, now: Instant, most: int = 20) -> list[WorksRow]:
        """Those not over at `now`, for the house of the account and for the whole town, the next ones first."""
        codes = self._codes
        return [
            WorksRow._make((codes[row[0]], None if row[1] is None else codes[row[1]], *row[2:5], row[5] is not None))
            for row in self._rows("works", account=account, now=now, most=most)
        ]

    def allocations(self, account: int, first: Day, last: Day) -> dict[str, list[AllocatedRow]]:
        """Of payments of the days from `first` to `last`, by payment."""
        codes, found = self._codes, dict[str, list[AllocatedRow]]()
        for row in self._rows("allocations", account=account, first=first, last=last):
            found.setdefault(row[0], []).append(AllocatedRow(row[0], row[1], codes[row[2]], codes[row[3]], row[4]))
        return found
