"""Database: who may write the store, and what is one unit of work?

A unit of work is a plain function `work(tx)` that runs inside one `BEGIN IMMEDIATE` … `COMMIT` on one
connection; whatever it raises rolls everything back. It returns after COMMIT reached the disk
(`synchronous=FULL`: with NORMAL acknowledged rows were lost at power loss).

SQL lives in `<noun>.sql` beside `<noun>.py` and is named `noun.statement`. The statements are portable to
PostgreSQL: named parameters, text instants, BIGINT kopecks, no dialect words.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosql

from lk_sync.errors import SettingsError
from lk_sync.write_ahead import log_ahead

T = TypeVar("T")
Row = tuple[Any, ...]

HERE: Final = Path(__file__).parent
BUSY_MS: Final = 15_000


@cache
def statements(driver: str = "sqlite3") -> dict[str, str]:
    """`noun.statement` → SQL text for the driver (`sqlite3` or `psycopg`)."""
    found: dict[str, str] = {}
    for path in sorted(HERE.glob("*.sql")):
        queries = aiosql.from_path(path, driver, mandatory_parameters=False)
        for name in queries.available_queries:
            if not name.endswith("_cursor"):
                found[f"{path.stem}.{name}"] = getattr(queries, name).sql
    return found


def migrations() -> list[tuple[str, str]]:
    """(name, SQL script) in order. The list only grows; the version of a store is how many it has seen."""
    return [(path.stem, path.read_text("utf-8")) for path in sorted((HERE / "migrations").glob("*.sql"))]


class Tx:
    """The inside of one unit of work. Statements are named `noun.statement`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sql = statements()

    def rows(self, name: str, **parameters: Any) -> list[Row]:
        return self._connection.execute(self._sql[name], parameters).fetchall()

    def row(self, name: str, **parameters: Any) -> Row | None:
        found: Row | None = self._connection.execute(self._sql[name], parameters).fetchone()
        return found

    def change(self, name: str, **parameters: Any) -> int:
        """How many rows the statement changed. A claim is won when it is 1."""
        return self._connection.execute(self._sql[name], parameters).rowcount

    def change_many(self, name: str, many: Iterable[dict[str, Any]]) -> int:
        return self._connection.executemany(self._sql[name], many).rowcount


class Store:
    """One process's door to the store. Threads may share it: writes queue up behind each other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        created = not path.exists()
        self._writer = self._open()
        if created:
            path.chmod(0o600)
        self._reader = self._open()
        self._reader.execute("PRAGMA query_only = ON")
        self._writing = threading.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._migrate()
        self._reading = Tx(self._reader)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
        log_ahead(connection, patience_ms=BUSY_MS)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _migrate(self) -> None:
        known = migrations()
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)"
            )
            applied = {name for (name,) in connection.execute("SELECT name FROM migrations")}
            if unknown := applied - {name for name, _ in known}:
                raise SettingsError(
                    f"{self.path}: хранилище создано более новой версией программы "
                    f"(миграции {', '.join(sorted(unknown))}); установите её или восстановите хранилище из копии"
                )
            for name, script in known:
                if name not in applied:
                    for statement in script_statements(script):
                        connection.execute(statement)
                    connection.execute(
                        "INSERT INTO migrations VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", (name,)
                    )
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def write_now(self, work: Callable[[Tx], T]) -> T:
        """One unit of work, from a thread that may wait for the disk. Not for the event loop."""
        with self._writing:
            return self._unit(work)

    async def write(self, work: Callable[[Tx], T]) -> T:
        """One unit of work, from the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.write_now, work)

    def _unit(self, work: Callable[[Tx], T]) -> T:
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(Tx(connection))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    @property
    def reading(self) -> Tx:
        """Short indexed reads on a connection that cannot write. One thread at a time: the event loop's."""
        return self._reading

    def read(self, work: Callable[[Tx], T]) -> T:
        """A read of several statements on one consistent view, from any thread."""
        connection = self._open()
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            return work(Tx(connection))
        finally:
            connection.close()

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self._reader.close()
        self._writer.close()


def script_statements(script: str) -> list[str]:
    """The statements of a migration. They contain no semicolon inside a literal."""
    lines = [line.split("--", 1)[0] for line in script.splitlines()]
    return [part.strip() for part in "\n".join(lines).split(";") if part.strip()]
