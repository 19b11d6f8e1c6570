"""Zones: what does a clock on a wall show when a server knows the time in UTC only?

The server may have no tables of time zones. The moments at which a zone's clock was moved are known here, so its time
is an expression that needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2107, 1, 1, tzinfo=UTC)  # a TIMESTAMP lies between them
_STEP: Final = timedelta(days=7)  # no zone's clock is moved twice within it


@cache
def offsets(zone: str) -> Sequence[tuple[datetime, int]]:
    """(from this moment on, seconds ahead of UTC), the latest first; the last one holds for everything before."""
    info = ZoneInfo(zone)
    found = [(FIRST, _ahead(info, FIRST))]
    at = FIRST
    while at < LAST:
        if _ahead(info, at + _STEP) != found[-1][1]:
            moved = _moved(info, at, at + _STEP)
            found.append((moved, _ahead(info, moved)))
        at += _STEP
    return tuple(reversed(found))


def local(moment: str, zone: str) -> str:
    """The expression that shows `moment`, an expression in UTC, on the zone's clock."""
    *changes, (_, first) = offsets(zone)
    branches = "".join(f" WHEN {moment} >= '{at:%Y-%m-%d %H:%M:%S}' THEN {seconds}" for at, seconds in changes)
    ahead = f"CASE{branches} ELSE {first} END" if branches else str(first)
    return f"({moment} + INTERVAL {ahead} SECOND)"


def _moved(info: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """The first second between them at which the clock shows what it does at `late`."""
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) // 2).replace(microsecond=0)
        early, late = (early, middle) if _ahead(info, middle) == _ahead(info, late) else (middle, late)
    return late


def _ahead(info: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(info).utcoffset() or timedelta()
    return int(offset.total_seconds())
