"""Cached: how does a cache come to hold the supplier's books without a walk of the flow?

For tests and benchmarks of the portal, which need the rows and not their way. The forms of the cells are the
cache's own (`lk_sync.cache.schema`), the codes are taken by its own dictionaries.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from demo.supplier import Supplier
from lk_sync.cache.base import SqliteBase
from lk_sync.cache.codes import Codes
from lk_sync.cache.places import PostgresCache
from lk_sync.cache.schema import KEPT, columns, open_for_writing
from lk_sync.cache.server_base import open_for_writing as open_server
from lk_sync.clock import instant, moment
from lk_sync.records import DATASETS, Dataset

ACCOUNTS_AT_ONCE: Final = 500
RUN: Final = 1
ORIGIN: Final = 0


def fill(path: Path, supplier: Supplier, *, published_at: datetime, source: str = "demo") -> None:
    """The books of every account, as one run would have published them. The cache must not hold them yet."""
    base = open_for_writing(path)
    codes = Codes(base)
    base.execute("PRAGMA synchronous = OFF")
    base.execute("BEGIN")
    waiting: dict[str, list[Sequence[Any]]] = {name: [] for name in DATASETS}
    waiting |= supplier.common()
    for number, books in enumerate(supplier.every(), start=1):
        for name, rows in books.items():
            waiting[name] += rows
        if number % ACCOUNTS_AT_ONCE == 0:
            _write(base, codes, waiting)
    _write(base, codes, waiting)
    publish(base, published_at=published_at, source=source)
    base.close()


def publish(
    base: SqliteBase,
    *,
    published_at: datetime,
    source: str = "demo",
    datasets: Iterable[str] = tuple(DATASETS),
) -> None:
    """Says since when the datasets are as they are, and commits."""
    states = [(name, source, RUN, instant(published_at), None, RUN) for name in datasets]
    if not base.connection.in_transaction:
        base.execute("BEGIN")
    base.execute("INSERT INTO sources VALUES (?, ?) ON CONFLICT DO NOTHING", (ORIGIN, source))
    base.execute_many("INSERT OR REPLACE INTO dataset_state VALUES (?, ?, ?, ?, ?, NULL, ?)", states)
    base.execute("COMMIT")
    base.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def put(base: SqliteBase, codes: Codes, name: str, rows: Sequence[Sequence[Any]]) -> None:
    """Rows of a dataset in its column order; cells beyond the columns are left out, those that lack are empty."""
    dataset = DATASETS[name]
    cells = [_stored(dataset, codes, position, rows) for position in range(len(dataset.fields))]
    cells += [[cell] * len(rows) for cell in (None, ORIGIN, RUN)]
    marks = ", ".join("?" * len(cells))
    statement = f"INSERT OR REPLACE INTO {name} ({', '.join(columns(dataset))}) VALUES ({marks})"
    base.execute_many(statement, zip(*cells, strict=True))


def _write(base: SqliteBase, codes: Codes, waiting: dict[str, list[Sequence[Any]]]) -> None:
    base.execute("COMMIT")  # the dictionaries grow in transactions of their own
    prepared = {name: rows for name, rows in waiting.items() if rows}
    for name, rows in prepared.items():
        _learn(DATASETS[name], codes, rows)
    base.execute("BEGIN")
    for name, rows in prepared.items():
        put(base, codes, name, rows)
        rows.clear()


def _learn(dataset: Dataset, codes: Codes, rows: Sequence[Sequence[Any]]) -> None:
    for position in range(len(dataset.fields)):
        _stored(dataset, codes, position, rows)


def _stored(dataset: Dataset, codes: Codes, position: int, rows: Sequence[Sequence[Any]]) -> list[Any]:
    cells = [row[position] if position < len(row) else None for row in rows]
    match dataset.fields[position].kind:
        case "account":
            return [codes.account(cell) for cell in cells]
        case "datetime":
            return [None if cell is None else instant(moment(cell)) for cell in cells]
        case "code":
            return list(codes.ids(cells))
        case _:
            return cells


def carry(path: Path, cache: PostgresCache) -> None:
    """What a cache file holds, into the cache on a server instead of what is there."""
    with closing(sqlite3.connect(path)) as file, closing(open_server(cache.address)) as base:
        with base.exclusively("publication"):
            for table in (*KEPT, *DATASETS):
                base.execute(f"TRUNCATE cache.{table}")
                base.copy(f"cache.{table}", file, table)
        base.tidy()
