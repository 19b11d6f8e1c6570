"""Truths: is what the cache shows one export of the books, whole?

The digest of an export is taken from the supplier's books when it is written, that of the cache from its tables:
two ways that have nothing in common but the books themselves.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from demo.bookkeeper import Bookkeeper
from lk_sync.clock import instant, moment
from lk_sync.records import DATASETS, Dataset, Field

Row = tuple[Any, ...]
NOTHING: Final = "nothing"

CLOSED: Final[Mapping[str, str]] = {
    "a balance does not close": (
        "SELECT * FROM balances WHERE closing_kopecks <> opening_kopecks + charged_kopecks + recalculated_kopecks"
        " - benefit_kopecks + penalty_kopecks - paid_kopecks"
    ),
    "a month does not begin where the last one ended": (
        "SELECT * FROM (SELECT *, LAG(closing_kopecks) OVER (PARTITION BY account, service ORDER BY period) AS before"
        " FROM balances) WHERE before <> opening_kopecks"
    ),
    "charge lines do not sum to the balance": (
        "SELECT * FROM balances AS b WHERE (charged_kopecks, recalculated_kopecks, benefit_kopecks) IS DISTINCT FROM"
        " (SELECT COALESCE(SUM(charged_kopecks), 0), COALESCE(SUM(recalculated_kopecks), 0),"
        " COALESCE(SUM(benefit_kopecks), 0) FROM charges AS c"
        " WHERE (c.account, c.period, c.service) = (b.account, b.period, b.service))"
    ),
    "a bill does not ask for the balance": (
        "SELECT * FROM bills AS b WHERE amount_due_kopecks <> (SELECT SUM(closing_kopecks) FROM balances AS s"
        " WHERE (s.account, s.period) = (b.account, b.period))"
    ),
    "datasets are of several runs": (
        "SELECT * FROM (SELECT COUNT(DISTINCT run) AS runs, MAX(run) AS newest FROM dataset_state)"
        " WHERE runs > 1 OR newest <> (SELECT MAX(run) FROM published_runs)"
    ),
}


def of_books(books: Mapping[str, Iterable[Row]]) -> str:
    """The digest of rows as the supplier has them: fields in the dataset's order and one more cell at the end."""
    return _digest({name: _plain(DATASETS[name], rows) for name, rows in books.items()})


def of_every_book(books: Bookkeeper) -> str:
    """The digest of the supplier's books as they are now."""
    whole: dict[str, list[Row]] = dict(books.supplier.common())
    for account in books.every():
        for name, rows in account.items():
            whole.setdefault(name, []).extend(rows)
    return of_books(whole)


def _plain(dataset: Dataset, rows: Iterable[Row]) -> Iterable[Row]:
    if any(field.kind in ("bool", "datetime") for field in dataset.fields):
        return (
            tuple(_stored(field, cell) for field, cell in zip(dataset.fields, row[:-1], strict=True)) for row in rows
        )
    return (row[:-1] for row in rows)


def _stored(field: Field, cell: Any) -> Any:
    if field.kind == "datetime" and cell is not None:
        return instant(moment(cell))
    return int(cell) if isinstance(cell, bool) else cell


def of_cache(path: Path) -> str:
    """The digest of what the cache shows, after its books were found closed. NOTHING while nothing is published."""
    if not path.exists():
        return NOTHING
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'published_runs'").fetchone():
            return NOTHING
        for fault, sql in CLOSED.items():
            found = connection.execute(sql).fetchone()
            assert found is None, f"{fault}: {found}"
        if not connection.execute("SELECT 1 FROM published_runs").fetchone():
            return _nothing(connection)
        codes: dict[int | None, str | None] = {None: None, **dict(connection.execute("SELECT id, code FROM codes"))}
        return _digest({name: _rows(connection, dataset, codes) for name, dataset in DATASETS.items()})


def _nothing(connection: sqlite3.Connection) -> str:
    for name in DATASETS:
        assert connection.execute(f"SELECT 1 FROM {name}").fetchone() is None, f"{name} shows rows of no run"
    return NOTHING


def _rows(connection: sqlite3.Connection, dataset: Dataset, codes: Mapping[int | None, str | None]) -> Iterable[Row]:
    """Rows in the supplier's own form."""
    rows = connection.execute(f"SELECT {', '.join(dataset.columns)} FROM {dataset.name}").fetchall()
    columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
    for place, field in enumerate(dataset.fields):
        if columns and field.kind == "account":
            columns[place] = [str(key)[1:] for key in columns[place]]
        elif columns and field.kind == "code":
            columns[place] = [codes[cell] for cell in columns[place]]
    return zip(*columns, strict=True)


def _digest(books: Mapping[str, Iterable[Row]]) -> str:
    digest = hashlib.sha256()
    for name, dataset in DATASETS.items():
        width = len(dataset.key)
        digest.update(name.encode())
        digest.update(repr(sorted(books[name], key=lambda row: row[:width])).encode())
    return digest.hexdigest()
