"""A store that is moved is in PostgreSQL row by row, and no longer in its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lk_sync.errors import Busy, SettingsError
from lk_sync.postgresql import moving
from lk_sync.postgresql.moving import move
from lk_sync.store import audit, runs
from lk_sync.store.database import Store
from lk_sync.store.migrating import MOVED
from tests.at_the_store import Kept
from tests.core.conftest import Office

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def _fill(file: Path) -> None:
    """Rows in every table, whatever tables there are: cells that are hard to carry."""
    Store(file).close()
    with closing(sqlite3.connect(file)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"):
            if table != "migrations":
                for number in range(3):
                    _row(connection, table, number)
        connection.commit()


def _row(connection: sqlite3.Connection, table: str, number: int) -> None:
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    cells = [_cell(sql, name, kind, required or key, number) for _, name, kind, required, _, key in columns]
    connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(cells))})", cells)


def _cell(sql: str, name: str, kind: str, required: bool, number: int) -> Any:
    if f"CHECK ({name} IN (" in sql.replace("\n        ", " "):
        return sql.replace("\n        ", " ").partition(f"CHECK ({name} IN ('")[2].partition("'")[0]
    if not required and number == 2:
        return None
    match kind:
        case "TEXT":
            return f"{'ЁжZa'[number]}\t\\N\n'\"{number}"
        case "DOUBLE PRECISION" | "REAL":
            return (0.1 + 0.2, 1e-9, 123456.789)[number]
    return (2**62 + 1, -5, 7)[number] if name.endswith(("kopecks", "micro", "sum")) else number + 1


def _content(kept: Kept) -> dict[str, list[Any]]:
    with closing(kept.store()) as store:
        execute = store.reading._connection.execute
        if kept.address:
            named = "SELECT tablename FROM pg_tables WHERE schemaname = 'store'"
        else:
            named = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = sorted({name for (name,) in execute(named).fetchall()} - {"migrations", "fences"})
        return {name: sorted(execute(f"SELECT * FROM {name}").fetchall(), key=str) for name in names}


def test_every_row_of_every_table_is_carried_over_exactly(shared: Kept, tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    _fill(file)
    before = _content(Kept(tmp_path))
    assert all(len(rows) == 3 for rows in before.values())
    assert shared.address is not None
    moved = move(file, shared.address)
    assert moved == dict.fromkeys(before, 3)
    assert _content(shared) == before
    with pytest.raises(SettingsError, match="перенесено в PostgreSQL"):
        Store(file)
    with pytest.raises(SettingsError, match="перенесено в PostgreSQL"):
        move(file, shared.address)


def test_a_store_that_somebody_uses_is_not_moved(shared: Kept, tmp_path: Path) -> None:
    assert shared.address is not None
    with closing(Store(tmp_path / "store.db")) as store:
        store.write_now(lambda tx: audit.append(tx, actor="a", act="b", object="c", now=NOW))
        with pytest.raises(Busy, match="остановите lk-portal и lk-sync run"):
            move(tmp_path / "store.db", shared.address)
        store.write_now(lambda tx: audit.append(tx, actor="a", act="b", object="c", now=NOW))
    assert move(tmp_path / "store.db", shared.address)["audit"] == 2


def test_one_that_was_cut_short_after_commit_is_finished_by_a_repeat(shared: Kept, tmp_path: Path) -> None:
    assert shared.address is not None
    file = tmp_path / "store.db"
    _fill(file)
    move(file, shared.address)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DELETE FROM migrations WHERE name = ?", (MOVED,))
        connection.commit()
    assert move(file, shared.address)["audit"] == 3
    with pytest.raises(SettingsError, match="перенесено"):
        Store(file)


def test_a_base_with_another_store_is_left_alone(shared: Kept, tmp_path: Path) -> None:
    assert shared.address is not None
    with closing(shared.store()) as store:
        store.write_now(lambda tx: audit.append(tx, actor="other", act="b", object="c", now=NOW))
    _fill(tmp_path / "store.db")
    before = _content(shared)
    with pytest.raises(SettingsError, match="уже другое хранилище: таблица"):
        move(tmp_path / "store.db", shared.address)
    assert _content(shared) == before
    Store(tmp_path / "store.db").close()


def test_a_copy_that_fails_half_way_leaves_both_as_they_were(
    shared: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shared.address is not None
    _fill(tmp_path / "store.db")
    copied: list[str] = []

    def copy(old: Any, new: Any, table: moving.Table) -> None:
        if len(copied) == 5:
            raise KeyboardInterrupt
        copied.append(table[0])
        original(old, new, table)

    original = moving._copy
    with monkeypatch.context() as patch:
        patch.setattr(moving, "_copy", copy)
        with pytest.raises(KeyboardInterrupt):
            move(tmp_path / "store.db", shared.address)
    assert all(rows == [] for rows in _content(shared).values())
    assert sum(move(tmp_path / "store.db", shared.address).values()) > 15


@contextmanager
def _office(folder: Path) -> Iterator[Office]:
    office = Office(folder)
    for i in range(10):
        office.account(f"00{i:07d}")
        office.payment(f"00{i:07d}", f"П{i}", f"{i},{i}5")
    office.keep_books()
    yield office


def test_an_operator_moves_and_goes_on_with_the_next_run(shared: Kept, tmp_path: Path, third_party: None) -> None:
    with _office(tmp_path) as office:
        office.store.close()
        assert office.lk_sync("pull").code == 0
        nowhere = office.lk_sync("move-store")
        assert (nowhere.code, "задайте LK_DATABASE_URL" in nowhere.err) == (2, True)
        said = office.lk_sync("move-store", **shared.environment)
        assert (said.code, said.err) == (0, "")
        assert ["runs", "1"] in said.lines
        assert office.lk_sync("pull").code == 2
        pulled = office.lk_sync("pull", **shared.environment)
        assert pulled.code == 0, pulled.err
        assert len(shared.cells(tmp_path, "SELECT * FROM payments")) == 10
        for words, says in (
            (("status",), "payments"),
            (("status", "--json"), '"store_bytes"'),
            (("runs", "show", "2"), "payments"),
            (("as-of", "000000003", "01.01.2030"), "П3"),
            (("check", "--connect"), "хранилище отвечает, в кэше наборов: 2"),
        ):
            asked = office.lk_sync(*words, **shared.environment)
            assert says in asked.out, asked
        assert office.lk_sync("backup", "copy.db", **shared.environment).code == 2
        with closing(shared.store()) as store:
            assert [(run.run, run.state) for run in store.read(runs.recent)] == [(2, "published"), (1, "published")]
