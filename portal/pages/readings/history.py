"""History: what did a meter show, who says so, and how much was used in between?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lk_sync.cache.reader import MeterRow, ReadingRow
from lk_sync.flow.acceptance import Booked, Dial, Known, Past
from lk_sync.records import Micro
from lk_sync.store.submissions import Submitted

REFUSED = frozenset({"rejected", "superseded"})


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
    return [_entry(reading, former, dial) for reading, former in zip(readings, following, strict=True)][:shown]


def _entry(reading: ReadingRow, former: ReadingRow | None, dial: Dial) -> Entry:
    if former is None:
        return Entry(reading, None)
    used = reading.value_micro - former.value_micro
    if used < -dial.full_turn_micro // 2:  # from the top of the dial to its beginning, not a correction
        return Entry(reading, used + dial.full_turn_micro, turned=True)
    return Entry(reading, used)


def past(readings: Sequence[ReadingRow], handed_in: Sequence[Submitted]) -> Past:
    """What the rules of acceptance compare a new reading with."""
    return Past(
        books=[Booked(reading.period, reading.value_micro, reading.source) for reading in readings],
        handed_in=[Known(each.period, each.value_micro) for each in handed_in if each.state not in REFUSED],
    )
