"""Inputs: what does the accounting system publish of that from which charges are counted?

Everything is taken as it is published; what is missing is missing, and nothing is put in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from lk_sync.cache.grounds import FullCharge, HouseVolume, TakenReading
from lk_sync.cache.premises import PriceRow
from lk_sync.cache.reader import MeterRow, View
from lk_sync.records import Micro, Month, month_text, next_month
from portal.rounding import MICRO
from portal.subject import Subject

MONTHS_TO_LOOK_BACK: Final = 14
Component = tuple[str, str]


class Step(NamedTuple):
    """What one meter of a service showed in a month: `now` less `was` was used. `turned`: it passed its zero."""

    serial: str
    was_micro: Micro
    now_micro: Micro
    turned: bool

    @property
    def used_micro(self) -> Micro:
        return self.now_micro - self.was_micro


class Metered(msgspec.Struct, frozen=True):
    """Steps of the meters of a service in a month. `whole`: each was read in the month before as well, so that the
    steps are of this month alone. `calculated`: the supplier put in a value instead of a reading."""

    steps: Sequence[Step]
    whole: bool
    calculated: bool

    @property
    def used_micro(self) -> Micro:
        return sum(step.used_micro for step in self.steps)


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """Of one account and a few months. `metered` services have, or had, meters of their own."""

    area_micro: Micro | None
    residents: int | None
    norms: Mapping[Component, Sequence[PriceRow]]
    tariffs: Mapping[Component, Sequence[PriceRow]]
    house: Mapping[tuple[Month, str], HouseVolume]
    steps: Mapping[tuple[Month, str], Metered]
    metered: frozenset[str]

    def norm(self, line: FullCharge) -> PriceRow | None:
        """The one in force in the month of a line; the latest, should it have changed within the month."""
        return next(iter(in_force(self.norms.get((line.service, line.component), ()), line.period)), None)

    def tariffs_of(self, line: FullCharge) -> list[PriceRow]:
        """Those in force on any day of its month."""
        return in_force(self.tariffs.get((line.service, line.component), ()), line.period)


def inputs(view: View, subject: Subject, lines: Sequence[FullCharge], first: Month, last: Month) -> Inputs:
    """What is published for the lines of the months `first` to `last`."""
    meters, since = view.meters(subject.key), f"{month_text(first)}-01"
    readings = view.readings_of(subject.key, next_month(first, -MONTHS_TO_LOOK_BACK), last, since=subject.since_day)
    return Inputs(
        area_micro=subject.card.area_micro,
        residents=subject.card.residents,
        norms=_by_component(view.norms(subject.key, since)),
        tariffs=_by_component(view.tariffs(subject.key, since)),
        house={(each.period, each.service): each for each in view.house_volumes(subject.key, first, last)},
        steps=_all_steps(meters, readings, {(line.period, line.service) for line in lines}),
        metered=frozenset(meter.service for meter in meters),
    )


def _by_component(rows: Iterable[PriceRow]) -> dict[Component, list[PriceRow]]:
    found: dict[Component, list[PriceRow]] = {}
    for row in rows:
        found.setdefault((row.service, row.component), []).append(row)
    return found


def in_force(rows: Sequence[PriceRow], month: Month) -> list[PriceRow]:
    """Those that were in force on any day of a month, the latest first. A following one ends the one before."""
    first, after = f"{month_text(month)}-01", f"{month_text(next_month(month))}-01"
    found: list[PriceRow] = []
    for row in sorted(rows, key=lambda each: each.since, reverse=True):
        if row.since >= after:
            continue
        if row.until is None or row.until >= first:
            found.append(row)
        if row.since <= first:
            break
    return found


# Meters


def _all_steps(
    meters: Sequence[MeterRow], readings: Sequence[TakenReading], wanted: Iterable[tuple[Month, str]]
) -> dict[tuple[Month, str], Metered]:
    taken: dict[str, list[TakenReading]] = {}
    for reading in readings:
        taken.setdefault(reading.meter, []).append(reading)
    found = {}
    for month, service in wanted:
        steps = _steps([meter for meter in meters if meter.service == service], taken, month)
        if steps is not None:
            found[month, service] = steps
    return found


def _steps(meters: Sequence[MeterRow], taken: Mapping[str, Sequence[TakenReading]], month: Month) -> Metered | None:
    """None: a meter that was in service has no reading for the month, or none to begin with."""
    found: list[Step] = []
    whole, calculated = True, False
    for meter in meters:
        if not _in_service(meter, month):
            continue
        readings = taken.get(meter.meter, ())
        here = [reading for reading in readings if reading.period == month]
        earlier = [reading for reading in readings if reading.period < month]
        began = _began(meter, earlier, here)
        if not here or began is None:
            return None
        whole = whole and (not earlier or earlier[-1].period == next_month(month, -1))
        calculated = calculated or any(reading.source == "calculated" for reading in here)
        found.append(_step(meter, began, here[-1].value_micro))
    return Metered(found, whole, calculated) if found else None


def _in_service(meter: MeterRow, month: Month) -> bool:
    first, after = f"{month_text(month)}-01", f"{month_text(next_month(month))}-01"
    installed = meter.installed_on is None or meter.installed_on < after
    return installed and (meter.removed_on is None or meter.removed_on >= first)


def _began(meter: MeterRow, earlier: Sequence[TakenReading], here: Sequence[TakenReading]) -> Micro | None:
    """What the meter showed before the month: its last reading, or the one with which it was installed."""
    if earlier:
        return earlier[-1].value_micro
    if meter.initial_micro is not None:
        return meter.initial_micro
    return here[0].value_micro if len(here) > 1 else None


def _step(meter: MeterRow, was: Micro, now: Micro) -> Step:
    turned = now < was
    return Step(meter.serial, was, now + (10**meter.digits_int * MICRO if turned else 0), turned)
