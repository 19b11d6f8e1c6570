"""Outbox: what has yet to reach the accounting system, and what did it say to the rest?

An item is one thing that a subscriber handed in. Its id never changes. It goes

    waiting → batched (has a file and a line) → exported (the file is delivered) → confirmed | rejected

and only forwards; from `waiting` it may also become `superseded` by a later item. Whoever moves it names the state
it must be in, and has won if one row changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx

State = Literal["waiting", "batched", "exported", "confirmed", "rejected", "superseded"]
Verdict = Literal["confirmed", "rejected"]
PAGE: Final = 1000


class Item(msgspec.Struct, frozen=True):
    """An item as it was handed in; `payload` is the JSON text of its kind."""

    item: str
    payload: str


class Passport(msgspec.Struct, frozen=True):
    """Where an item is on its way: file `file` (number `batch`), line `line`, and the answer, as far as it got."""

    item: str
    kind: str
    account: str
    state: State
    created_at: str
    sink: str | None
    batch: int | None
    file: str | None
    line: int | None
    exported_at: str | None
    answered_at: str | None
    answer_code: str | None
    answer_text: str | None
    superseded_by: str | None


class Line(msgspec.Struct, frozen=True):
    """What an item says, and the layout and hash of the file that it went out in."""

    payload: str
    layout: str
    file_sha256: str


class Backlog(msgspec.Struct, frozen=True):
    """What is under way. `exported`: gone out without an answer so far; `unanswered`: those of them that are late;
    `stray`: lines of answer files that fit no item."""

    waiting: int
    exported: int
    unanswered: int
    stray: int
    oldest_waiting: str | None
    oldest_unanswered: str | None


def insert(tx: Tx, *, item: str, kind: str, account: str, payload: str, now: datetime) -> None:
    """A new item, in the unit of work that stores what it stands for."""
    tx.change("outbox.insert", item=item, kind=kind, account=account, payload=payload, now=instant(now))


def supersede(tx: Tx, *, item: str, by: str) -> bool:
    """`by` takes the place of `item`. False: it is already in a file, so `by` has to name it in `supersedes`."""
    return tx.change("outbox.supersede", item=item, by=by) == 1


def waiting(tx: Tx, *, kind: str) -> Iterator[Item]:
    """Every item of a kind that waits, oldest first, read page by page."""
    after_at = after_item = ""
    while page := tx.rows("outbox.waiting", kind=kind, after_at=after_at, after_item=after_item, limit=PAGE):
        for item, payload, _ in page:
            yield Item(item, payload)
        after_item, _, after_at = page[-1]


def batch(tx: Tx, *, sink: str, number: int, lines: Sequence[tuple[int, str]]) -> int:
    """Gives items their lines (line, item) in file `number`; how many of them were still waiting."""
    return tx.change_many(
        "outbox.batch", ({"item": item, "sink": sink, "batch": number, "line": line} for line, item in lines)
    )


def of_batch(tx: Tx, *, sink: str, number: int) -> list[Item]:
    """The items of a file in the order of its lines."""
    return [Item(*row) for row in tx.rows("outbox.of_batch", sink=sink, batch=number)]


def export(tx: Tx, *, sink: str, number: int, now: datetime) -> int:
    """The file is delivered; how many of its items became `exported`."""
    return tx.change("outbox.export", sink=sink, batch=number, now=instant(now))


def answer(tx: Tx, *, item: str, sink: str, number: int, verdict: Verdict, code: str, text: str, now: datetime) -> bool:
    """The verdict on an item of file `number`. False: it has one already, or is not in that file."""
    return (
        tx.change(
            "outbox.answer",
            item=item,
            sink=sink,
            batch=number,
            state=verdict,
            code=code,
            text=text,
            now=instant(now),
        )
        == 1
    )


def find(tx: Tx, *, item: str) -> Passport | None:
    row = tx.row("outbox.find", item=item)
    return Passport(*row) if row else None


def line(tx: Tx, *, item: str) -> Line | None:
    """None: no file holds it yet."""
    row = tx.row("outbox.line", item=item)
    return Line(*row) if row else None


def backlog(tx: Tx, *, unanswered_since: str, stray_since: str = "") -> Backlog:
    """What is under way; items that went out before the instant `unanswered_since` should have been answered. Stray
    lines are those found since `stray_since`."""
    row = tx.row("outbox.backlog", unanswered_since=unanswered_since, stray_since=stray_since)
    return Backlog(*row) if row else Backlog(0, 0, 0, 0, None, None)


def tally(tx: Tx) -> dict[str, int]:
    """State → how many items."""
    rows: list[Any] = tx.rows("outbox.tally")
    return dict(rows)
