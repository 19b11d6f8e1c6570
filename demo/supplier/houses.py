"""Houses: in which building does an account lie, and how much heat does the building take?"""

from __future__ import annotations

from random import Random
from typing import Final

import msgspec

from demo.supplier.money import half_up
from demo.supplier.plan import Month, Plan

FLATS: Final = (12, 24, 36, 60, 68)
BLOCK: Final = sum(FLATS)
ADJUSTED: Final = 0
WITHOUT_METER: Final = 1
"""Houses cast by hand, so that the smallest supplier has both."""
STREETS: Final = (
    "ул. Лермонтова", "ул. Ленина", "ул. Пушкина", "пр-кт О. И. Городовикова", "ул. Юрия Клыкова", "ул. Хомутникова",
    "ул. Номто Очирова", "ул. В. И. Ленина", "8-й микрорайон", "пр-кт П. О. Чонкушова", "ул. Буденного",
)  # fmt: skip


class House(msgspec.Struct, frozen=True, kw_only=True):
    """`heat_micro`: heat by the house meter per m², by position of the month; None = no house meter."""

    index: int
    first_account: int
    flats: int
    address: str
    heat_micro: tuple[int, ...] | None
    adjusts: bool


def place(account: int) -> tuple[int, int]:
    """The index of the account's house and that of the house's first account."""
    block, rest = divmod(account, BLOCK)
    first = block * BLOCK
    for position, flats in enumerate(FLATS):
        if rest < flats:
            return block * len(FLATS) + position, first
        rest -= flats
        first += flats
    raise AssertionError(account)


def house(plan: Plan, account: int) -> House:
    """The house of an account; the same for all accounts in it."""
    index, first = place(account)
    chance = Random(plan.seed << 64 | 1 << 63 | index)
    street = STREETS[index % len(STREETS)]
    number = 1 + index // len(STREETS)
    building = f", корп. {1 + index % 3}" if chance.random() < 0.2 else ""
    metered = index != WITHOUT_METER and (chance.random() < 0.8 or index == ADJUSTED)
    warmth = 850 + int(chance.random() * 300)
    return House(
        index=index,
        first_account=first,
        flats=FLATS[index % len(FLATS)],
        address=f"358000, Республика Калмыкия, г. Элиста, {street}, д. {number}{building}",
        heat_micro=tuple(_taken(month, warmth, chance) for month in plan.closed_months) if metered else None,
        adjusts=metered and (chance.random() < 0.4 or index == ADJUSTED),
    )


def _taken(month: Month, warmth: int, chance: Random) -> int:
    weather = 900 + int(chance.random() * 200)
    return half_up(month.heat_micro * warmth * weather, 1_000_000)
