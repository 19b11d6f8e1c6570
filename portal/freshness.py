"""Freshness: as of when is what a page shows, and does newer data wait for a person?

Every page says «данные на …» from the run that last looked at its datasets. Data older than the supplier's limit,
and data whose newer edition the checks have stopped, are shown all the same, and the page says so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec
from aiohttp import web

from lk_sync.cache.reader import View
from lk_sync.clock import moment
from lk_sync.records import Instant
from lk_sync.store import runs
from lk_sync.store.database import Tx
from portal.keys import CLOCK, LK, STORE

LOOK_AGAIN: Final = timedelta(seconds=30)


class AsOf(msgspec.Struct, frozen=True):
    """«Данные на `published_at` из `source`»."""

    published_at: Instant
    source: str
    stale: bool
    held: bool


class HeldSources:
    """Sources whose newest run waits for a person. Asked of the store twice a minute, not on every page."""

    def __init__(self) -> None:
        self._names: frozenset[str] = frozenset()
        self._look_at: datetime | None = None

    def names(self, tx: Tx, now: datetime) -> frozenset[str]:
        if self._look_at is None or now >= self._look_at:
            newest = runs.last_of_each_job(tx)
            self._names = frozenset(run.source for run in newest if run.state == "held")
            self._look_at = now + LOOK_AGAIN
        return self._names


HELD: Final = web.AppKey("held sources", HeldSources)


def setup(app: web.Application) -> None:
    app[HELD] = HeldSources()


def as_of(request: web.Request, view: View, *datasets: str) -> AsOf | None:
    """Of the least fresh of `datasets`. None: one of them has never been loaded, so nothing is known yet."""
    state = view.oldest(*datasets)
    if state is None:
        return None
    app = request.app
    now = app[CLOCK]()
    limit = timedelta(hours=app[LK].portal.stale_after_hours)
    held = app[HELD].names(app[STORE].reading, now)
    return AsOf(state.published_at, state.source, now - moment(state.published_at) > limit, state.source in held)
