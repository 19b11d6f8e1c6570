"""Batches: which export files were made, and have they arrived?

A number is taken in the committed unit of work that gives the items their lines, before the file exists anywhere.
From then on the file can be made again, byte by byte, out of its items and the layout kept here.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx


class Batch(msgspec.Struct, frozen=True):
    """An export file. `control_sum` is in the units of its kind (millionths for readings), `layout` the JSON text
    of the export setting it was laid out by."""

    sink: str
    number: int
    kind: str
    file: str
    row_count: int
    control_sum: int
    sha256: str
    layout: str
    created_at: str
    delivered_at: str | None = None


def next_number(tx: Tx, *, sink: str) -> int:
    """A number that no file of the sink has had. Taken when the unit of work commits with `open` of it."""
    row = tx.row("batches.last_number", sink=sink)
    return int(row[0]) + 1 if row else 1


def open(tx: Tx, batch: Batch) -> None:  # noqa: A001 - read as `batches.open`
    tx.change(
        "batches.open",
        sink=batch.sink,
        number=batch.number,
        kind=batch.kind,
        file=batch.file,
        row_count=batch.row_count,
        control_sum=batch.control_sum,
        sha256=batch.sha256,
        layout=batch.layout,
        created_at=batch.created_at,
    )


def delivered(tx: Tx, *, sink: str, number: int, now: datetime) -> bool:
    """False: somebody has marked it before."""
    return tx.change("batches.delivered", sink=sink, number=number, now=instant(now)) == 1


def undelivered(tx: Tx, *, sink: str) -> list[Batch]:
    return [Batch(*row) for row in tx.rows("batches.undelivered", sink=sink)]


def by_file(tx: Tx, *, sink: str, file: str) -> Batch | None:
    row = tx.row("batches.by_file", sink=sink, file=file)
    return Batch(*row) if row else None
