"""Keys: what does every handler find in the application?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from lk_sync.clock import Clock
from lk_sync.config import Lk
from lk_sync.store.database import Store

if TYPE_CHECKING:
    from lk_sync.cache.reader import CacheReader
    from portal.origin import Origin
    from portal.seen import Seen

LK = web.AppKey("LK", Lk)
CONFIG_DIR = web.AppKey("CONFIG_DIR", Path)
STORE = web.AppKey("STORE", Store)
CACHE: web.AppKey[CacheReader] = web.AppKey("CACHE")
CLOCK: web.AppKey[Clock] = web.AppKey("CLOCK")
ORIGIN: web.AppKey[Origin] = web.AppKey("ORIGIN")
SEEN: web.AppKey[Seen] = web.AppKey("SEEN")
