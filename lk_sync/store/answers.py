"""Answers: which acknowledgement files have been read, and which of their lines fit nothing of ours?

A file is known by its SHA-256: the same bytes twice change nothing, under whatever name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx

Reason = Literal["unknown_item", "other_batch", "contradiction"]
MOST_STRAYS: Final = 1000


class Stray(msgspec.Struct, frozen=True):
    """A line that fits no item: its id is unknown, it belongs to another file, or it was answered otherwise."""

    sink: str
    file: str
    line: int
    item: str
    status: str
    code: str
    text: str
    reason: Reason
    found_at: str


def taken(tx: Tx, *, sink: str, sha256: str) -> bool:
    return tx.row("answers.taken", sink=sink, sha256=sha256) is not None


def take(tx: Tx, *, sink: str, sha256: str, file: str, rows: int, now: datetime) -> None:
    """Remembers the file; in the unit of work that applies its lines."""
    tx.change("answers.take", sink=sink, sha256=sha256, file=file, row_count=rows, now=instant(now))


def stray(tx: Tx, stray: Stray, *, sha256: str) -> None:
    """Keeps a stray line of the file `sha256` for a person to look at."""
    tx.change(
        "answers.stray",
        sink=stray.sink,
        sha256=sha256,
        line=stray.line,
        item=stray.item,
        status=stray.status,
        code=stray.code,
        text=stray.text,
        reason=stray.reason,
        now=stray.found_at,
    )


def strays(tx: Tx, *, since: str, limit: int = MOST_STRAYS) -> list[Stray]:
    """Stray lines found since the instant, newest first."""
    return [Stray(*row) for row in tx.rows("answers.strays", since=since, limit=limit)]


def strays_of(tx: Tx, *, sink: str, sha256: str) -> list[Stray]:
    """Stray lines of one answer file, in its order."""
    return [Stray(*row) for row in tx.rows("answers.strays_of", sink=sink, sha256=sha256)]


def stray_count(tx: Tx, *, since: str) -> int:
    row = tx.row("answers.stray_count", since=since)
    return int(row[0]) if row else 0
