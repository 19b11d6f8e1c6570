"""Rejects: which rows could not be taken, what shall be corrected in the accounting system, and what is still open?

A row lies on the desk until it is settled: a later snapshot has said everything anew, it was read again and taken, it
was tried again (`flow.replay`), or a person has put it aside. Its cells are wiped then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Row, Tx
from lk_sync.store.runs import State


class Rejected(msgspec.Struct, frozen=True):
    dataset: str
    found_in: str
    row_number: int
    row_key: str
    field: str
    value: str
    reason: str


class Reason(msgspec.Struct, frozen=True):
    dataset: str
    field: str
    reason: str
    times: int


class Cause(msgspec.Struct, frozen=True):
    """Why `times` cells lie on the desk; `accounts`: of how many accounts, as far as they are known."""

    source: str
    dataset: str
    field: str
    reason: str
    times: int
    accounts: int
    first_run: int
    last_run: int


class Unsettled(msgspec.Struct, frozen=True):
    """A cell on the desk. `state`: of its run; nobody sees anything of one that is held.

    `account`: the number, where it can be read. `stored_key`: as in the journal. `cells`: JSON of `flow.kept.Cells`.
    """

    source: str
    state: State
    run: int
    dataset: str
    position: int
    found_in: str
    row_number: int
    row_key: str
    field: str
    value: str
    reason: str
    account: str | None
    stored_key: str | None
    cells: str | None

    @property
    def number(self) -> str:
        """By which a person names it."""
        return f"{self.run}/{self.dataset}/{self.position}"


def add_all(tx: Tx, run: int, rows: Iterable[Row]) -> None:
    """Rows of a staging file's `rejects`. Safe to repeat."""
    told = ("dataset", "position", "row_number", "row_key", "field", "value", "reason", "found_in")
    names = (*told, "account", "stored_key", "cells")
    tx.change_many("rejects.add", (dict(zip(names, row, strict=True)) | {"run": run} for row in rows))


def of_run(tx: Tx, run: int, *, most: int = 100) -> list[Rejected]:
    return [Rejected(*row) for row in tx.rows("rejects.of_run", run=run, most=most)]


def reasons_of_run(tx: Tx, run: int) -> list[Reason]:
    return [Reason(*row) for row in tx.rows("rejects.reasons_of_run", run=run)]


def newest_run(tx: Tx) -> int | None:
    row = tx.row("rejects.newest_run")
    return row[0] if row else None


def causes(tx: Tx) -> list[Cause]:
    return [Cause(*row) for row in tx.rows("rejects.causes")]


def unsettled(
    tx: Tx, *, run: int | None = None, source: str | None = None, dataset: str | None = None
) -> list[Unsettled]:
    return [Unsettled(*row) for row in tx.rows("rejects.unsettled", run=run, source=source, dataset=dataset)]


def unsettled_accounts(tx: Tx) -> list[tuple[str, str]]:
    """(account number, dataset): data of these accounts lack rows that could not be taken."""
    return [(account, dataset) for account, dataset in tx.rows("rejects.unsettled_accounts")]


def settle(tx: Tx, rows: Iterable[Unsettled], *, by: str, now: datetime) -> int:
    """How many cells were settled. `by`: what has settled them, in words."""
    places = {(row.run, row.dataset, row.found_in, row.row_number) for row in rows}
    return sum(
        tx.change(
            "rejects.settle", run=run, dataset=dataset, found_in=found_in, row_number=number, by=by, at=instant(now)
        )
        for run, dataset, found_in, number in sorted(places)
    )


def settle_before(tx: Tx, run: int, *, source: str, dataset: str, by: str, now: datetime) -> int:
    """The dataset was read whole by `run`."""
    return tx.change("rejects.settle_before", run=run, source=source, dataset=dataset, by=by, at=instant(now))


def settle_run(tx: Tx, run: int, *, by: str, now: datetime) -> int:
    return tx.change("rejects.settle_run", run=run, by=by, at=instant(now))
