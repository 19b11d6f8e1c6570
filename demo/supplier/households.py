"""Households: who lives behind an account, in which premise, with which meters, and how do they pay?"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Final, Literal

import msgspec

from demo.supplier import names
from demo.supplier.houses import House
from demo.supplier.oddities import CAST, Oddity, oddity
from demo.supplier.plan import Plan

Payer = Literal["punctual", "rounding", "forgetful", "ahead", "debtor"]
SERVICES: Final = ("heating", "hot_water")
OLD_NUMBERS: Final = 20
MOST_DIGITS: Final = 18
UNREAD: Final = 3
"""So many first accounts have not handed in the open month: there is always somebody to try it with."""
TENTH: Final = 100_000
NEW_NUMBERS_FROM: Final = 300_000_000
CHANNELS: Final = ("СберБанк Онлайн", "СБП", "касса «Теплосбыт»", "Почта России", "банкомат")
PLAIN_PAYERS: Final[tuple[tuple[float, Payer], ...]] = ((0.70, "punctual"), (0.82, "rounding"), (1.0, "forgetful"))
LONG_ADDRESS: Final = ", литера А, вход со двора через арку, помещение на антресольном этаже над бывшей котельной № 14"


class Household(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of one account. `opened` and `closed` are positions of the first and the last month it is charged for."""

    index: int
    number: str
    oddity: Oddity
    house: House
    holder_key: str
    holder_name: str
    holder_since: str
    former_contract_on: str | None
    address: str
    area_micro: int
    residents: int
    opened_on: str
    opened: int
    closed: int | None
    closed_on: str | None
    services: tuple[str, ...]
    meters: int
    benefit_percent: int
    payer: Payer
    channel: str
    reads_open_month: bool
    clock: str

    @property
    def organisation(self) -> bool:
        return self.oddity is Oddity.ORGANISATION

    @property
    def living_area_micro(self) -> int | None:
        """The rooms without kitchen and bath, to a tenth of a m²."""
        share = 58 + self.index % 15
        return None if self.organisation else self.area_micro * share // 100 // TENTH * TENTH

    @property
    def registered(self) -> int | None:
        """People who are registered there: in some premises one more than live there."""
        return None if self.organisation else self.residents + (self.index % 9 == 4)

    def changed(self, day: str) -> str:
        """When the accounting system wrote what happened on `day`; each account has its own minute of the night."""
        return day + self.clock


def number(index: int) -> str:
    """The account number: nine digits; the oldest keep their leading zeros, and one of them lost its own."""
    if CAST.get(index) is Oddity.TWIN:
        return number(index - 1).lstrip("0")
    if index < OLD_NUMBERS:
        return f"{12_345 + index * 11:09d}"
    return str(NEW_NUMBERS_FROM + index * 10 + index % 7)


def index_of(account: str) -> int | None:
    """The index whose number this is, None if no supplier has it."""
    if not (account.isascii() and account.isdigit() and len(account) <= MOST_DIGITS):
        return None
    value = int(account)
    guess = (value - NEW_NUMBERS_FROM) // 10 if value >= NEW_NUMBERS_FROM else (value - 12_345) // 11
    return next((index for index in (guess, guess + 1) if index >= 0 and number(index) == account), None)


def household(plan: Plan, index: int, house: House, chance: Random) -> Household:
    odd = oddity(index, chance.random())
    opened, opened_on = _opening(plan, odd, chance)
    closed = _closing(plan, odd, chance)
    since, former = _holding(plan, odd, opened_on, chance)
    return Household(
        index=index,
        number=number(index),
        oddity=odd,
        house=house,
        holder_key=f"А{index:07d}/{2 if former else 1}",
        holder_name=names.holder(odd, chance, planned=index in CAST),
        holder_since=since,
        former_contract_on=former,
        address=_address(house, index, odd),
        area_micro=(280 + int(chance.random() * 620)) * 100_000,
        residents=0 if odd in (Oddity.NO_RESIDENTS, Oddity.ORGANISATION) else 1 + int(chance.random() * 4.4),
        opened_on=opened_on,
        opened=opened,
        closed=closed,
        closed_on=None if closed is None else plan.closed_months[closed].last_day,
        services=SERVICES[:1] if odd is Oddity.HEATING_ONLY else SERVICES,
        meters=_meters(odd, chance),
        benefit_percent=50 if odd is Oddity.BENEFIT else 0,
        payer=_payer(odd, chance),
        channel=names.pick(CHANNELS, chance),
        reads_open_month=chance.random() < 0.4 and index >= UNREAD,
        clock=f"T{1 + index // 60 % 5:02d}:{index % 60:02d}:00+03:00",
    )


def _opening(plan: Plan, odd: Oddity, chance: Random) -> tuple[int, str]:
    lot = chance.random()
    if odd is Oddity.OPENED_LATELY:
        opened = plan.months // 2 + int(lot * (plan.months // 4))
        return opened, plan.closed_months[opened].day(1)
    first = date.fromisoformat(plan.closed_months[0].day(1))
    return 0, (first - timedelta(days=200 + int(lot * 6_000))).isoformat()


def _holding(plan: Plan, odd: Oddity, opened_on: str, chance: Random) -> tuple[str, str | None]:
    """Since when the present holder holds, and when the former one had signed."""
    if odd is not Oddity.HOLDER_CHANGED:
        return opened_on, None
    position = plan.months // 2 + int(chance.random() * (plan.months // 3))
    return plan.closed_months[position].day(1), opened_on


def _closing(plan: Plan, odd: Oddity, chance: Random) -> int | None:
    if odd not in (Oddity.CLOSED, Oddity.CLOSED_WITH_DEBT):
        return None
    return plan.months // 3 + int(chance.random() * (plan.months // 2))


def _address(house: House, index: int, odd: Oddity) -> str:
    flat = 1 + index - house.first_account
    if odd is Oddity.LONG:
        return f"{house.address}{LONG_ADDRESS}, кв. {flat}"
    if odd is Oddity.SEMICOLON:
        return f'{house.address}, кв. {flat}; вход "через аптеку"'
    return f"{house.address}, {'пом. Н-' if odd is Oddity.ORGANISATION else 'кв. '}{flat}"


def _meters(odd: Oddity, chance: Random) -> int:
    lot = chance.random()
    if odd in (Oddity.NO_METER, Oddity.HEATING_ONLY):
        return 0
    if odd is Oddity.TWO_METERS:
        return 2
    return 2 if lot < 0.25 else 1


def _payer(odd: Oddity, chance: Random) -> Payer:
    lot = chance.random()
    if odd is Oddity.ZERO:
        return "ahead"
    if odd in (Oddity.DEBTOR, Oddity.CLOSED_WITH_DEBT):
        return "debtor"
    return next(payer for limit, payer in PLAIN_PAYERS if lot < limit)
