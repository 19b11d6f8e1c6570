"""Every statement runs on SQLite and on PostgreSQL, so that the store can move to the other one any day.

Each is executed with NULL for its parameters (1 where it counts rows) in a transaction that is rolled back: EXPLAIN
alone overlooks faults. A refused NULL is no fault, the database has understood everything by then.

The cache is SQLite by design, a file that is read on each portal machine; its statements are held to the same, for
a large supplier's cache may move as well. Bound to SQLite are only `WITHOUT ROWID` (taken off here) and the journal,
which writes its lines by `json_object`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest

from lk_sync.cache import census, merge, reader, schema
from lk_sync.cache.base import SqliteBase
from lk_sync.records import DATASETS
from lk_sync.store import database

STORE = database.statements("sqlite3")
STORE_PSYCOPG = database.statements("psycopg")
CACHE = reader.statements() | census.statements()
_NAMED = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_COUNTS = re.compile(r"\b(?:LIMIT|OFFSET)\s+(?::(\w+)|%\((\w+)\)s)")
MERGED = ("differing", "vanished", "gone", "end", "write", "unwritten")


def _parameters(sql: str) -> dict[str, int | None]:
    """NULL for each parameter; 1 for a number of rows, which may not be absent."""
    counts = {one or other for one, other in _COUNTS.findall(sql)}
    names = _NAMED.findall(sql) + re.findall(r"%\((\w+)\)s", sql)
    return {name: 1 if name in counts else None for name in names}


def _for_psycopg(sql: str) -> str:
    assert "%" not in sql
    return _NAMED.sub(r"%(\1)s", sql)


@pytest.fixture(scope="module")
def sqlite() -> Iterator[sqlite3.Connection]:
    """Store and cache in one base in memory, with the staging file beside it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for _, script in database.migrations():
        connection.executescript(script)
    schema.create(connection)
    connection.execute("ATTACH ':memory:' AS staging")
    for dataset in DATASETS.values():
        connection.execute(schema.table(dataset, "staging"))
        connection.execute(schema.gone_table(dataset, "staging"))
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def postgresql(house_base: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The same in PostgreSQL; what SQLite calls a base is a schema there."""
    statements = [f"CREATE SCHEMA {name}" for name in ("main", "staging", "temp")]
    statements.append("SET LOCAL search_path = main")
    statements += [part for _, script in database.migrations() for part in database.script_statements(script)]
    statements += schema.tables("main")
    for dataset in DATASETS.values():
        statements += [schema.table(dataset, "staging"), schema.gone_table(dataset, "staging")]
    with house_base.transaction(force_rollback=True):
        for statement in statements:
            house_base.execute(statement)
        yield house_base


def _run_on_sqlite(connection: sqlite3.Connection, sql: str) -> None:
    connection.execute("BEGIN")
    try:
        with suppress(sqlite3.IntegrityError):
            connection.execute(sql, _parameters(sql)).fetchall()
    finally:
        connection.execute("ROLLBACK")


def _run_on_postgresql(connection: psycopg.Connection, sql: str) -> None:
    with suppress(psycopg.errors.IntegrityError), connection.transaction(force_rollback=True):
        connection.execute(sql, _parameters(sql))


@pytest.mark.parametrize("name", STORE)
def test_a_statement_of_the_store_runs_on_both(
    name: str, sqlite: sqlite3.Connection, postgresql: psycopg.Connection
) -> None:
    _run_on_sqlite(sqlite, STORE[name])
    _run_on_postgresql(postgresql, STORE_PSYCOPG[name])


@pytest.mark.parametrize("name", CACHE)
def test_a_statement_of_the_reader_runs_on_both(
    name: str, sqlite: sqlite3.Connection, postgresql: psycopg.Connection
) -> None:
    _run_on_sqlite(sqlite, CACHE[name])
    _run_on_postgresql(postgresql, _for_psycopg(CACHE[name]))


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_dataset_is_merged_by_the_same_statements_on_both(
    dataset: str, sqlite: sqlite3.Connection, postgresql: psycopg.Connection
) -> None:
    made = merge.Statements(SqliteBase(sqlite), DATASETS[dataset])
    scratch = f"CREATE TABLE {made.scratch} AS SELECT {made.key}, '' AS act FROM main.{dataset} WHERE 1 = 0"
    sqlite.execute(scratch)
    for journal in (made.journal_written, made.journal_ended):
        _run_on_sqlite(sqlite, journal)
    try:
        with postgresql.transaction(force_rollback=True):
            postgresql.execute(scratch)
            for name in MERGED:
                _run_on_sqlite(sqlite, getattr(made, name))
                _run_on_postgresql(postgresql, _for_psycopg(getattr(made, name)))
    finally:
        sqlite.execute(f"DROP TABLE {made.scratch}")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT OR IGNORE INTO codes (code) VALUES (:code)",
        "SELECT run FROM runs WHERE :job IS NULL",
        "SELECT run FROM runs WHERE job GLOB :job",
        "SELECT job, started_at, COUNT(*) FROM runs GROUP BY job",
        "SELECT datetime('now')",
    ],
)
def test_a_statement_in_the_dialect_of_sqlite_is_found(
    sql: str, sqlite: sqlite3.Connection, postgresql: psycopg.Connection
) -> None:
    _run_on_sqlite(sqlite, sql)
    with pytest.raises(psycopg.Error), postgresql.transaction(force_rollback=True):
        _run_on_postgresql(postgresql, _for_psycopg(sql))
