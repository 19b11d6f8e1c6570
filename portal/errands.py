"""Errands: what does a portal do beside answering, so that nothing is kept longer than it is needed?"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from lk_sync.store import requests
from portal.keys import ATTACHMENTS, STORE

AT_ONCE: Final = 200
SWEEP_EVERY_SECONDS: Final = 6 * 3600


async def sweep_attachments(app: web.Application) -> int:
    """Removes files that no request names, and that came too long ago for one that is still being written. How many."""
    attachments, removed = app[ATTACHMENTS], 0
    old = await asyncio.to_thread(lambda: list(attachments.old()))
    for at in range(0, len(old), AT_ONCE):
        some = old[at : at + AT_ONCE]
        named = requests.named(app[STORE].reading, some)
        await asyncio.sleep(0)
        removed += await asyncio.to_thread(attachments.remove, set(some) - named)
    return removed


async def keep_swept(app: web.Application) -> None:
    """Not at the start: nothing of it is urgent."""
    while True:
        await asyncio.sleep(SWEEP_EVERY_SECONDS)
        await sweep_attachments(app)
