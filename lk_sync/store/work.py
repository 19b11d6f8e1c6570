"""Work: what can a unit of work do, and which statements does it know?

SQL lives in `<noun>.sql` beside `<noun>.py` and is named `noun.statement`. The statements are portable: named
parameters, text instants, BIGINT kopecks, no dialect words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import aiosql

Row = tuple[Any, ...]
HERE: Final = Path(__file__).parent


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


def script_statements(script: str) -> list[str]:
    """The statements of a migration. They contain no semicolon inside a literal."""
    lines = [line.split("--", 1)[0] for line in script.splitlines()]
    return [part.strip() for part in "\n".join(lines).split(";") if part.strip()]


class Cursor(Protocol):
    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Session(Protocol):
    """A connection of either driver, inside a transaction."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Cursor: ...

    def executemany(self, sql: str, many: Iterable[Any], /) -> Cursor: ...


class Tx:
    """The inside of one unit of work. Statements are named `noun.statement`."""

    def __init__(self, connection: Session, sql: dict[str, str]) -> None:
        self._connection = connection
        self._sql = sql

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


T = TypeVar("T")


class Doors(Protocol):
    """A database that keeps the store: its tables are there and up to date."""

    @property
    def reading(self) -> Tx: ...

    def unit(self, work: Callable[[Tx], T]) -> T:
        """All of `work` or nothing of it, as if nobody else wrote meanwhile; it returns when that is safe for good.
        `work` may be called again, with what it did before undone."""

    def read(self, work: Callable[[Tx], T]) -> T:
        """A read of several statements on one consistent view, from any thread."""

    def close(self) -> None: ...
