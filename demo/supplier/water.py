"""Water: what do the meters of an account show month by month, and how much hot water is charged by them?

The volume of a month is the sum of the steps between the readings that were used for it, so readings and charges
agree by construction. A month without a reading is charged by the average of up to six months, and the accounting
system enters a calculated reading; after three such months in a row the norm applies (п. 59, 60 Правил 354).
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any, Final, NamedTuple

from demo.supplier.households import Household
from demo.supplier.money import half_up
from demo.supplier.oddities import Oddity
from demo.supplier.plan import WATER_NORM, Month, Plan

Row = tuple[Any, ...]
DIGITS_INT: Final = 5
DIGITS_FRAC: Final = 3
WRAP_LITRES: Final = 10 ** (DIGITS_INT + DIGITS_FRAC)
MICRO_PER_LITRE: Final = 1_000
AVERAGE_OF: Final = 6
AVERAGE_AT_MOST: Final = 3
VERIFIED_FOR_YEARS: Final = 6
NO_READING: Final = 0.05
MODELS: Final = ("СГВ-15", "Бетар СГВ-15", "Пульсар ДУ15", "ITELMA WFW24")
PLACES: Final = ("кухня", "ванная")
SERIALS: Final = 10_000_019
"""A prime: `n * k % SERIALS` gives every n its own serial."""


class Volume(NamedTuple):
    """Hot water of a month: millionths of m³, and how they were found."""

    micro: int
    method: str


class Dial:
    """A meter with its register running, in litres."""

    def __init__(self, household: Household, position: int, installed_on: str, litres: int, chance: Random) -> None:
        self.meter = f"{household.index:07d}-{position}"
        self.serial = f"{installed_on[2:4]}{(household.index * 4 + position + 1) * 7_919 % SERIALS:08d}"
        self.model = MODELS[int(chance.random() * len(MODELS))]
        self.place = PLACES[position % 2]
        self.installed_on = installed_on
        self.removed_on: str | None = None
        self.initial: int | None = None
        self.final: int | None = None
        self.replaces: str | None = None
        self.litres = litres
        self.steps: list[int] = []

    def average(self) -> int:
        last = self.steps[-AVERAGE_OF:]
        return half_up(sum(last), len(last))

    def run(self, litres: int) -> None:
        self.litres = (self.litres + litres) % WRAP_LITRES


class Water:
    """Meters, readings and volumes of one account, filled month by month."""

    def __init__(self, plan: Plan, household: Household, chance: Random) -> None:
        self.meters: list[Row] = []
        self.readings: list[Row] = []
        self.volumes: dict[int, Volume] = {}
        self._household = household
        self._chance = chance
        self._plan = plan
        self._months = plan.closed_months[household.opened : _end(household)]
        self._thirst = 1_600 + int(chance.random() * 1_600)
        if "hot_water" in household.services:
            self._fill()

    def _fill(self) -> None:
        if not self._household.meters:
            self.volumes = {month.position: self._norm() for month in self._months}
            return
        self._dials = [self._first_dial(position) for position in range(self._household.meters)]
        self._replaced_at = self._replacement()
        self._expired_at = self._expiry()
        self._missed = 0
        for month in self._months:
            self.volumes[month.position] = self._month(month)
        if self._household.reads_open_month and self._expired_at is None and self._household.closed is None:
            self._open_month()
        self.meters += [self._row(dial) for dial in self._dials]

    def _first_dial(self, position: int) -> Dial:
        """A meter from before the books begin (or from the day the account was opened), with its base reading."""
        household, chance = self._household, self._chance
        before = date.fromisoformat(self._plan.closed_months[household.opened].day(1)) - timedelta(days=6)
        age = 0 if household.opened else 100 + int(chance.random() * self._oldest())
        litres = 0 if household.opened else age * 100 + int(chance.random() * 9_000)
        if household.oddity is Oddity.ROLLOVER:
            litres = WRAP_LITRES - 1 - self._plan.months // 2 * max(household.residents, 1) * self._thirst
        dial = Dial(household, position, (before - timedelta(days=age)).isoformat(), litres, chance)
        self._read(dial, before.isoformat(), before.year * 100 + before.month, "inspector")
        return dial

    def _oldest(self) -> int:
        """Days before the books begin within which a meter may have been installed and still be verified today."""
        return max(30, 365 * VERIFIED_FOR_YEARS - 31 * self._plan.months - 160)

    def _replacement(self) -> int | None:
        if self._household.oddity is not Oddity.METER_REPLACED:
            return None
        return self._months[len(self._months) // 3 + int(self._chance.random() * len(self._months) / 3)].position

    def _expiry(self) -> int | None:
        if self._household.oddity is not Oddity.VERIFICATION_EXPIRED:
            return None
        return max(0, self._plan.months - 8 + int(self._chance.random() * 4))

    def _month(self, month: Month) -> Volume:
        if not self._can_read(month):
            self._missed += 1
            known = all(dial.steps for dial in self._dials)
            return self._averaged(month) if known and self._missed <= AVERAGE_AT_MOST else self._norm()
        self._missed = 0
        litres = self._used()
        if self._replaced_at == month.position:
            self._replace(month)
        if (month.position + self._household.index) % 6 == 0:
            self._visit(month, litres)
        else:
            self._handed_in(month, 18 + self._household.index % 8, litres)
        return Volume(sum(litres) * MICRO_PER_LITRE, "meter")

    def _can_read(self, month: Month) -> bool:
        if self._expired_at is not None and month.position >= self._expired_at:
            return False
        missing = self._chance.random() < NO_READING and self._household.oddity is not Oddity.AUTOMATIC
        return not missing or self._missed == AVERAGE_AT_MOST or month.position in (self._replaced_at, 0)

    def _norm(self) -> Volume:
        return Volume(self._household.residents * WATER_NORM, "norm")

    def _used(self) -> list[int]:
        """What the household used this month, litres by meter."""
        total = self._household.residents * self._thirst * (600 + int(800 * self._chance.random())) // 1000
        first = total if len(self._dials) == 1 else half_up(total, 3)
        return [first, total - first][: len(self._dials)]

    def _averaged(self, month: Month) -> Volume:
        litres = [dial.average() for dial in self._dials]
        for dial, step in zip(self._dials, litres, strict=True):
            self._step(dial, step, month.last_day, month.period, "calculated")
        return Volume(sum(litres) * MICRO_PER_LITRE, "average")

    def _handed_in(self, month: Month, day: int, litres: list[int]) -> None:
        source = "supplier" if self._household.oddity is Oddity.AUTOMATIC else "subscriber"
        for dial, step in zip(self._dials, litres, strict=True):
            self._step(dial, step, month.day(day), month.period, source)

    def _visit(self, month: Month, litres: list[int]) -> None:
        """The inspector reads the meters in the middle of the month, the subscriber at its end."""
        halves = [step // 2 for step in litres]
        for dial, step in zip(self._dials, halves, strict=True):
            dial.run(step)
            self._read(dial, month.day(9), month.period, "inspector")
        rests = [step - half for step, half in zip(litres, halves, strict=True)]
        self._handed_in(month, 18 + self._household.index % 8, rests)
        for dial, half in zip(self._dials, halves, strict=True):
            dial.steps[-1] += half

    def _replace(self, month: Month) -> None:
        """The first meter is taken away on the 3rd, a new one begins at a few litres; nothing ran in between."""
        old = self._dials[0]
        old.removed_on, old.final = month.day(3), old.litres
        self._read(old, old.removed_on, month.period, "inspector")
        self.meters.append(self._row(old))
        new = Dial(self._household, 2, old.removed_on, int(self._chance.random() * 40), self._chance)
        new.place, new.steps = old.place, old.steps
        new.initial, new.replaces = new.litres, old.meter
        self._dials[0] = new
        self._read(new, new.installed_on, month.period, "inspector")

    def _open_month(self) -> None:
        day = 15 + self._household.index % 6
        if day < self._plan.today.day:
            self._handed_in(self._plan.open_month, day, self._used())

    def _step(self, dial: Dial, litres: int, day: str, period: int, source: str) -> None:
        dial.run(litres)
        dial.steps.append(litres)
        self._read(dial, day, period, source)

    def _read(self, dial: Dial, day: str, period: int, source: str) -> None:
        household = self._household
        reading = f"{household.index:07d}-{len(self.readings) + 1:04d}"
        value = dial.litres * MICRO_PER_LITRE
        self.readings.append(
            (household.number, dial.meter, reading, day, period, value, source, household.changed(day))
        )

    def _row(self, dial: Dial) -> Row:
        household = self._household
        return (
            household.number, dial.meter, dial.serial, "hot_water", dial.model, dial.place, "m3",
            DIGITS_INT, DIGITS_FRAC,
            dial.installed_on, dial.removed_on, dial.installed_on, self._due_on(dial),
            household.oddity is Oddity.AUTOMATIC, f"{int(dial.serial) % 900_007:06d}", dial.installed_on,
            act(dial.meter), dial.replaces, _micro(dial.initial), _micro(dial.final),
            household.changed(dial.removed_on or dial.installed_on),
        )  # fmt: skip

    def _due_on(self, dial: Dial) -> str:
        """When the next verification is due: years after the installation, or the day it was missed."""
        if self._expired_at is not None:
            return self._plan.closed_months[self._expired_at].day(1)
        return years_later(dial.installed_on, VERIFIED_FOR_YEARS)


def act(meter: str, letters: str = "АВ") -> str:
    """The number of the act about the meter."""
    return f"{letters}-{meter}"


def _micro(litres: int | None) -> int | None:
    return None if litres is None else litres * MICRO_PER_LITRE


def _end(household: Household) -> int | None:
    return None if household.closed is None else household.closed + 1


def years_later(day: str, years: int) -> str:
    """The same date `years` later; 29 February becomes the 28th."""
    year, rest = int(day[:4]) + years, day[4:]
    return f"{year}{'-02-28' if rest == '-02-29' else rest}"
