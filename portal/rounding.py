"""Rounding: how do volume and tariff become kopecks, in whole numbers only?

Half up, away from zero, as accounting does it: 0.5 kopeck is 1 kopeck, -0.5 kopeck is -1 kopeck.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from lk_sync.records import Kopecks, Micro

MICRO: Final = 1_000_000
MICRO_SQUARED_PER_KOPECK: Final = 10_000_000_000


def half_up(value: Fraction | int) -> int:
    numerator, denominator = value.numerator, value.denominator
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((denominator - 2 * numerator) // (2 * denominator))


def cost(volume_micro: Fraction | Micro, tariff_micro: Fraction | Micro) -> Fraction:
    """What a volume costs at a tariff: kopecks, not rounded yet."""
    return Fraction(volume_micro) * tariff_micro / MICRO_SQUARED_PER_KOPECK


def charge(volume_micro: Micro, tariff_micro: Micro) -> Kopecks:
    """What a volume costs at a tariff, in whole kopecks."""
    return half_up(cost(volume_micro, tariff_micro))
