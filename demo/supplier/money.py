"""Money: how does the supplier round?

Half up, away from zero (as `decimal.ROUND_HALF_UP`): 0.5 kopeck is 1 kopeck, -0.5 kopeck is -1 kopeck. Once per
charge line; sums are never rounded. Money is integer kopecks, volumes and tariffs are integer millionths.
"""

from __future__ import annotations

from typing import Final

MICRO: Final = 1_000_000
MICRO_SQUARED_PER_KOPECK: Final = 10_000_000_000


def half_up(numerator: int, denominator: int) -> int:
    """numerator / denominator as an integer; `denominator` > 0."""
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((denominator - 2 * numerator) // (2 * denominator))


def cost(volume_micro: int, tariff_micro: int) -> int:
    """What the volume costs at the tariff, in kopecks."""
    return half_up(volume_micro * tariff_micro, MICRO_SQUARED_PER_KOPECK)


def share(kopecks: int, part: int, whole: int) -> int:
    """`part` of `whole` of a sum: a benefit in percent, the days a service was missing."""
    return half_up(kopecks * part, whole)


def gcal(area_or_volume_micro: int, rate_micro: int) -> int:
    """Heat of an area or a volume of water at a rate, in millionths of a Gcal, kept to four decimals."""
    return half_up(area_or_volume_micro * rate_micro, MICRO * 100) * 100
