"""Doors: through what does a reader look at the cache, one consistent picture after the other, without writing?

A door looks before every picture whether what is behind it is still the same. Where no cache is (yet), or one of
another layout, it shows an empty one, in which nothing is loaded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from lk_sync.cache import schema
from lk_sync.cache.base import Cursor

BUSY_MS: Final = 5_000
CACHE_KB: Final = 8_192  # the upper pages of every tree; those below are in the system's cache


class Door(Protocol):
    """One thread at a time. Statements name their parameters `:so` and their tables without a schema."""

    def look(self) -> None:
        """Whether what is behind is still the same; of use before a single statement outside a picture."""

    def begin(self) -> Hashable:
        """A picture begins. What comes back differs from the last time when anything may have changed meanwhile."""

    def end(self) -> None: ...

    def execute(self, sql: str, parameters: Mapping[str, Any] = ..., /) -> Cursor: ...

    def each(self, sql: str, parameters: Mapping[str, Any], /) -> Iterator[tuple[Any, ...]]:
        """The rows one by one, however many they are, inside a picture."""

    def close(self) -> None: ...


class FileDoor:
    """A file, opened `mode=ro` so that nobody can damage it from here. One that was deleted and pulled again is opened
    anew."""

    execute: Callable[..., sqlite3.Cursor]  # that of the connection itself: a page asks many times

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._times = 0
        self._connection = nothing()
        self.execute = self._connection.execute
        self.look()

    def look(self) -> None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            if self._seen is not None:
                self._replace(nothing(), None)
            return
        if (found.st_dev, found.st_ino) != self._seen:
            self._open((found.st_dev, found.st_ino))

    def _open(self, identity: tuple[int, int]) -> None:
        connection = _connect(f"file:{_quoted(str(self._path))}?mode=ro")
        if connection.execute("PRAGMA user_version").fetchone() == (schema.LAYOUT,):
            self._replace(connection, identity)
        else:  # just being created, or of another version: its tables appear all at once, look again at the next view
            connection.close()

    def _replace(self, connection: sqlite3.Connection, identity: tuple[int, int] | None) -> None:
        self._connection.close()
        self._connection, self._seen, self._times = connection, identity, self._times + 1
        self.execute = connection.execute

    def begin(self) -> Hashable:
        self.look()
        self.execute("BEGIN")
        try:
            return self._times, self.execute("PRAGMA data_version").fetchone()[0]
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        self.execute("COMMIT")

    def each(self, sql: str, parameters: Mapping[str, Any], /) -> Iterator[tuple[Any, ...]]:
        return iter(self.execute(sql, parameters))

    def close(self) -> None:
        self._connection.close()


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    return connection


def nothing() -> sqlite3.Connection:
    """A cache in which nothing is loaded yet."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    schema.create(connection)
    return connection


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
