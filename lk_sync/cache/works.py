"""Works: which outages are not over, and which houses do they touch?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from lk_sync.cache.reader import View
from lk_sync.clock import instant
from lk_sync.records import Instant

LASTS: Final = timedelta(days=3)  # what nobody knows the end of


class Work(NamedTuple):
    """`building`: the code of the house, None for the whole town; `service`: its name, None for all of them."""

    works: str
    planned: bool
    building: int | None
    service: str | None
    starts_at: Instant
    ends_at: Instant | None
    what: str


def ahead(view: View, now: datetime) -> list[Work] | None:
    """By their beginning. None: nothing is known of works, which is not the same as nothing."""
    if view.state("works") is None:
        return None
    return [
        Work(
            works=works,
            planned=view.code(kind) == "planned",
            building=building,
            service=None if service is None else view.service_title(view.code(service)),
            starts_at=starts_at,
            ends_at=ends_at,
            what=what,
        )
        for works, kind, building, service, starts_at, ends_at, what in view.works_ahead(
            instant(now), instant(now - LASTS)
        )
    ]


def touching(view: View, account: int, now: datetime) -> list[Work]:
    """Those of the house of an account, and of the town."""
    building = view.building_of(account)
    return [work for work in ahead(view, now) or () if work.building in (None, building)]
