"""Publish: how do all datasets of a run become visible at once, or not at all?

One transaction of the cache: rows, journal, watermark and the note that this run is published. Readers see
the state before it or after it. A crash at any point leaves the state before.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from lk_sync.cache import merge, schema
from lk_sync.cache.merge import Merged
from lk_sync.flow.stage import Staged, attached
from lk_sync.records import DATASETS

CHANGED_PAGES_KB: Final = 48_000


class Published(msgspec.Struct, frozen=True, kw_only=True):
    merged: Merged
    seconds: float


@contextmanager
def staged_beside_cache(cache: Path, staging: Path) -> Iterator[tuple[sqlite3.Connection, dict[str, Staged]]]:
    """A writing connection to the cache with the staging file attached, and what is staged there."""
    connection = schema.open_for_writing(cache)
    try:
        connection.execute("ATTACH DATABASE ? AS staging", (str(staging),))
        # The pages that a small change touches all over a big table: read once, kept until they are written.
        connection.execute(f"PRAGMA main.cache_size = -{CHANGED_PAGES_KB}")
        yield connection, attached(connection)
    finally:
        connection.close()


def publish(
    connection: sqlite3.Connection, staged: Mapping[str, Staged], *, run: int, source: str, at: str
) -> dict[str, Published]:
    """Make the staged datasets visible as of instant `at`. Raises what SQLite raises, with nothing changed."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = {name: _dataset(connection, what, run=run, source=source, at=at) for name, what in staged.items()}
        connection.execute("INSERT INTO published_runs (run, published_at) VALUES (?, ?)", (run, at))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("PRAGMA main.wal_checkpoint(TRUNCATE)")
    return done


def _dataset(connection: sqlite3.Connection, what: Staged, *, run: int, source: str, at: str) -> Published:
    began = time.monotonic()
    dataset = DATASETS[what.dataset]
    if merge.is_empty(connection, f"main.{dataset.name}"):
        merged = merge.load(connection, dataset, run=run)
    else:
        merged = merge.find_differences(connection, dataset, snapshot=what.mode == "full")
        if merged.changed:
            merge.apply(connection, dataset, run=run)
    connection.execute(
        "INSERT INTO dataset_state (dataset, source, run, published_at, watermark, data_version)"
        " VALUES (:dataset, :source, :run, :at, :watermark, 1) ON CONFLICT (dataset) DO UPDATE SET"
        " source = excluded.source, run = excluded.run, published_at = excluded.published_at,"
        " watermark = excluded.watermark, data_version = dataset_state.data_version + :step",
        {"dataset": dataset.name, "source": source, "run": run, "at": at, "watermark": what.watermark}
        | {"step": int(merged.changed)},
    )
    return Published(merged=merged, seconds=time.monotonic() - began)


def watermarks(cache: Path) -> dict[str, str]:
    """The watermark up to which each dataset is published."""
    if not cache.exists():
        return {}
    connection = schema.open_for_writing(cache)
    try:
        rows = connection.execute("SELECT dataset, watermark FROM dataset_state WHERE watermark IS NOT NULL")
        return dict(rows.fetchall())
    finally:
        connection.close()


def is_published(cache: Path, run: int) -> bool:
    """Whether this run's transaction was committed, whatever became of the process that began it."""
    if not cache.exists():
        return False
    connection = schema.open_for_writing(cache)
    try:
        return connection.execute("SELECT 1 FROM published_runs WHERE run = ?", (run,)).fetchone() is not None
    finally:
        connection.close()
