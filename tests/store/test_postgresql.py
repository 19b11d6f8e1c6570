"""The store in PostgreSQL: what a unit of SQLite may take for granted holds, and lost connections are survived."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest

from lk_sync.errors import BadData, Unreachable
from lk_sync.store import attempts, audit, runs
from lk_sync.store.attempts import Budget
from lk_sync.store.database import Store, Tx
from tests.at_the_store import Kept, Server

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def store(shared: Kept) -> Iterator[Store]:
    with closing(shared.store()) as made:
        yield made


def _open(tx: Tx) -> int:
    return runs.open_run(tx, job="j", source="s", started_by="hand", now=NOW)


def test_units_of_several_processes_are_as_if_one_came_after_the_other(shared: Kept) -> None:
    stores = [shared.store() for _ in range(4)]

    def ten(store: Store) -> list[int]:
        return [store.write_now(_open) for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        numbers = [number for found in pool.map(ten, stores) for number in found]
    assert sorted(numbers) == list(range(1, 41))
    for store in stores:
        store.close()


def test_what_was_read_at_the_beginning_still_holds_at_the_end(shared: Kept) -> None:
    """Two units look whether anything was written and write if not: one of them does."""
    stores = [shared.store() for _ in range(2)]
    both_have_looked = threading.Barrier(2)
    first = threading.local()

    def once(tx: Tx) -> bool:
        if audit.about(tx, object="x"):
            return False
        if not hasattr(first, "over"):
            first.over = True
            both_have_looked.wait(10)
        audit.append(tx, actor="a", act="b", object="x", now=NOW)
        return True

    with ThreadPoolExecutor(2) as pool:
        wrote = list(pool.map(lambda store: store.write_now(once), stores))
    assert sorted(wrote) == [False, True]
    assert len(audit.about(stores[0].reading, object="x")) == 1
    for store in stores:
        store.close()


def test_a_unit_that_raises_leaves_nothing(store: Store) -> None:
    def work(tx: Tx) -> None:
        _open(tx)
        raise LookupError

    with pytest.raises(LookupError):
        store.write_now(work)
    assert store.read(runs.recent) == []
    assert store.write_now(_open) == 1


def _end_sessions(server: Server, database: str) -> int:
    with server.postgres.connect() as admin:
        found = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,)
        ).fetchall()
    return len(found)


def _name(store: Store) -> str:
    return store.read(lambda tx: tx._connection.execute("SELECT current_database()").fetchone()[0])


def test_lost_connections_are_opened_anew(store: Store, server: Server) -> None:
    database = _name(store)
    assert store.write_now(_open) == 1
    assert _end_sessions(server, database) >= 3
    assert store.write_now(_open) == 2
    assert audit.about(store.reading, object="x") == []
    assert len(store.read(runs.recent)) == 2


def test_a_connection_that_breaks_within_a_unit_makes_the_unit_anew(store: Store, server: Server) -> None:
    database, calls = _name(store), []

    def work(tx: Tx) -> int:
        calls.append(1)
        number = _open(tx)
        if len(calls) == 1:
            _end_sessions(server, database)
        return number + len(tx.rows("runs.recent", job=None, most=10)) - 1

    assert store.write_now(work) == 1
    assert len(calls) == 2
    assert [run.run for run in store.read(runs.recent)] == [1]


def test_a_key_that_is_taken_is_told_without_what_the_row_holds(store: Store) -> None:
    def twice(tx: Tx) -> None:
        for _ in range(2):
            tx.change(
                "audit.append",
                entry="е1",
                at="",
                actor="Иванов",
                act="",
                object="",
                address="",
                detail="",
                account=None,
            )

    with pytest.raises(BadData, match="23505") as found:
        store.write_now(twice)
    assert "Иванов" not in str(found.value)
    assert "е1" not in str(found.value)
    assert found.value.__cause__ is None


def test_nothing_is_a_character_that_postgresql_lacks(store: Store) -> None:
    store.write_now(lambda tx: audit.append(tx, actor="a\0b", act="x", object="o\0", now=NOW))
    assert [entry.actor for entry in audit.about(store.reading, object="o\0")] == ["a\N{REPLACEMENT CHARACTER}b"]


def test_the_connection_for_reading_cannot_write(store: Store) -> None:
    with pytest.raises(Unreachable, match="read-only"):
        store.reading.change(
            "audit.append", entry="1", at="", actor="", act="", object="", address="", detail="", account=None
        )
    with pytest.raises(Unreachable, match="read-only"):
        store.read(_open)


def test_budgets_hold_over_processes(shared: Kept) -> None:
    stores = [shared.store() for _ in range(4)]
    budget = Budget(kind="k", subject="s", per="hour", most=25)

    def ten(store: Store) -> list[Budget | None]:
        return [store.write_now(lambda tx: attempts.take(tx, [budget], now=NOW)) for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        taken = [found for each in pool.map(ten, stores) for found in each]
    assert taken.count(None) == 25
    for store in stores:
        store.close()


def test_text_sorts_by_its_bytes(store: Store) -> None:
    found = store.read(
        lambda tx: tx._connection.execute(
            "SELECT DISTINCT collation_name FROM information_schema.columns"
            " WHERE table_schema = 'store' AND data_type = 'text'"
        ).fetchall()
    )
    assert found == [("C",)]


def test_a_base_of_another_encoding_is_refused(server: Server) -> None:
    server.postgres.create_database("lk_1251", encoding="WIN1251")
    with pytest.raises(Exception, match="кодировке WIN1251"):
        Kept(server.postgres.folder, server.environment("lk_1251")).store()
