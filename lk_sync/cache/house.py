"""House: how much do the flats of a house use, and how cold was it there?

A part of the reader's picture (`reader.View`). What flats use is read once for each month and house and kept as long
as the data version: nobody's page walks through a large house twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from lk_sync.cache.past import Past
from lk_sync.records import Micro, Month

MOST_FLATS: Final = 2_000  # of a house; one that is larger is a mistake of the source, and is not walked through
MOST_KEPT: Final = 4_096


class FlatUse(NamedTuple):
    """What meters showed in one flat of a house, component by component; whose flat it is nobody can tell."""

    volumes: Mapping[str, Micro]
    area_micro: Micro | None
    residents: int | None


class House(Past):
    """Statements are those of `reader.sql`."""

    _codes: dict[int, str]
    _ids: dict[str, int]
    _flats: dict[tuple[int, Month, str], tuple[FlatUse, ...]]

    def weather(self, first: Month, last: Month) -> dict[Month, tuple[Micro, Micro | None]]:
        """Month → degree-days as they were, and as an ordinary year has them."""
        return {row[0]: (row[1], row[2]) for row in self._rows("weather", first=first, last=last)}

    def flats(self, house: int, period: Month, service: str) -> tuple[FlatUse, ...]:
        """What meters showed of a service in every flat of a house, in no order of flats. Empty: none did."""
        key = (house, period, service)
        if key not in self._flats:
            if len(self._flats) >= MOST_KEPT:
                self._flats.clear()
            self._flats[key] = self._flats_of(*key)
        return self._flats[key]

    def _flats_of(self, house: int, period: Month, service: str) -> tuple[FlatUse, ...]:
        ids, codes = self._ids, self._codes
        found = self._rows(
            "flats",
            building=house,
            period=period,
            service=ids.get(service, -1),
            own_meter=ids.get("meter", -1),
            house_meter=ids.get("house_meter", -1),
            most=MOST_FLATS,
        )
        flats: dict[int, FlatUse] = {}
        for account, component, volume, area, residents in found:
            flat = flats.setdefault(account, FlatUse({}, area, residents))
            flats[account] = flat._replace(volumes={**flat.volumes, codes[component]: volume})
        return tuple(flats.values())
