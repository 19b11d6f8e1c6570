"""Zones: what does a clock on a wall show when a server knows the time in UTC only?

The server may have no tables of time zones. The few moments at which a zone's clock was moved are known here, so its
time is an expression that needs none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

FIRST, LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(days=20)  # no zone's clock is moved twice within it
_EXACT: Final = timedelta(minutes=1)


def minutes_now(zone: str) -> int:
    return _minutes(ZoneInfo(zone), datetime.now(UTC))


@cache
def offsets(zone: str) -> tuple[tuple[datetime, int], ...]:
    """(from this moment in UTC, minutes ahead of UTC), in order; the first begins with everything before FIRST."""
    info = ZoneInfo(zone)
    found = [(FIRST, _minutes(info, FIRST))]
    at = FIRST
    while at < LAST:
        following = at + _STEP
        if _minutes(info, following) != found[-1][1]:
            moved = _moved(info, at, following)
            found.append((moved, _minutes(info, moved)))
        at = following
    return tuple(found)


def _moved(info: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """The first moment between them at which the clock shows what it does at `late`."""
    while late - early > _EXACT:
        middle = early + (late - early) // 2
        if _minutes(info, middle) == _minutes(info, late):
            late = middle
        else:
            early = middle
    return late.replace(second=0, microsecond=0)


def _minutes(info: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(info).utcoffset() or timedelta()
    return int(offset / timedelta(minutes=1))
