"""Town: what belongs to no account: tariffs and norms, houses and their meters, the weather, planned works?"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any, Final

from demo.supplier.households import household
from demo.supplier.houses import House, house, place
from demo.supplier.money import MICRO, half_up
from demo.supplier.plan import HEAT_OF_MONTH, HEAT_OF_WATER, NORM_OF_MONTH, WATER_NORM, Month, Plan

Row = tuple[Any, ...]
DEGREE_DAYS: Final = 25_000
"""Degree-days of an ordinary month for each millionth of a Gcal that a house takes per m²."""
REGULATOR: Final = "Приказ РСТ Республики Калмыкия № {}-п/т"
NORMS_OF: Final = "Постановление Правительства Республики Калмыкия № 389"
NORMS_SINCE: Final = "2020-01-01"


def town(plan: Plan) -> dict[str, list[Row]]:
    """Rows by dataset, each with the moment of its change."""
    changed = f"{plan.closed_months[0].day(1)}T03:00:00+03:00"
    houses = [house(plan, first) for first in _firsts(plan)]
    areas = {each.index: _area(plan, each) for each in houses}
    return {
        "tariffs": [(*row, changed) for row in _tariffs(plan)],
        "norms": [(*row, NORMS_OF, changed) for row in _norms()],
        "buildings": [
            (building(each), each.address, areas[each.index], each.heat_micro is not None, changed) for each in houses
        ],
        "building_months": [row for each in houses for row in _months(plan, each, areas[each.index])],
        "weather": [row for month in plan.closed_months if month.season_days for row in [_weather(plan, month)]],
        "works": [(*row, changed) for row in _works(plan, houses)],
    }


def building(of: House) -> str:
    return f"Д-{of.index + 1:05d}"


def _firsts(plan: Plan) -> list[int]:
    """The first account of each house."""
    found, account = [], 0
    while account < plan.accounts:
        found.append(account)
        index = place(account)[0]
        while account < plan.accounts and place(account)[0] == index:
            account += 1
    return found


def _area(plan: Plan, of: House) -> int:
    area, account = 0, _first_of(of)
    while account < plan.accounts and place(account)[0] == of.index:
        area += household(plan, account, of, Random(plan.seed << 64 | account)).area_micro
        account += 1
    return area


def _first_of(of: House) -> int:
    account = of.first_account
    while place(account)[0] != of.index:
        account += 1
    return account


def _tariffs(plan: Plan) -> list[Row]:
    """One line for each price, as long as it held."""
    found: list[Row] = []
    parts = (("heating", "energy", "heat_tariff"), ("hot_water", "carrier", "carrier_tariff"))
    for service, component, of in (*parts, ("hot_water", "heat", "heat_tariff")):
        since, price = plan.closed_months[0].day(1), getattr(plan.closed_months[0], of)
        for month in (*plan.closed_months, plan.open_month):
            if (now := getattr(month, of)) != price:
                until = (date.fromisoformat(month.day(1)) - timedelta(days=1)).isoformat()
                found.append((service, component, since, until, price, _order(since)))
                since, price = month.day(1), now
        found.append((service, component, since, None, price, _order(since)))
    return found


def _order(since: str) -> str:
    return f"{REGULATOR.format(int(since[:4]) % 100 + 40)} от 18.12.{int(since[:4]) - 1}"


def _norms() -> list[Row]:
    return [
        ("heating", "energy", NORMS_SINCE, None, NORM_OF_MONTH, "m2"),
        ("hot_water", "carrier", NORMS_SINCE, None, WATER_NORM, "person"),
        ("hot_water", "heat", NORMS_SINCE, None, HEAT_OF_WATER, "m3"),
    ]


def _months(plan: Plan, of: House, area: int) -> list[Row]:
    if of.heat_micro is None:
        return []
    return [
        (building(of), month.period, "heating", half_up(area * taken, MICRO), area, f"{month.issued_on}T03:30:00+03:00")
        for month, taken in zip(plan.closed_months, of.heat_micro, strict=True)
        if month.season_days
    ]


def _weather(plan: Plan, month: Month) -> Row:
    usual = HEAT_OF_MONTH[month.period % 100] * DEGREE_DAYS
    share = 900 + int(Random(plan.seed << 32 | month.period).random() * 200)
    return month.period, half_up(usual * share, 1000), usual, f"{month.issued_on}T02:00:00+03:00"


def _works(plan: Plan, houses: list[House]) -> list[Row]:
    """A day without hot water for a house, a check of the whole network, and a break that was mended at once."""

    def at(days: int, hour: int) -> str:
        return f"{plan.today + timedelta(days=days)}T{hour:02d}:00:00+03:00"

    first = building(houses[0])
    return [
        ("Р-1", "planned", first, "hot_water", at(3, 9), at(3, 17), "Замена запорной арматуры на вводе в дом"),
        ("Р-2", "planned", None, "heating", at(9, 8), at(9, 15), "Испытания тепловых сетей на плотность"),
        ("Р-3", "emergency", first, "heating", at(-12, 10), at(-12, 14), "Устранение утечки на теплотрассе"),
    ]
