"""Restores: what must not be believed of a store that was restored from a copy?

It does not know what happened after the copy was made. Numbers given since then must not be given again: an
accounting system would see a file of a known number with other bytes, and the cache knows runs by their numbers.
Letters that waited may have left, sessions may have been ended.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from lk_sync.clock import instant, moment
from lk_sync.store import audit
from lk_sync.store.database import Tx

LEAST_JUMP: Final = 10_000
MAYBE_SENT: Final = "хранилище восстановлено из копии; письмо могло уйти раньше"


class Known(msgspec.Struct, frozen=True):
    """The greatest numbers of runs and of export files, and the newest moment that the store remembers."""

    run: int
    batch: int
    at: str | None


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers begin after `runs_past` and `batches_past`; so many letters are in doubt, so many sessions ended."""

    copied_at: str | None
    runs_past: int
    batches_past: int
    letters: int
    sessions: int


def known(tx: Tx) -> Known:
    row = tx.row("restores.known")
    return Known(*row) if row else Known(0, 0, None)


def forget(tx: Tx, *, at_least: Known, now: datetime) -> Restored:
    """Makes a copy fit to be the store. `at_least`: numbers that others are known to have seen.

    The jump is longer than what a job that starts every minute could have used since.
    """
    own = known(tx)
    age = now - moment(own.at) if own.at else timedelta()
    jump = max(LEAST_JUMP, int(age / timedelta(minutes=1)))
    restored = Restored(
        copied_at=own.at,
        runs_past=max(own.run, at_least.run) + jump,
        batches_past=max(own.batch, at_least.batch) + jump,
        letters=tx.change("restores.doubt_letters", answer=MAYBE_SENT),
        sessions=tx.change("restores.end_sessions"),
    )
    tx.change("restores.spare_notifications")
    tx.change("restores.forget_walks")
    tx.change(
        "restores.restored",
        now=instant(now),
        copied_at=own.at or "",
        runs_past=restored.runs_past,
        batches_past=restored.batches_past,
    )
    audit.append(tx, actor=audit.SYSTEM, act="store_restored", object="store:store", now=now)
    return restored
