"""Whatever sequence of snapshots and increments is published, the cache equals the source and the journal tells it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lk_sync.cache.base import Base, SqliteBase
from lk_sync.cache.codes import Codes
from lk_sync.cache.places import CachePlace, SqliteCache
from lk_sync.flow import publish
from lk_sync.flow.stage import Staged, Staging
from lk_sync.flow.validate import Validated
from lk_sync.locks import FileHold
from lk_sync.records import DATASETS
from tests.at_the_store import Kept

HOLD = FileHold("x")
BILLS = DATASETS["bills"]
Books = dict[tuple[int, int, str], tuple[str, int]]

keys = st.tuples(st.integers(1_001, 1_004), st.sampled_from([202609, 202610]), st.sampled_from(["1", "2"]))
cells = st.tuples(st.sampled_from(["2026-11-01", "2026-11-02"]), st.integers(-3, 3))
steps = st.lists(st.tuples(st.booleans(), st.dictionaries(keys, cells, max_size=8)), min_size=1, max_size=6)


def _stage(place: CachePlace, folder: Path, run: int, rows: Books, mode: str) -> Path:
    path = folder / f"run-{run}.db"
    cache = place.open()
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


def _cached(connection: Base | sqlite3.Connection, at: str = "main") -> Books:
    rows = connection.execute(f"SELECT account, period, number, issued_on, amount_due_kopecks FROM {at}.bills")
    return {tuple(row[:3]): tuple(row[3:]) for row in rows}


def _undo(connection: Base, books: Books, run: int) -> Books:
    """The books before `run`, from the journal alone."""
    before = dict(books)
    sql = f"SELECT row_key, act, was FROM {connection.at.cache}.journal WHERE run = :run"
    for row_key, act, was in connection.execute(sql, {"run": run}):
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
    _live(SqliteCache(folder / "cache.db"), folder, steps)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_in_postgresql_the_cache_and_its_journal_are_the_same_to_the_letter(
    shared: Kept, steps: list[tuple[bool, Books]], tmp_path_factory: Any
) -> None:
    folder = tmp_path_factory.mktemp("publish")
    file = Kept(folder)
    _live(file.cache(), folder, steps)
    with closing(shared.cache().open()) as base:
        base.execute("DROP SCHEMA cache CASCADE")
    _live(shared.cache(), folder, steps)
    for table, order in (("bills", "1, 2, 3"), ("journal", "1, 4"), ("dataset_state", "1"), ("published_runs", "1")):
        sql = f"SELECT * FROM {table} ORDER BY {order}"
        assert shared.cells(folder, sql) == file.cells(folder / "cache.db", sql)


def _live(place: CachePlace, folder: Path, steps: list[tuple[bool, Books]]) -> None:
    books: Books = {}
    for run, (snapshot, rows) in enumerate(steps, 1):
        before = dict(books)
        books = dict(rows) if snapshot else books | rows
        path = _stage(place, folder, run, rows, "full" if snapshot else "increment")
        with publish.staged_beside_cache(place, path, HOLD) as (connection, staged):
            done = publish.publish(connection, staged, run=run, source="x", at=f"2026-11-{run:02d}")
            assert _cached(connection, connection.at.cache) == books
            assert _undo(connection, books, run) == before
            assert done["bills"].merged.changed == (before != books)
        assert publish.is_published(place, run)
        path.unlink()


def test_readers_see_the_old_state_until_the_whole_publication_is_committed(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "cache.db")
    first = _stage(cache, tmp_path, 1, {(1_001, 202610, "1"): ("1", 5)}, "full")
    with publish.staged_beside_cache(cache, first, HOLD) as (connection, staged):
        publish.publish(connection, staged, run=1, source="x", at="a")
    reader = sqlite3.connect(f"file:{tmp_path / 'cache.db'}?mode=ro", uri=True)
    second = _stage(cache, tmp_path, 2, {(1_001, 202610, "1"): ("1", 6), (1_002, 202610, "1"): ("1", 7)}, "full")
    seen = []
    with publish.staged_beside_cache(cache, second, HOLD) as (base, staged):
        assert isinstance(base, SqliteBase)
        base.connection.set_trace_callback(lambda _: seen.append(tuple(_cached(reader).values())))
        publish.publish(base, staged, run=2, source="x", at="b")
    assert set(seen) <= {(("1", 5),), (("1", 6), ("1", 7))}
    assert tuple(_cached(reader).values()) == (("1", 6), ("1", 7))
    reader.close()
