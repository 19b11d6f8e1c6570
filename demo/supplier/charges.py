"""Charges: what is an account charged each month, line by line?

total = charged + recalculated - benefit on every line. Heating: area × what the house meter showed, or × the norm.
Hot water has two components: the carrier in m³ and the heat that warmed it in Gcal.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final, NamedTuple

from demo.supplier.households import Household
from demo.supplier.money import MICRO, cost, gcal, share
from demo.supplier.oddities import Oddity
from demo.supplier.plan import HEAT_OF_WATER, WATER_NORM, Month, Plan
from demo.supplier.water import Volume

Row = tuple[Any, ...]
RECALCULATIONS_PERMILLE: Final = 8
ADJUSTMENT_MONTH: Final = 5


class Reason(NamedTuple):
    text: str
    sign: int
    days: int


REASONS: Final = (
    Reason("перерыв в подаче", -1, 3),
    Reason("температура ниже нормы", -1, 5),
    Reason("временное отсутствие", -1, 14),
    Reason("по акту проверки", 1, 4),
)
ADJUSTMENT: Final = "годовая корректировка отопления"


class Line(NamedTuple):
    """A charge line before money is known."""

    service: str
    component: str
    volume: int
    tariff: int
    method: str
    days: int
    norm: int | None = None
    uplift: int | None = None


class Sums(NamedTuple):
    """Charged, recalculated and benefit of a service in a month."""

    charged: int
    recalculated: int
    benefit: int

    @property
    def total(self) -> int:
        return self.charged + self.recalculated - self.benefit


NOTHING: Final = Sums(0, 0, 0)


class Charges:
    """Lines of one account and their sums by (month's position, service)."""

    def __init__(self, plan: Plan, household: Household, volumes: dict[int, Volume], chance: Random) -> None:
        self.rows: list[Row] = []
        self.sums: dict[tuple[int, str], Sums] = {}
        self._household = household
        self._chance = chance
        self._season = 0
        self._drawn = int(chance.random() * plan.months)
        last = plan.months if household.closed is None else household.closed + 1
        for month in plan.closed_months[household.opened : last]:
            for line in lines(household, month, volumes.get(month.position)):
                self._charge(month, line)
            self._adjust(month)

    def _charge(self, month: Month, line: Line) -> None:
        household = self._household
        charged = cost(line.volume, line.tariff)
        recalculated, reason = self._recalculation(month, charged)
        benefit = share(charged, household.benefit_percent, 100) if household.benefit_percent else 0
        if line.service == "heating":
            self._season += charged
        self.rows.append(
            (household.number, month.period, line.service, line.component, line.volume, line.tariff, line.method,
             charged, recalculated, reason, benefit, charged + recalculated - benefit,
             line.days, line.norm, line.uplift,
             household.changed(month.issued_on))
        )  # fmt: skip
        self._add(month, line.service, charged, recalculated, benefit)

    def _add(self, month: Month, service: str, charged: int, recalculated: int, benefit: int) -> None:
        key = (month.position, service)
        before = self.sums.get(key, NOTHING)
        self.sums[key] = Sums(before.charged + charged, before.recalculated + recalculated, before.benefit + benefit)

    def _recalculation(self, month: Month, charged: int) -> tuple[int, str | None]:
        lot = self._chance.random() * 1000
        planned = self._household.oddity is Oddity.RECALCULATED and (month.position + self._drawn) % 5 == 0
        if not charged or (lot >= RECALCULATIONS_PERMILLE and not planned):
            return 0, None
        reason = REASONS[int(lot * 1000) % len(REASONS)]
        return reason.sign * share(charged, reason.days, month.days), reason.text

    def _adjust(self, month: Month) -> None:
        """In May the season's heating is brought to what the house meter took; the line has no volume."""
        if month.period % 100 != ADJUSTMENT_MONTH:
            return
        season, self._season = self._season, 0
        if not self._household.house.adjusts or not season:
            return
        permille = self._household.house.index % 7 * 9 - 29
        household, amount = self._household, share(season, permille, 1000)
        self.rows.append(
            (household.number, month.period, "heating", "energy", None, None, "other", 0, amount, ADJUSTMENT, 0, amount,
             None, None, None,
             household.changed(month.issued_on))
        )  # fmt: skip
        self._add(month, "heating", 0, amount, 0)


def lines(household: Household, month: Month, water: Volume | None) -> list[Line]:
    """The lines of a month: heating in the season, hot water if the premise has it."""
    found: list[Line] = []
    if month.season_days:
        found.append(heating(household, month))
    if water is not None:
        by_norm = (WATER_NORM, MICRO) if water.method == "norm" else (None, None)
        found.append(
            Line("hot_water", "carrier", water.micro, month.carrier_tariff, water.method, month.days, *by_norm)
        )
        heat = gcal(water.micro, HEAT_OF_WATER)
        found.append(
            Line("hot_water", "heat", heat, month.heat_tariff, water.method, month.days, HEAT_OF_WATER, by_norm[1])
        )
    return found


def heating(household: Household, month: Month) -> Line:
    metered, days, norm = household.house.heat_micro, month.season_days, month.norm_micro
    if metered is None:
        volume = gcal(household.area_micro, norm)
        return Line("heating", "energy", volume, month.heat_tariff, "norm", days, norm, MICRO)
    volume = gcal(household.area_micro, metered[month.position])
    return Line("heating", "energy", volume, month.heat_tariff, "house_meter", days)
