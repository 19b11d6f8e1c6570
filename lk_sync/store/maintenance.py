"""Maintenance: when may the portal only be read, or is closed, and what is said about it?

It lies in the store, so that every machine of the portal sees it within seconds. Works end by themselves at their hour.
The exchange with the accounting system goes on meanwhile, and so does what was handed in before.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final, Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store import audit
from lk_sync.store.database import Tx

Mode = Literal["read_only", "closed"]
SUBJECT: Final = "portal:maintenance"


class Works(msgspec.Struct, frozen=True, kw_only=True):
    """`ends_at` None: until somebody ends them."""

    mode: Mode
    starts_at: str
    ends_at: str | None = None
    text_ru: str = ""
    text_en: str = ""
    set_by: str = ""

    def go_on(self, now: datetime) -> bool:
        return self.starts_at <= instant(now) and (self.ends_at is None or instant(now) < self.ends_at)


def plan(tx: Tx, works: Works, *, now: datetime) -> None:
    """Works that begin at once take the place of those that go on."""
    if works.starts_at <= instant(now):
        tx.change("maintenance.end_begun", now=instant(now))
    tx.change("maintenance.plan", entry=secrets.token_hex(16), now=instant(now), **msgspec.structs.asdict(works))
    detail = {"mode": works.mode, "from": works.starts_at, "until": works.ends_at}
    audit.append(tx, actor=works.set_by, act="maintenance_planned", object=SUBJECT, now=now, detail=detail)


def end(tx: Tx, *, by: str, now: datetime) -> int:
    """Ends what goes on and calls off what is planned. How many works that were."""
    ended = tx.change("maintenance.end_all", now=instant(now))
    if ended:
        audit.append(tx, actor=by, act="maintenance_ended", object=SUBJECT, now=now)
    return ended


def standing(tx: Tx, *, now: datetime) -> list[Works]:
    """Those that go on and those to come, in the order in which they begin."""
    return [
        Works(mode=row[1], starts_at=row[2], ends_at=row[3], text_ru=row[4], text_en=row[5], set_by=row[6])
        for row in tx.rows("maintenance.standing", now=instant(now))
    ]
