"""Books: all rows of one account, dataset by dataset. How are they made, and how many accounts are there?"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from demo.supplier.charges import Charges
from demo.supplier.households import Household, household, index_of
from demo.supplier.houses import House, house, place
from demo.supplier.ledger import Ledger
from demo.supplier.papers import documents, equipment
from demo.supplier.plan import Plan
from demo.supplier.town import building, town
from demo.supplier.water import Water

Row = tuple[Any, ...]
Books = dict[str, list[Row]]
SERVICES: Final = (
    ("heating", "energy", "Отопление", "Gcal", 1),
    ("hot_water", "carrier", "Горячая вода: компонент на теплоноситель", "m3", 2),
    ("hot_water", "heat", "Горячая вода: компонент на тепловую энергию", "Gcal", 3),
)
"""Services and components as a bill names them, with unit and position."""


class Supplier:
    """The books of a whole supplier, one account at a time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._house: House | None = None

    def every(self, first: int = 0, last: int | None = None) -> Iterator[Books]:
        """Books of the accounts `first` … `last` - 1 (all by default), in the order of their indices."""
        for index in range(first, self.plan.accounts if last is None else last):
            yield self.books(index)

    def common(self) -> Books:
        """Rows of the datasets that belong to no account."""
        changed = f"{self.plan.closed_months[0].day(1)}T03:00:00+03:00"
        return {"services": [(*row, changed) for row in SERVICES], **town(self.plan)}

    def books(self, index: int) -> Books:
        chance = Random(self.plan.seed << 64 | index)
        lives = household(self.plan, index, self._house_of(index), chance)
        water = Water(self.plan, lives, chance)
        charges = Charges(self.plan, lives, water.volumes, chance)
        ledger = Ledger(self.plan, lives, charges, chance)
        return {
            "accounts": [account(lives)],
            "charges": charges.rows,
            "balances": ledger.balances,
            "bills": ledger.bills,
            "payments": ledger.payments,
            "meters": water.meters,
            "readings": water.readings,
            "documents": documents(lives, water.meters),
            "allocations": ledger.allocations,
            "equipment": equipment(lives),
            "request_answers": [],
        }

    def books_of(self, number: str) -> Books | None:
        """The books of an account by its number; None if this supplier has no such account."""
        index = index_of(number)
        return None if index is None or index >= self.plan.accounts else self.books(index)

    def _house_of(self, index: int) -> House:
        if self._house is None or self._house.index != place(index)[0]:
            self._house = house(self.plan, index)
        return self._house


def account(lives: Household) -> Row:
    days = (lives.opened_on, lives.holder_since, lives.closed_on or "")
    kind = "organisation" if lives.organisation else "person"
    unified = f"08АА{lives.index:06d}" if lives.index < 1_000_000 else None
    return (
        lives.number, lives.number, unified, lives.holder_key, lives.holder_name, kind, lives.holder_since,
        lives.address, lives.area_micro, lives.residents, lives.opened_on, lives.closed_on,
        building(lives.house), lives.living_area_micro, lives.registered, lives.changed(max(days)),
    )  # fmt: skip
