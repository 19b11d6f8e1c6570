"""Whatever sequence of snapshots and increments is published, the cache equals the source and the journal tells it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lk_sync.cache import schema
from lk_sync.cache.base import SqliteBase
from lk_sync.cache.codes import Codes
from lk_sync.cache.places import SqliteCache
from lk_sync.flow import publish
from lk_sync.flow.stage import Staged, Staging
from lk_sync.flow.validate import Validated
from lk_sync.locks import FileHold
from lk_sync.records import DATASETS

HOLD = FileHold("x")
BILLS = DATASETS["bills"]
Books = dict[tuple[int, int, str], tuple[str, int]]

keys = st.tuples(st.integers(1_001, 1_004), st.sampled_from([202609, 202610]), st.sampled_from(["1", "2"]))
cells = st.tuples(st.sampled_from(["2026-11-01", "2026-11-02"]), st.integers(-3, 3))
steps = st.lists(st.tuples(st.booleans(), st.dictionaries(keys, cells, max_size=8)), min_size=1, max_size=6)


def _stage(folder: Path, run: int, rows: Books, mode: str) -> Path:
    path = folder / f"run-{run}.db"
    cache = schema.open_for_writing(folder / "cache.db")
    staging = Staging(path, run=run, source="x", codes=Codes(cache))
    columns: list[list[Any]] = [[] for _ in BILLS.columns]
    for (account, period, number), (issued_on, due) in rows.items():
        row = (account, period, number, issued_on, "2026-11-15", None, due, "issued")
        for column, cell in zip(columns, row, strict=True):
            column.append(cell)
    stage = staging.begin(BILLS, BILLS.columns)
    stage.add(Validated(columns=columns, numbers=range(1, len(rows) + 1), rejects=[], rejected_rows=0), where="x")
    stage.finish(Staged(dataset="bills", mode=mode, pulled=len(rows)))
    staging.close()
    cache.close()
    return path


def _cached(connection: SqliteBase | sqlite3.Connection) -> Books:
    rows = connection.execute("SELECT account, period, number, issued_on, amount_due_kopecks FROM main.bills")
    return {tuple(row[:3]): tuple(row[3:]) for row in rows}


def _undo(connection: SqliteBase, books: Books, run: int) -> Books:
    """The books before `run`, from the journal alone."""
    before = dict(books)
    for row_key, act, was in connection.execute("SELECT row_key, act, was FROM journal WHERE run = :run", {"run": run}):
        if act == "load":
            return {}
        account, period, number = json.loads(row_key)
        if act == "insert":
            del before[account, period, number]
        else:
            old = json.loads(was)
            before[account, period, number] = (old["issued_on"], old["amount_due_kopecks"])
    return before


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_the_cache_equals_the_books_and_the_journal_leads_back(
    steps: list[tuple[bool, Books]], tmp_path_factory: Any
) -> None:
    folder = tmp_path_factory.mktemp("publish")
    books: Books = {}
    for run, (snapshot, rows) in enumerate(steps, 1):
        before = dict(books)
        books = dict(rows) if snapshot else books | rows
        path = _stage(folder, run, rows, "full" if snapshot else "increment")
        with publish.staged_beside_cache(SqliteCache(folder / "cache.db"), path, HOLD) as (connection, staged):
            done = publish.publish(connection, staged, run=run, source="x", at=f"2026-11-{run:02d}")
            assert _cached(connection) == books
            assert _undo(connection, books, run) == before
            assert done["bills"].merged.changed == (before != books)
        assert publish.is_published(SqliteCache(folder / "cache.db"), run)


def test_readers_see_the_old_state_until_the_whole_publication_is_committed(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "cache.db")
    first = _stage(tmp_path, 1, {(1_001, 202610, "1"): ("1", 5)}, "full")
    with publish.staged_beside_cache(cache, first, HOLD) as (connection, staged):
        publish.publish(connection, staged, run=1, source="x", at="a")
    reader = sqlite3.connect(f"file:{tmp_path / 'cache.db'}?mode=ro", uri=True)
    second = _stage(tmp_path, 2, {(1_001, 202610, "1"): ("1", 6), (1_002, 202610, "1"): ("1", 7)}, "full")
    seen = []
    with publish.staged_beside_cache(cache, second, HOLD) as (base, staged):
        base.connection.set_trace_callback(lambda _: seen.append(tuple(_cached(reader).values())))
        publish.publish(base, staged, run=2, source="x", at="b")
    assert set(seen) <= {(("1", 5),), (("1", 6), ("1", 7))}
    assert tuple(_cached(reader).values()) == (("1", 6), ("1", 7))
    reader.close()
