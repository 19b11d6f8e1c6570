"""Typos: what was probably meant by a value that cannot be right?

Pure. Looks for the slips people make with meters: a comma left out or misplaced, two neighbouring digits exchanged, a
digit too many, the values of two meters exchanged. A guess is always a value the meter can show and near to what this
meter uses; it is offered to the person, who alone decides.

A turn of the dial through zero is no slip: `acceptance` asks about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from lk_sync.flow.acceptance import LONGEST_TYPED, MICRO, NUMBER, SPACES, Dial
from lk_sync.flow.items import decimal_text
from lk_sync.flow.usual import Expected
from lk_sync.records import Micro

Kind = Literal["comma", "swapped", "extra"]
MOST_DIGITS: Final = 24  # of a slip; longer ones are no reading at all
MOST_GUESSES: Final = 2


class Guess(NamedTuple):
    kind: Kind
    value_micro: Micro

    @property
    def plain(self) -> str:
        """The value as one would type it."""
        return decimal_text(self.value_micro, ",")


class Digits(NamedTuple):
    """What was typed: all digits, and how many of them stand before the comma."""

    digits: str
    whole: int


def guesses(typed: str, dial: Dial, expected: Expected, most: int = MOST_GUESSES) -> list[Guess]:
    """The likeliest first: commas, then exchanged digits, then digits too many; of one kind the most usual first.

    Empty: the value as it stands is likely enough, or nothing likely resembles it.
    """
    slip = _digits(typed)
    if slip is None:
        return []
    as_typed = _value(slip, dial)
    if as_typed is not None and expected.fits(as_typed):
        return []
    found: dict[Micro, Guess] = {}
    for kind, candidate in _candidates(slip):
        value = _value(candidate, dial)
        if value is not None and value not in found and value > expected.before_micro and expected.fits(value):
            found[value] = Guess(kind, value)
    middle = (expected.lowest_micro + expected.highest_micro) // 2
    order = ("comma", "swapped", "extra")
    return sorted(found.values(), key=lambda each: (order.index(each.kind), abs(each.value_micro - middle)))[:most]


def exchanged(one: Micro, of_one: Expected, other: Micro, of_other: Expected) -> bool:
    """Were the values of two meters probably exchanged? Each suits the other meter, and not both suit their own."""
    if one == other or (of_one.fits(one) and of_other.fits(other)):
        return False
    return of_one.fits(other) and of_other.fits(one)


def _digits(typed: str) -> Digits | None:
    """None: it is no number, or too long for one."""
    match = NUMBER.fullmatch(SPACES.sub("", typed[: LONGEST_TYPED + 1]))
    if match is None or len(typed) > LONGEST_TYPED:
        return None
    digits = match[1] + (match[2] or "")
    return Digits(digits, len(match[1])) if len(digits) <= MOST_DIGITS else None


def _candidates(slip: Digits) -> Iterator[tuple[Kind, Digits]]:
    digits, whole = slip
    for place in range(1, len(digits) + 1):
        yield "comma", Digits(digits, place)
    for place in range(len(digits) - 1):
        swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
        yield "swapped", Digits(swapped, whole)
    for place in range(len(digits)):
        yield "extra", Digits(digits[:place] + digits[place + 1 :], whole - (place < whole))


def _value(typed: Digits, dial: Dial) -> Micro | None:
    """None: the meter cannot show it."""
    whole, decimals = typed.digits[: typed.whole].lstrip("0"), typed.digits[typed.whole :].rstrip("0")
    if len(whole) > dial.digits_int or len(decimals) > min(dial.digits_frac, 6):
        return None
    return int(whole or "0") * MICRO + int(decimals.ljust(6, "0"))
