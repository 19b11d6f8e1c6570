"""Moving: how does everything that a store in a file holds come into PostgreSQL, exactly and once?

Nobody else may have the file open meanwhile. All tables are copied in one transaction and compared row by row before
COMMIT; only then is the file marked, so that no program takes it for the store any more. Cut short anywhere, it is
either not moved, or a repeat finds both equal and sets the mark.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import psycopg

from lk_sync.errors import BadData, Busy, SettingsError
from lk_sync.postgresql.address import Address
from lk_sync.postgresql.connection import Connection, connect, told
from lk_sync.store.database import Store
from lk_sync.store.migrating import MOVED

ROWS_AT_ONCE: Final = 2_000
_SESSION: Final = {"search_path": "store", "idle_in_transaction_session_timeout": "0"}
_NOTHING: Final = str.maketrans("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL has no such character
Table = tuple[str, tuple[str, ...], tuple[str, ...]]  # name, columns, those of its key


def move(file: Path, address: Address) -> Mapping[str, int]:
    """Table → rows. Raises SettingsError when there is no such store or PostgreSQL holds another one, Busy while
    somebody uses the file."""
    if not file.exists():
        raise SettingsError(f"{file}: хранилища здесь нет")
    Store(file).close()  # as new as this program; raises for one that is not ours, or was moved
    Store(address).close()
    try:
        with closing(_alone(file)) as old, closing(connect(address, "move", _SESSION)) as new:
            moved = _move(old, new)
            mark = "INSERT INTO migrations VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"
            old.execute(mark, (MOVED,))
            return moved
    except psycopg.Error as error:
        raise told(error, address) from None


def _alone(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, timeout=2)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",):
            return connection
    except sqlite3.OperationalError:
        pass
    connection.close()
    raise Busy(f"{file}: хранилищем пользуются; остановите lk-portal и lk-sync run и повторите")


def _move(old: sqlite3.Connection, new: Connection) -> dict[str, int]:
    tables = _tables(old)
    with new.transaction():
        for name, _, _ in tables:
            new.execute(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
        if all(_is_empty(new, name) for name, _, _ in tables):
            for table in tables:
                _copy(old, new, table)
        return {table[0]: _compared(old, new, table) for table in tables}


def _tables(old: sqlite3.Connection) -> list[Table]:
    """In the order in which they were made: a table refers to older ones only."""
    names = [
        name
        for (name,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
        if name != "migrations" and not name.startswith("sqlite_")
    ]
    return [(name, *_columns(old, name)) for name in names]


def _columns(old: sqlite3.Connection, table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = old.execute(f"PRAGMA table_info({table})").fetchall()
    return tuple(row[1] for row in found), tuple(row[1] for row in sorted(found, key=lambda row: row[5]) if row[5])


def _is_empty(new: Connection, table: str) -> bool:
    return new.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None  # noqa: S608 - names of ours


def _copy(old: sqlite3.Connection, new: Connection, table: Table) -> None:
    name, columns, _ = table
    with new.cursor().copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in _rows_of_file(old, table):
            copy.write_row(row)


def _compared(old: sqlite3.Connection, new: Connection, table: Table) -> int:
    """How many rows there are in both. Raises SettingsError unless they are the same."""
    rows = 0
    for one, other in zip_longest(_rows_of_file(old, table), _rows_of_server(new, table)):
        if one != other:
            raise SettingsError(
                f"в PostgreSQL уже другое хранилище: таблица {table[0]} не такая, как в файле. Ничего не перенесено; "
                "укажите в LK_DATABASE_URL базу без хранилища"
            )
        rows += 1
    return rows


def _ordered(table: Table) -> str:
    name, columns, key = table
    if not key:
        raise BadData(f"{name}: таблица без ключа, её не сравнить")
    return f"SELECT {', '.join(columns)} FROM {name} ORDER BY {', '.join(key)}"  # noqa: S608 - names of ours


def _rows_of_file(old: sqlite3.Connection, table: Table) -> Iterator[Sequence[Any]]:
    for row in old.execute(_ordered(table)):
        yield tuple(cell.translate(_NOTHING) if isinstance(cell, str) else cell for cell in row)


def _rows_of_server(new: Connection, table: Table) -> Iterator[Sequence[Any]]:
    with new.cursor(name="moved") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        yield from cursor.execute(_ordered(table))
