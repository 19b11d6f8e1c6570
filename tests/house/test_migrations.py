"""Migrations are a numbered list that only grows: what was released never changes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import psycopg
import pytest

from lk_sync.store.database import Store, migrations, script_statements
from tests.house.repository import ROOT

RELEASED = Path(__file__).with_name("released_migrations.json")
Recorded = dict[str, str]


def _found() -> Recorded:
    return {name: hashlib.sha256(script.encode()).hexdigest() for name, script in migrations()}


def faults(recorded: Recorded, found: Recorded) -> list[str]:
    """What was done to released migrations; nothing, if the list has only grown."""
    names = list(found)
    told = [f"{name}: выпущена и исчезла" for name in recorded if name not in found]
    told += [
        f"{name}: выпущена и изменена; верните её и напишите следующую"
        for name, digest in recorded.items()
        if found.get(name, digest) != digest
    ]
    if list(recorded) != names[: len(recorded)]:
        told.append("новая миграция стоит не последней")
    numbers = [name.split("_")[0] for name in names]
    if numbers != [f"{number:04d}" for number in range(1, len(names) + 1)]:
        told.append(f"номера идут не подряд: {', '.join(numbers)}")
    return told


def test_released_migrations_have_not_changed() -> None:
    recorded: Recorded = json.loads(RELEASED.read_text("utf-8"))
    assert not faults(recorded, _found())


def test_a_release_records_its_migrations() -> None:
    """At a release: write into `released_migrations.json` what this test prints."""
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    latest = changes.split("\n## ", 2)[1]
    if latest.startswith("Не выпущено"):
        return
    recorded: Recorded = json.loads(RELEASED.read_text("utf-8"))
    assert recorded == _found(), f"Выпуск записывает свои миграции в {RELEASED.name}:\n{json.dumps(_found(), indent=2)}"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"0001_a": "1", "0002_b": "2", "0003_c": "3"}, None),
        ({"0001_a": "1", "0002_b": "x"}, "0002_b: выпущена и изменена"),
        ({"0001_a": "1"}, "0002_b: выпущена и исчезла"),
        ({"0001_a": "1", "0001_z": "z", "0002_b": "2"}, "новая миграция стоит не последней"),
        ({"0001_a": "1", "0002_b": "2", "0004_c": "3"}, "номера идут не подряд"),
    ],
)
def test_any_change_of_what_was_released_is_found(found: Recorded, says: str | None) -> None:
    told = faults({"0001_a": "1", "0002_b": "2"}, found)
    assert any(says in fault for fault in told) if says else not told


def _columns_of_sqlite(path: Path) -> dict[str, list[str]]:
    Store(path).close()
    connection = sqlite3.connect(path)
    try:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] for table in tables}
    finally:
        connection.close()


def test_migrations_make_the_same_tables_on_both_databases(tmp_path: Path, house_base: psycopg.Connection) -> None:
    ours = _columns_of_sqlite(tmp_path / "store.db")
    del ours["migrations"]  # each backend keeps its own note of what it has seen
    with house_base.transaction(force_rollback=True):
        house_base.execute("CREATE SCHEMA migrated")
        house_base.execute("SET LOCAL search_path = migrated")
        for _, script in migrations():
            for statement in script_statements(script):
                house_base.execute(statement)
        rows = house_base.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'migrated' ORDER BY table_name, ordinal_position"
        ).fetchall()
    theirs: dict[str, list[str]] = {}
    for table, column in rows:
        theirs.setdefault(table, []).append(column)
    assert theirs == ours
