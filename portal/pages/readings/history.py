"""History: what did a meter show, who says so, and how much was used in between?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lk_sync.cache.reader import MeterRow, ReadingRow
from lk_sync.flow.acceptance import Booked, Dial, Known, Past
from lk_sync.flow.chain import Hung, Shown
from lk_sync.records import Micro, month_number
from lk_sync.store.submissions import Submitted

REFUSED = frozenset({"rejected", "superseded"})
FEW = 12  # readings of a meter that has not hung for long


class Entry(msgspec.Struct, frozen=True):
    """A reading and what was used since the one before it; None: there is none before it.

    `turned`: the meter went through zero in between.
    """

    reading: ReadingRow
    consumption_micro: Micro | None
    turned: bool = False


def dial_of(meter: MeterRow) -> Dial:
    return Dial(
        digits_int=meter.digits_int,
        digits_frac=meter.digits_frac,
        unit=meter.unit,
        automatic=meter.automatic,
        removed=meter.removed_on is not None,
        verification_due_on=meter.verification_due_on,
    )


def entries(readings: Sequence[ReadingRow], dial: Dial, shown: int) -> list[Entry]:
    """The `shown` newest of `readings` (newest first), each with the consumption since the one before."""
    following: list[ReadingRow | None] = [*readings[1:], None]
    return [_entry(reading, former, dial) for reading, former in zip(readings, following, strict=False)][:shown]


def _entry(reading: ReadingRow, former: ReadingRow | None, dial: Dial) -> Entry:
    if former is None:
        return Entry(reading, None)
    used = reading.value_micro - former.value_micro
    if used < -dial.full_turn_micro // 2:  # from the top of the dial to its beginning, not a correction
        return Entry(reading, used + dial.full_turn_micro, turned=True)
    return Entry(reading, used)


def past(meter: MeterRow, readings: Sequence[ReadingRow], handed_in: Sequence[Submitted]) -> Past:
    """What the rules of acceptance compare a new reading with. A meter begins with what the act of its installation
    says."""
    books = [Booked(reading.period, reading.value_micro, reading.source) for reading in readings]
    if meter.initial_micro is not None and meter.installed_on is not None and _all_are_later(readings, meter):
        books.append(Booked(month_number(meter.installed_on[:7]), meter.initial_micro, "supplier"))
    return Past(
        books=books,
        handed_in=[Known(each.period, each.value_micro) for each in handed_in if each.state not in REFUSED],
    )


def _all_are_later(readings: Sequence[ReadingRow], meter: MeterRow) -> bool:
    """Else `readings` are but the newest of a long history, or begin with the installation."""
    return len(readings) < FEW and not (readings and readings[-1].taken_on <= (meter.installed_on or ""))


def hung_of(meter: MeterRow) -> Hung:
    return Hung(
        meter=meter.meter,
        service=meter.service,
        unit=meter.unit,
        full_turn_micro=dial_of(meter).full_turn_micro,
        place=meter.place,
        installed_on=meter.installed_on,
        removed_on=meter.removed_on,
        replaces=meter.replaces,
        initial_micro=meter.initial_micro,
        final_micro=meter.final_micro,
    )


def shown_of(reading: ReadingRow) -> Shown:
    return Shown(reading.taken_on, reading.period, reading.value_micro, reading.source)
