"""Estimates: what follows from what was used: per m² or person, at ordinary weather, beside the rest of the house?

Pure and integer. Nothing here says what is owed; whoever shows it says «ориентировочно».
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from lk_sync.cache.house import FlatUse
from lk_sync.records import Micro, Month
from portal.pages.consumption.series import Series, Used

MICRO: Final = 1_000_000
SHOWN_TO: Final = 100  # derived volumes are shown to four decimals
OTHERS_AT_LEAST: Final = 10
GJ_OF_GCAL: Final = (41_868, 10_000)

Why = Literal["shared", "estimated", "no house", "no base", "few"]


def half_up(numerator: int, denominator: int) -> int:
    """Away from zero; `denominator` > 0."""
    if numerator < 0:
        return -half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def rounded(micro: Micro) -> Micro:
    return half_up(micro, SHOWN_TO) * SHOWN_TO


def in_gj(unit: str | None, micro: Micro | None) -> Micro | None:
    """The same heat in GJ, for a volume in Gcal."""
    if unit != "Gcal" or micro is None:
        return None
    return rounded(half_up(micro * GJ_OF_GCAL[0], GJ_OF_GCAL[1]))


def per(base_micro: Micro | None, volume: Micro | None) -> Micro | None:
    """For each m² or person; None: nobody knows of how many."""
    return None if not base_micro or volume is None else rounded(half_up(volume * MICRO, base_micro))


def at_ordinary_weather(used: Used, weather: Mapping[Month, tuple[Micro, Micro | None]]) -> Micro | None:
    """What a metered month would have taken in an ordinary year: times the usual degree-days, by those there were."""
    was, usual = weather.get(used.month, (0, None))
    if used.volume is None or used.state != "metered" or was <= 0 or not usual or usual <= 0:
        return None
    return rounded(half_up(used.volume * usual, was))


def percent(now: Micro, then: Micro) -> int | None:
    """By how many percent `now` differs from `then`; None where that says nothing."""
    return half_up(100 * (now - then), then) if then > 0 else None


class Beside(msgspec.Struct, frozen=True):
    """A flat beside the others of its house, per m² or per person, in one month. `why`: why there is no median.
    `others`: how many flats stand behind it at least, in whole tens."""

    month: Month
    why: Why | None
    mine: Micro | None = None
    median: Micro | None = None
    others: int = 0


def beside(series: Series, used: Used, flats: Sequence[FlatUse] | None, base_micro: Micro | None) -> Beside:
    """`flats` of the house; None: nobody knows which house it is. `base_micro`: own area, or people times a million."""
    if used.state != "metered" or used.volume is None or used.volume < 0:
        return Beside(used.month, "estimated")
    if "house_meter" in used.methods:
        return Beside(used.month, "shared")
    if flats is None:
        return Beside(used.month, "no house")
    mine = per(base_micro, used.volume)
    if mine is None:
        return Beside(used.month, "no base")
    known = sorted(each for each in (_flat(series, flat) for flat in flats) if each is not None)
    if len(known) <= OTHERS_AT_LEAST:
        return Beside(used.month, "few")
    return Beside(used.month, None, mine, blurred(median(known)), (len(known) - 1) // 10 * 10)


def _flat(series: Series, flat: FlatUse) -> Micro | None:
    volumes = [volume for component, volume in flat.volumes.items() if component in series.components]
    if not volumes or sum(volumes) < 0:
        return None
    return per(flat.area_micro if series.is_heat else (flat.residents or 0) * MICRO, sum(volumes))


def median(values: Sequence[int]) -> int:
    """Of sorted values; of two in the middle the mean."""
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) // 2


def blurred(micro: Micro) -> Micro:
    """Two digits: enough to compare oneself, too little to tell whose number stands in the middle."""
    digit = int("1" + "0" * max(len(str(micro)) - 2, 0))
    return half_up(micro, digit) * digit


def comparable(series: Series, pairs: Iterable[tuple[Month, Month]]) -> list[tuple[Month, Month]]:
    """Months of which both this and the former year's volume is known."""
    return [
        (now, then) for now, then in pairs if series.at(now).volume is not None and series.at(then).volume is not None
    ]
