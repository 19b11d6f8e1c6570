"""Chart: how long is each bar, and where does it begin?

Bars lie, so that months and numbers beside them are read at any width in the reader's own size of letters: lengths are
shares of the width, heights follow the letters (em). Nothing here is measured in pixels of the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from lk_sync.records import Micro, Month, next_month
from portal.pages.consumption.series import Series, Used

A_YEAR: Final = 12
ROW: Final = 42  # heights in tenths of an em
ROW_WITHOUT_BARS: Final = 22
NOW_AT: Final = 16
THEN_AT: Final = 27
ENDS_AT: Final = 34
LEAST_SHOWN: Final = 5  # a bar that is not zero is seen: half a hundredth of the width


class Bar(NamedTuple):
    """Where a bar begins and how wide it is, as text in percent of the width."""

    x: str
    width: str


class Row(NamedTuple):
    """A month with the same month a year before it. A bar is None where there is no volume."""

    now: Used
    then: Used
    now_bar: Bar | None
    then_bar: Bar | None
    text_at: str
    now_at: str
    then_at: str
    ends_at: str


class Chart(msgspec.Struct, frozen=True):
    """`zero`: where the line stands that bars begin at; `height` in em. `dips`: some months are below zero."""

    rows: tuple[Row, ...]
    zero: str
    height: str
    dips: bool


def chart(series: Series, months: Sequence[Month]) -> Chart:
    """The months, the newest first."""
    pairs = [(series.at(month), series.at(next_month(month, -A_YEAR))) for month in reversed(months)]
    volumes = [used.volume for pair in pairs for used in pair if used.volume is not None]
    low, high = min(0, *volumes, 0), max(0, *volumes, 0)
    whole = high - low or 1
    heights = [ROW if any(used.volume is not None for used in pair) else ROW_WITHOUT_BARS for pair in pairs]
    tops = accumulate(heights, initial=0)
    rows = tuple(_row(top, now, then, low, whole) for top, (now, then) in zip(tops, pairs, strict=False))
    return Chart(rows, _percent(-low * 1000 // whole), _em(sum(heights)), low < 0)


def _row(top: int, now: Used, then: Used, low: Micro, whole: Micro) -> Row:
    bars = (_bar(now.volume, low, whole), _bar(then.volume, low, whole))
    return Row(now, then, *bars, *(_em(top + down) for down in (12, NOW_AT, THEN_AT, ENDS_AT)))


def _bar(volume: Micro | None, low: Micro, whole: Micro) -> Bar | None:
    if volume is None:
        return None
    width = abs(volume) * 1000 // whole
    if volume:
        width = max(width, LEAST_SHOWN)
    begins = (min(volume, 0) - low) * 1000 // whole
    return Bar(_percent(min(begins, 1000 - width)), _percent(width))


def _percent(permille: int) -> str:
    return f"{permille // 10}.{permille % 10}%"


def _em(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10}em"
