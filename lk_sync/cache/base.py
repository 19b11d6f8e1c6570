"""Base: through what is the cache changed, and by which names do its tables go there?

SQLite knows the cache as `main` and a staging file as `staging`. The statements of the cache are written once: tables
get their schema from `Places`, parameters are named (`:run`), and what the databases call differently is a method
of `Base`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import msgspec

Exclusive = Literal["dictionaries", "publication"]


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Schemas: what is published, what is staged by this run, and what lives as long as the connection."""

    cache: str = "main"
    staging: str = "staging"
    scratch: str = "temp"


class Cursor(Protocol):
    """What a statement leaves behind, with either driver."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Base(Protocol):
    """A connection that may change the cache. One thread at a time. Outside `exclusively` every statement is a
    transaction of its own."""

    at: Places

    def execute(self, sql: str, parameters: Mapping[str, Any] = ...) -> Cursor:
        """One statement. Parameters are named."""

    def execute_many(self, sql: str, many: Iterable[Mapping[str, Any]]) -> None:
        """One statement for many sets of parameters."""

    def exclusively(self, what: Exclusive) -> Any:
        """A transaction in a `with`; no other connection is in one of the same kind at the same time."""

    def array(self, cells: Sequence[str]) -> str:
        """The expression of a JSON array of these expressions. The text is the same in both databases."""

    def object(self, cells: Mapping[str, str]) -> str:
        """The expression of a JSON object, as `array`."""

    def tidy(self) -> None:
        """After a publication: what was written goes to its place."""

    def close(self) -> None: ...


class SqliteBase:
    """The cache as a file, with at most one staging file attached."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.at = Places()

    def execute(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> Cursor:
        return self.connection.execute(sql, parameters)

    def execute_many(self, sql: str, many: Iterable[Mapping[str, Any] | Sequence[Any]]) -> None:
        self.connection.executemany(sql, many)

    @contextmanager
    def exclusively(self, what: Exclusive) -> Iterator[None]:
        """SQLite has one lock for everything."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def array(self, cells: Sequence[str]) -> str:
        return f"json_array({', '.join(cells)})"

    def object(self, cells: Mapping[str, str]) -> str:
        return "json_object(" + ", ".join(f"'{name}', {cell}" for name, cell in cells.items()) + ")"

    def tidy(self) -> None:
        self.connection.execute("PRAGMA main.wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self.connection.close()
