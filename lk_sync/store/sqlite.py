"""SQLite: how is the store kept in a file of this machine?

One `BEGIN IMMEDIATE` … `COMMIT` per unit of work on one connection. It returns after COMMIT reached the disk
(`synchronous=FULL`: with NORMAL acknowledged rows were lost at power loss).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from lk_sync.store.migrating import missing
from lk_sync.store.work import Tx, script_statements, statements
from lk_sync.write_ahead import log_ahead

T = TypeVar("T")
BUSY_MS: Final = 15_000


class SqliteDoors:
    """The connections of one process to the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        created = not path.exists()
        self._writer = self._open()
        if created:
            path.chmod(0o600)
        self._reader = self._open()
        self._reader.execute("PRAGMA query_only = ON")
        self._migrate()
        self.reading = Tx(self._reader, statements())

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
        log_ahead(connection, patience_ms=BUSY_MS)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _migrate(self) -> None:
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)"
            )
            applied = {name for (name,) in connection.execute("SELECT name FROM migrations")}
            for name, script in missing(applied, str(self._path)):
                for statement in script_statements(script):
                    connection.execute(statement)
                connection.execute("INSERT INTO migrations VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", (name,))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def unit(self, work: Callable[[Tx], T]) -> T:
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(Tx(connection, statements()))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def read(self, work: Callable[[Tx], T]) -> T:
        connection = self._open()
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            return work(Tx(connection, statements()))
        finally:
            connection.close()

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
