"""Working days: by which day is something due that takes so many working days?

By the production calendar of the folder's `working_days.yaml`, year by year. A year that is not there is reckoned by
the holidays that the law names (ТК РФ, ст. 112), without the days the government moves; `missing` tells of it in time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec

from lk_sync import settings_file
from lk_sync.setting import Strict

FILE: Final = "working_days.yaml"
SATURDAY: Final = 5
COMING_YEAR_KNOWN_FROM_MONTH: Final = 12
HOLIDAYS: Final = frozenset(
    {*((1, day) for day in range(1, 9)), (2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (11, 4)}
)  # fmt: skip

DayOfYear = Annotated[str, msgspec.Meta(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


class Year(Strict, frozen=True, kw_only=True):
    """Days as `MM-DD`. `holidays`: from Monday to Friday, and nobody works. `working`: on a weekend, and all do."""

    holidays: tuple[DayOfYear, ...]
    working: tuple[DayOfYear, ...] = ()


class WorkingDays(msgspec.Struct, frozen=True):
    """The calendar as far as it is known."""

    years: Mapping[int, Year] = {}

    def is_working(self, day: date) -> bool:
        year, weekend = self.years.get(day.year), day.weekday() >= SATURDAY
        if year is None:
            return not weekend and (day.month, day.day) not in HOLIDAYS
        shown = f"{day:%m-%d}"
        return shown in year.working if weekend else shown not in year.holidays

    def due(self, begun: date, days: int) -> date:
        """The last of `days` working days, the first of which follows `begun`."""
        working = (day for day in _after(begun) if self.is_working(day))
        return next(day for at, day in enumerate(working, 1) if at >= days)

    def missing(self, today: date) -> list[int]:
        """Years that promises are reckoned in, and of which nothing is known: this one, and the next one in time."""
        wanted = [today.year] + ([today.year + 1] if today.month >= COMING_YEAR_KNOWN_FROM_MONTH else [])
        return [year for year in wanted if year not in self.years]


def _after(day: date) -> Iterator[date]:
    while True:
        day += timedelta(days=1)
        yield day


def load(folder: Path) -> WorkingDays:
    """Of a folder of settings; without the file nothing is known. Raises SettingsError."""
    path = folder / FILE
    return WorkingDays(settings_file.read(path, dict[int, Year]) if path.exists() else {})
