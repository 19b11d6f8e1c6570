"""Places: where does a cache lie, and through which doors is it written and read?

A place carries no connection, so that it may be handed to another process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

import msgspec

from lk_sync.cache import schema
from lk_sync.cache.base import Base, SqliteBase
from lk_sync.cache.reader import CacheReader
from lk_sync.locks import Hold
from lk_sync.postgresql.address import Address

CHANGED_PAGES_KB: Final = 48_000


class CachePlace(Protocol):
    """One of the databases that can hold the cache."""

    def is_begun(self) -> bool:
        """Whether anything was ever written there."""

    def open(self) -> Base:
        """A connection that may change the cache. Makes what is missing."""

    def beside(self, staging: Path, hold: Hold) -> AbstractContextManager[Base]:
        """As `open`, with what the staging file holds at `at.staging`. It publishes only while `hold` is held."""

    def reader(self) -> CacheReader:
        """The door that cannot write."""


class SqliteCache(msgspec.Struct, frozen=True):
    """The cache as a file of this machine."""

    path: Path

    def is_begun(self) -> bool:
        return self.path.exists()

    def open(self) -> SqliteBase:
        return schema.open_for_writing(self.path)

    @contextmanager
    def beside(self, staging: Path, hold: Hold) -> Iterator[SqliteBase]:
        """`hold` needs no question: this machine's kernel keeps it for us."""
        with closing(self.open()) as base:
            base.connection.execute("ATTACH DATABASE ? AS staging", (str(staging),))
            # The pages that a small change touches all over a big table: read once, kept until they are written.
            base.connection.execute(f"PRAGMA main.cache_size = -{CHANGED_PAGES_KB}")
            yield base

    def reader(self) -> CacheReader:
        return CacheReader(self.path)


class PostgresCache(msgspec.Struct, frozen=True):
    """The cache on a server. What it imports takes a quarter of a second to load and is of no use to others."""

    address: Address

    def is_begun(self) -> bool:
        return True

    def open(self) -> Base:
        from lk_sync.cache.server_base import open_for_writing

        return open_for_writing(self.address)

    @contextmanager
    def beside(self, staging: Path, hold: Hold) -> Iterator[Base]:
        from lk_sync.cache.server_base import open_for_writing

        with closing(open_for_writing(self.address, hold)) as base:
            base.take_in(staging)
            yield base

    def reader(self) -> CacheReader:
        from lk_sync.cache.server_door import ServerDoor

        return CacheReader(ServerDoor(self.address))
