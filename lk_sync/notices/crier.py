"""Crier: what happens that subscribers should be told of, and when is it looked for?

An errand of the engine that walks the timetable: every half minute it looks whether a run was published, a day has
begun, a reading was refused, a request answered or the hour of the day's letter has come. Each of these is a walk of
its own (`walking`).
"""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Final

from lk_sync import databases
from lk_sync.cache.reader import CacheReader
from lk_sync.clock import Clock
from lk_sync.config import Config
from lk_sync.notices import digest, of_days, of_meters, of_readings, of_requests, of_runs, of_works
from lk_sync.notices.walking import Ground
from lk_sync.store import notifications
from lk_sync.store.database import Store

WALKS: Final = (of_readings.go, of_requests.go, of_runs.go, of_works.go, of_days.go, of_meters.go, digest.go)


class Crier:
    """`look` from one thread only. `close` when there is nothing more to look for."""

    def __init__(self, config: Config, store: Store, *, clock: Clock, stop: threading.Event) -> None:
        self._config, self._store, self._clock, self._stop = config, store, clock, stop
        self._reader: CacheReader | None = None
        self._swept: date | None = None

    def look(self) -> None:
        """Raises what the databases raise; the next look goes on from there."""
        self._reader = self._reader or databases.cache(self._config).reader()
        ground = Ground(self._config.lk, self._store, self._reader, self._clock(), self._stop)
        for go in WALKS:
            if not self._stop.is_set():
                go(ground)
        self._sweep(ground)

    def _sweep(self, ground: Ground) -> None:
        """Once a day."""
        if self._swept != ground.today:
            before = ground.now - timedelta(days=ground.lk.notifications.kept_days)
            self._store.write_now(lambda tx: notifications.sweep(tx, before=before))
            self._swept = ground.today

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
