"""Pushes: how do the deliveries to each sink go?"""

from __future__ import annotations

from datetime import datetime

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx


class Push(msgspec.Struct, frozen=True):
    """`done_at`: the last good one; `failing_since`: the first of the failures in a row, `failures` of them so far.
    `done` and `failed`: how many there were, ever."""

    sink: str
    tried_at: str
    done_at: str | None
    failing_since: str | None
    failures: int
    error_kind: str | None
    error_text: str | None
    done: int
    failed: int


def done(tx: Tx, *, sink: str, now: datetime) -> None:
    tx.change("pushes.done", sink=sink, now=instant(now))


def failed(tx: Tx, *, sink: str, kind: str, text: str, now: datetime) -> None:
    tx.change("pushes.failed", sink=sink, error_kind=kind, error_text=text, now=instant(now))


def of_all_sinks(tx: Tx) -> list[Push]:
    return [Push(*row) for row in tx.rows("pushes.all")]
