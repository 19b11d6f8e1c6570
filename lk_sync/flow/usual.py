"""Usual: how much does a meter use in a month, and which value is to be expected of it next?

Pure. Says what happened before, never what is owed: whoever shows it calls it «обычно» and «ориентировочно».
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from lk_sync.flow.acceptance import CALCULATED, Booked, Dial, months_between
from lk_sync.records import Micro

MONTHS_LOOKED_AT: Final = 12
FEWEST: Final = 3
ENOUGH_TO_DROP_THE_ODD: Final = 8


class Usual(msgspec.Struct, frozen=True):
    """Consumption of an ordinary month, from the least to the most."""

    least_micro: Micro
    most_micro: Micro


class Expected(msgspec.Struct, frozen=True):
    """What a new value continues, and between which consumptions it would be no surprise."""

    before_micro: Micro
    least_micro: Micro
    most_micro: Micro

    @property
    def lowest_micro(self) -> Micro:
        """The lowest value that is no surprise."""
        return self.before_micro + self.least_micro

    @property
    def highest_micro(self) -> Micro:
        return self.before_micro + self.most_micro

    def fits(self, value_micro: Micro) -> bool:
        """Is it near to what is usual? With room: half of the least, twice the most."""
        return self.least_micro // 2 <= value_micro - self.before_micro <= 2 * self.most_micro


def monthly(books: Sequence[Booked]) -> list[Micro]:
    """Consumption a month between the last readings of the months of the last year that were taken, newest first.

    Where the meter went back (a turn through zero, another meter, a correction) there is nothing to say.
    """
    last_of = {value.period: value for value in reversed(books) if value.source != CALCULATED}
    taken = sorted(last_of.values(), key=lambda value: value.period, reverse=True)
    found: list[Micro] = []
    for newer, older in pairwise(taken):
        months = months_between(older.period, newer.period)
        if months_between(older.period, taken[0].period) > MONTHS_LOOKED_AT:
            break
        if months > 0 and newer.value_micro >= older.value_micro:
            found.append((newer.value_micro - older.value_micro) // months)
    return found


def usual(consumptions: Iterable[Micro]) -> Usual | None:
    """None: too few months are known. Of many months the oddest two do not count."""
    found = sorted(consumptions)
    if len(found) < FEWEST:
        return None
    if len(found) >= ENOUGH_TO_DROP_THE_ODD:
        found = found[1:-1]
    return Usual(found[0], found[-1]) if found[-1] > 0 else None


def expected(before_micro: Micro, months: int, found: Usual, dial: Dial) -> Expected:
    """What is to be expected `months` months after the last value, as exactly as the meter shows it."""
    step = 10 ** (6 - min(dial.digits_frac, 6))
    least = found.least_micro * max(0, months) // step * step
    most = -(-found.most_micro * max(1, months) // step) * step
    return Expected(before_micro, least, most)
