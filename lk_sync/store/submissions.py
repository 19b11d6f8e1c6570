"""Submissions: which readings did a subscriber hand in, and how far did each of them get?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from lk_sync.clock import instant
from lk_sync.records import Day, Instant, Micro, Month
from lk_sync.store.database import Row, Tx
from lk_sync.store.outbox import State


class Submitted(NamedTuple):
    """A submitted reading and its way: file `file`, line `line`, and the answer, as far as it got."""

    submission: str
    item: str
    meter: str
    period: Month
    value_micro: Micro
    taken_on: Day
    flags: tuple[str, ...]
    submitted_at: Instant
    state: State
    line: int | None
    file: str | None
    exported_at: Instant | None
    answered_at: Instant | None
    answer_code: str | None
    answer_text: str | None


class Rejected(NamedTuple):
    """A reading that the accounting system has refused, and whose it is."""

    item: str
    user_code: str
    account: str
    submission: str
    meter: str
    period: Month
    value_micro: Micro
    text: str
    answered_at: Instant


class Former(NamedTuple):
    """What was handed in before for the same meter and month. `supersedes`: the item in a file that it replaces."""

    submission: str
    item: str
    value_micro: Micro
    supersedes: str | None
    state: State


def add(
    tx: Tx,
    *,
    submission: str,
    item: str,
    user_code: str,
    account: str,
    meter: str,
    period: Month,
    value_micro: Micro,
    taken_on: Day,
    flags: Sequence[str],
    supersedes: str | None,
    content_hash: str,
    now: datetime,
) -> None:
    tx.change(
        "submissions.add",
        submission=submission,
        item=item,
        user_code=user_code,
        account=account,
        meter=meter,
        period=period,
        value_micro=value_micro,
        taken_on=taken_on,
        flags=" ".join(flags),
        supersedes=supersedes,
        content_hash=content_hash,
        now=instant(now),
    )


def content_of(tx: Tx, *, submission: str) -> str | None:
    """The hash of what the form held when it was first sent; None: it has not been sent."""
    row = tx.row("submissions.content_of", submission=submission)
    return None if row is None else str(row[0])


def of_month(tx: Tx, *, account: str, meter: str, period: Month) -> list[Former]:
    """The newest first."""
    return [Former._make(row) for row in tx.rows("submissions.of_month", account=account, meter=meter, period=period)]


def of_account(tx: Tx, *, account: str, holder_key: str, since: Month, most: int = 100) -> list[Submitted]:
    """What the holder and those he let in have handed in, the newest first."""
    rows = tx.rows("submissions.of_account", account=account, holder_key=holder_key, since=since, most=most)
    return [_submitted(row) for row in rows]


def one(tx: Tx, *, submission: str, account: str, holder_key: str) -> Submitted | None:
    """None also when it belongs to another account or to another holder of this one."""
    row = tx.row("submissions.one", submission=submission, account=account, holder_key=holder_key)
    return None if row is None else _submitted(row)


def rejected(tx: Tx, *, after: tuple[Instant, str], most: int) -> list[Rejected]:
    """Readings that the accounting system has refused, in the order of its answers, after an answer and an item."""
    rows = tx.rows("submissions.rejected", at=after[0], item=after[1], most=most)
    return [Rejected._make(row) for row in rows]


def _submitted(row: Row) -> Submitted:
    return Submitted._make((*row[:6], tuple(row[6].split()), *row[7:]))
