"""Postbox: how is somebody told by letter of what was just done to his user record, and who carries the letter?"""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from lk_sync.store import letters
from lk_sync.store.database import Tx
from lk_sync.store.users import User
from portal.keys import POST


def letters_wait(app: web.Application) -> None:
    """Whoever carries letters looks at once; where nobody does, they wait."""
    if (post := app[POST]) is not None:
        post.wake()


def tell(tx: Tx, user: User, kind: str, context: dict[str, str], *, now: datetime) -> None:
    """A letter about what was done just now, in the unit of work that does it."""
    letters.write(
        tx,
        kind=kind,
        once=f"{kind}:{user.user_code}:{now.timestamp()}",
        recipient=user.email,
        language=user.language,
        context=context,
        now=now,
    )
