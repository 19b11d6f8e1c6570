"""Rejects: which rows could not be taken, and what shall be corrected in the accounting system?"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lk_sync.store.database import Row, Tx


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
