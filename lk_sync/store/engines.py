"""Engines: who walks the timetable, and is he still there?"""

from __future__ import annotations

from datetime import datetime

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx


class Engine(msgspec.Struct, frozen=True):
    """`engine`: the machine it runs on."""

    engine: str
    version: str
    started_at: str
    seen_at: str
    ended_at: str | None


def began(tx: Tx, *, engine: str, version: str, now: datetime) -> None:
    tx.change("engines.began", engine=engine, version=version, now=instant(now))


def seen(tx: Tx, *, engine: str, now: datetime) -> None:
    tx.change("engines.seen", engine=engine, now=instant(now))


def ended(tx: Tx, *, engine: str, now: datetime) -> None:
    tx.change("engines.ended", engine=engine, now=instant(now))


def newest(tx: Tx) -> Engine | None:
    row = tx.row("engines.newest")
    return Engine(*row) if row else None
