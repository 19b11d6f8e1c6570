"""Census: is what so many accounts have in common counted for the data of this hour?

Counted in a thread with a door of its own to the cache. The pages use the last count; whoever decides on a registration
waits for one that fits the data, so that a sum that has just become common proves nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable
from contextlib import closing
from typing import Final

from lk_sync.cache import census
from lk_sync.cache.census import Census
from lk_sync.cache.reader import CacheReader
from lk_sync.clock import Clock
from portal.memory import give_back

LOOK_EVERY_SECONDS: Final = 5.0
REST: Final = 20  # times as long as counting has taken, so that data that change all day cost little of a processor

log: Final = logging.getLogger("portal.census")


class CensusTaker:
    """`open_reader` opens another door to the cache, for another thread."""

    def __init__(self, cache: CacheReader, open_reader: Callable[[], CacheReader], clock: Clock, few: int) -> None:
        self._cache = cache
        self._open_reader = open_reader
        self._clock = clock
        self._few = few
        self._edition: Hashable = None
        self._taking = asyncio.Lock()
        self.last: Census | None = None

    async def fresh(self) -> Census:
        """One that fits the data as they are now."""
        async with self._taking:
            if self.last is not None and self._edition == self._present():
                return self.last
            self._edition, taken = await asyncio.to_thread(self._take)
            if taken.numbers_in_order and (self.last is None or not self.last.numbers_in_order):
                log.warning("номер квитанции вычисляется по счёту или соседней квитанции: регистрация его не принимает")
            self.last = taken
            return taken

    def _present(self) -> Hashable:
        with self._cache.view() as view:
            return census.edition(view)

    def _take(self) -> tuple[Hashable, Census]:
        with closing(self._open_reader()) as reader, reader.view() as view:
            taken = census.edition(view), census.take(view, few=self._few, now=self._clock())
        give_back()
        return taken

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            began = time.monotonic()
            await self.fresh()
            await asyncio.sleep(max(LOOK_EVERY_SECONDS, REST * (time.monotonic() - began)))
