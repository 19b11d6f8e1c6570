"""Clock: what time is it, and how is an instant written down?

Instants are stored as UTC text `YYYY-MM-DDTHH:MM:SS.mmmZ`, which sorts as it reads.
Whoever needs the time gets it as an argument; only entry points call `now()`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


def instant(moment: datetime) -> str:
    """`moment` (aware) as stored text in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def moment(text: str) -> datetime:
    """The aware moment of a stored instant."""
    return datetime.fromisoformat(text)


def local(text: str, zone: ZoneInfo) -> datetime:
    """A stored instant as the supplier's wall clock shows it."""
    return moment(text).astimezone(zone)
