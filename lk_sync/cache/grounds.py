"""Grounds: from what were the charges of an account counted?

A part of the reader's picture (`reader.View`): lines with everything that is known of them, and what is published
beside them: what houses and meters have shown, how cold it was.
"""

from __future__ import annotations

from typing import NamedTuple

from lk_sync.cache.past import Past
from lk_sync.records import Day, Kopecks, Micro, Month


class HouseVolume(NamedTuple):
    """What the meter of a house showed for a service in a month. `area_micro`: over which area it is shared."""

    period: Month
    service: str
    volume_micro: Micro
    area_micro: Micro | None


class TakenReading(NamedTuple):
    """A reading of any meter of the account."""

    meter: str
    taken_on: Day
    period: Month
    value_micro: Micro
    source: str


class FullCharge(NamedTuple):
    """A line of charges with all that the accounting system says of how it was counted."""

    period: Month
    service: str
    component: str
    volume_micro: Micro | None
    tariff_micro: Micro | None
    method: str
    charged_kopecks: Kopecks
    recalculated_kopecks: Kopecks
    recalculation_reason: str | None
    benefit_kopecks: Kopecks
    total_kopecks: Kopecks
    days: int | None = None
    norm_micro: Micro | None = None
    uplift_micro: Micro | None = None


class Grounds(Past):
    """Statements are those of `reader.sql`."""

    _codes: dict[int, str]

    def full_charges(self, account: int, first: Month, last: Month) -> list[FullCharge]:
        """All that is known of how the lines of a range of months were counted, in key order."""
        codes = self._codes
        rows = self._rows("full_charges", account=account, first=first, last=last)
        return [
            FullCharge._make(
                (row[0], codes[row[1]], codes[row[2]], *row[3:5], codes[row[5]], *row[6:8], codes.get(row[8]), *row[9:])
            )
            for row in rows
        ]

    def house_volumes(self, account: int, first: Month, last: Month) -> list[HouseVolume]:
        """What the meter of the account's house showed in a range of months."""
        codes = self._codes
        found = self._rows("house_volumes", account=account, first=first, last=last)
        return [HouseVolume(row[0], codes[row[1]], row[2], row[3]) for row in found]

    def readings_of(self, account: int, first: Month, last: Month, *, since: Day) -> list[TakenReading]:
        """Readings of all meters that were used for a range of months, meter by meter in the order they were taken."""
        codes = self._codes
        found = self._rows("readings_of", account=account, first=first, last=last, since=since)
        return [TakenReading._make((*row[:4], codes[row[4]])) for row in found]
