"""Keys: what does every handler find in the application?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from lk_sync.clock import Clock
from lk_sync.config import Lk
from lk_sync.store.attachments import Attachments
from lk_sync.store.database import Store
from lk_sync.working_days import WorkingDays

if TYPE_CHECKING:
    from markupsafe import Markup

    from lk_sync.cache.reader import CacheReader
    from lk_sync.mail.post import Post
    from lk_sync.request_setting import RequestKind
    from portal.answers import Answers
    from portal.census import CensusTaker
    from portal.evidence import Rules
    from portal.legal import Legal
    from portal.origin import Origin
    from portal.passwords import Passwords
    from portal.recoverer import Recoverer
    from portal.registrar import Registrar
    from portal.seen import Seen
    from portal.visits import Visits
    from portal.works import Announced

LK = web.AppKey("LK", Lk)
CONFIG_DIR = web.AppKey("CONFIG_DIR", Path)
STORE = web.AppKey("STORE", Store)
ATTACHMENTS = web.AppKey("ATTACHMENTS", Attachments)
REQUESTS: web.AppKey[Mapping[str, RequestKind]] = web.AppKey("REQUESTS")
WORKING_DAYS = web.AppKey("WORKING_DAYS", WorkingDays)
CACHE: web.AppKey[CacheReader] = web.AppKey("CACHE")
CLOCK: web.AppKey[Clock] = web.AppKey("CLOCK")
ORIGIN: web.AppKey[Origin] = web.AppKey("ORIGIN")
SEEN: web.AppKey[Seen] = web.AppKey("SEEN")
ANSWERS: web.AppKey[Answers] = web.AppKey("ANSWERS")
VISITS: web.AppKey[Visits] = web.AppKey("VISITS")
PASSWORDS: web.AppKey[Passwords] = web.AppKey("PASSWORDS")
LEGAL: web.AppKey[Legal] = web.AppKey("LEGAL")
CENSUS: web.AppKey[CensusTaker] = web.AppKey("CENSUS")
RULES: web.AppKey[Rules] = web.AppKey("RULES")
RECOVERER: web.AppKey[Recoverer] = web.AppKey("RECOVERER")
WORKS: web.AppKey[Announced] = web.AppKey("WORKS")
REGISTRAR: web.AppKey[Registrar] = web.AppKey("REGISTRAR")
POST: web.AppKey[Post | None] = web.AppKey("POST")  # None: no mail server is set, letters wait
MANUAL: web.AppKey[dict[tuple[str, str], Markup]] = web.AppKey("MANUAL")
