"""Database: who may write the store, and what is one unit of work?

A unit of work is a plain function `work(tx)` that runs inside one transaction on one connection; whatever it raises
rolls everything back. It returns after COMMIT reached the disk. It sees the store as if nobody else wrote meanwhile; it
may be called more than once until that is so, so it changes nothing but the store.

The store is a file of this machine (`sqlite`), or lives on a server that several machines share (`postgresql`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from lk_sync.postgresql.address import Address
from lk_sync.store.sqlite import SqliteDoors
from lk_sync.store.work import Doors, Row, Tx, migrations, script_statements, statements

__all__ = ["Row", "Store", "Tx", "migrations", "script_statements", "statements"]

T = TypeVar("T")


class Store:
    """One process's door to the store. Threads may share it: writes queue up behind each other."""

    def __init__(self, where: Path | Address) -> None:
        self.where = where
        self._doors = _doors(where)
        self._writing = threading.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")

    def write_now(self, work: Callable[[Tx], T]) -> T:
        """One unit of work, from a thread that may wait for the disk. Not for the event loop."""
        with self._writing:
            return self._doors.unit(work)

    async def write(self, work: Callable[[Tx], T]) -> T:
        """One unit of work, from the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.write_now, work)

    @property
    def reading(self) -> Tx:
        """Short indexed reads on a connection that cannot write. One thread at a time: the event loop's."""
        return self._doors.reading

    def read(self, work: Callable[[Tx], T]) -> T:
        """A read of several statements on one consistent view, from any thread."""
        return self._doors.read(work)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self._doors.close()


def _doors(where: Path | Address) -> Doors:
    if not isinstance(where, Address):
        return SqliteDoors(where)
    from lk_sync.store.postgresql import PostgresDoors  # here: its driver takes a quarter of a second to load

    return PostgresDoors(where)
