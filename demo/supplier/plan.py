"""Plan: how large is the supplier, which months do its books hold, and what did a unit cost in each?

A `Plan` is all that the books depend on: the same plan gives the same books, to the byte, on any machine.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from functools import cached_property
from typing import Final

import msgspec

from demo.supplier.money import MICRO, half_up
from lk_sync.records import month_text, next_month

SEASON_DAYS: Final = {10: 17, 11: 30, 12: 31, 1: 31, 2: None, 3: 31, 4: 15}  # 15 October to 15 April
HEAT_OF_MONTH: Final = {10: 7_400, 11: 16_500, 12: 21_300, 1: 23_900, 2: 21_800, 3: 17_200, 4: 7_100}
"""What a house with a meter takes, in millionths of a Gcal per m²; weather and the house change it."""
NORM_OF_MONTH: Final = 20_300
"""The norm of heating, in millionths of a Gcal per m² and whole month of the season."""
WATER_NORM: Final = 3_040_000
"""The norm of hot water, in millionths of m³ per resident and month."""
HEAT_OF_WATER: Final = 60_300
"""Heat that warms a cubic metre of water, in millionths of a Gcal."""

BASE_YEAR: Final = 2020
BASE_HEAT_TARIFF: Final = 1_987_410_000
BASE_CARRIER_TARIFF: Final = 31_870_000
RISES_PERMILLE: Final = (38, 37, 41, 90, 52, 92, 118, 96)
"""By how much the tariffs rose in July of `BASE_YEAR` + position; later years rise like the last one."""
NEW_TERMS_FROM: Final = 202602
"""Bills of this month and later are due by the 15th of the next month, earlier ones by the 10th."""


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every account in a month."""

    position: int
    period: int
    text: str
    days: int
    last_day: str
    season_days: int
    heat_tariff: int
    carrier_tariff: int
    norm_micro: int
    heat_micro: int
    issued_on: str
    due_on: str

    def day(self, number: int) -> str:
        """The ISO date of a day of this month; a day beyond its end is its last."""
        return f"{self.text}-{min(number, self.days):02d}"


class Plan(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """`today` is a day of the open month; the month before it is closed and billed."""

    seed: int = 20_261_123
    accounts: int = 500
    today: date = date(2026, 11, 23)
    months: int = 36

    @cached_property
    def last_closed(self) -> int:
        return next_month(self.today.year * 100 + self.today.month, -1)

    @cached_property
    def closed_months(self) -> tuple[Month, ...]:
        first = next_month(self.last_closed, 1 - self.months)
        return tuple(month(next_month(first, by), by) for by in range(self.months))

    @cached_property
    def open_month(self) -> Month:
        return month(next_month(self.last_closed), self.months)


def month(period: int, position: int) -> Month:
    number = period % 100
    days = monthrange(period // 100, number)[1]
    season = (SEASON_DAYS[number] or days) if number in SEASON_DAYS else 0
    following = month_text(next_month(period))
    return Month(
        position=position,
        period=period,
        text=month_text(period),
        days=days,
        last_day=f"{month_text(period)}-{days:02d}",
        season_days=season,
        heat_tariff=tariff(BASE_HEAT_TARIFF, period),
        carrier_tariff=tariff(BASE_CARRIER_TARIFF, period),
        norm_micro=half_up(NORM_OF_MONTH * season, days),
        heat_micro=HEAT_OF_MONTH.get(number, 0),
        issued_on=f"{following}-01",
        due_on=f"{following}-{15 if period >= NEW_TERMS_FROM else 10}",
    )


def tariff(base_micro: int, period: int) -> int:
    """The tariff in millionths of a ruble, whole kopecks; it changes every July."""
    rises = max(0, period // 100 - BASE_YEAR - (period % 100 < 7) + 1)
    for year in range(rises):
        permille = RISES_PERMILLE[min(year, len(RISES_PERMILLE) - 1)]
        base_micro = half_up(base_micro * (1000 + permille), 1000 * MICRO // 100) * (MICRO // 100)
    return base_micro
