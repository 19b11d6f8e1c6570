"""Seen: which sessions were used since the last write?

A page does not wait for the disk to move its session's idle limit; the moments are written together, often enough
that a session that is in use never looks idle.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Final

from lk_sync.clock import instant, moment
from lk_sync.store import sessions
from lk_sync.store.database import Store

OLD_ENOUGH: Final = timedelta(minutes=1)
WRITE_EVERY_SECONDS: Final = 15


class Seen:
    def __init__(self) -> None:
        self._moments: dict[str, str] = {}

    def note(self, token_hash: str, *, since: str, now: datetime) -> None:
        """The session is in use. Moves nothing that was moved less than a minute ago."""
        if token_hash not in self._moments and now - moment(since) >= OLD_ENOUGH:
            self._moments[token_hash] = instant(now)

    async def write(self, store: Store) -> int:
        moments, self._moments = self._moments, {}
        if not moments:
            return 0
        return await store.write(lambda tx: sessions.seen(tx, moments=moments))

    async def keep_writing(self, store: Store) -> None:
        """Until cancelled; what is noted by then is written."""
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(WRITE_EVERY_SECONDS)
                await self.write(store)
        await self.write(store)
