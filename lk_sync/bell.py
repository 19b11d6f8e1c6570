"""Bell: how does a worker of this process sleep until there is work, and learn of other processes' work as well?"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

LOOK_EVERY_SECONDS: Final = 5  # another process has nobody here to ring


class Bell:
    """`ring` when there is new work. `wait` returns at once when it rang since the last time, and soon in any case."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_SECONDS):
                await self._rung.wait()
        self._rung.clear()
