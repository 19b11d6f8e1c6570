"""Freshness: as of when is what a page shows, and does newer data wait for a person?

Every page says «данные на …» from the run that last looked at its datasets. Data older than the supplier's limit, data
whose newer edition the checks have stopped, and data of an account that lack rows which could not be taken are shown
all the same, and the page says so.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec
from aiohttp import web

from lk_sync.cache.reader import View
from lk_sync.clock import moment
from lk_sync.records import Instant
from lk_sync.store import rejects, runs
from lk_sync.store.database import Tx
from portal.access import visitor
from portal.keys import CLOCK, LK, STORE

LOOK_AGAIN: Final = timedelta(seconds=30)


class AsOf(msgspec.Struct, frozen=True):
    """«Данные на `published_at` из `source`». `unsettled`: rows of this account could not be taken, a person looks."""

    published_at: Instant
    source: str
    stale: bool
    held: bool
    unsettled: bool


class Pending:
    """What waits for a person: sources whose newest run is held, and accounts of which rows were not taken.

    Asked of the store twice a minute, not on every page.
    """

    def __init__(self) -> None:
        self._held: frozenset[str] = frozenset()
        self._unsettled: dict[str, set[str]] = {}
        self._look_at: datetime | None = None

    def look(self, tx: Tx, now: datetime) -> None:
        if self._look_at is not None and now < self._look_at:
            return
        newest = runs.last_settled_of_each_job(tx)
        self._held = frozenset(run.source for run in newest if run.state == "held")
        self._unsettled = {}
        for account, dataset in rejects.unsettled_accounts(tx):
            self._unsettled.setdefault(account, set()).add(dataset)
        self._look_at = now + LOOK_AGAIN

    def is_held(self, source: str) -> bool:
        return source in self._held

    def lacks(self, account: str, datasets: Collection[str]) -> bool:
        """Whether rows of one of the datasets are missing from what the account shows."""
        return not self._unsettled.get(account, frozenset()).isdisjoint(datasets)


PENDING: Final = web.AppKey("pending", Pending)


def setup(app: web.Application) -> None:
    app[PENDING] = Pending()


def as_of(request: web.Request, view: View, *datasets: str) -> AsOf | None:
    """Of the least fresh of `datasets`. None: one of them has never been loaded, so nothing is known yet."""
    state = view.oldest(*datasets)
    if state is None:
        return None
    app = request.app
    now = app[CLOCK]()
    limit = timedelta(hours=app[LK].portal.stale_after_hours)
    pending = app[PENDING]
    pending.look(app[STORE].reading, now)
    return AsOf(
        published_at=state.published_at,
        source=state.source,
        stale=now - moment(state.published_at) > limit,
        held=pending.is_held(state.source),
        unsettled=pending.lacks(visitor(request).account, datasets),
    )
