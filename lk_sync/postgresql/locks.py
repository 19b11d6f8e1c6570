"""Locks: who alone of all machines may do a thing now, and what if he loses that without noticing?

A lock is an advisory one of the server, held by a session of its own: when its process dies, or its machine, the server
frees it. Whoever takes it also raises its epoch in `store.fences`. A publication looks at the epoch in its own
transaction and holds the row until COMMIT: one who lost the lock publishes nothing, and whoever takes it next waits for
a publication that is under way, so that he sees it.

Sessions must be the server's own: behind a pooler that deals out transactions such a lock means nothing. Then the epoch
alone protects.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from lk_sync.errors import Busy, Unreachable
from lk_sync.postgresql.address import Address
from lk_sync.postgresql.connection import Connection, connect, told

FENCES: Final = "CREATE TABLE IF NOT EXISTS fences (name TEXT PRIMARY KEY, epoch BIGINT NOT NULL, holder TEXT NOT NULL)"
_KNOWS_IDLE_SESSIONS: Final = 140_000
_EPOCH: Final = "SELECT epoch FROM store.fences WHERE name = %s"
_EPOCH_AND_KEEP: Final = f"{_EPOCH} FOR SHARE"
_TAKE: Final = (
    "INSERT INTO fences VALUES (%(name)s, 1, %(holder)s)"
    " ON CONFLICT (name) DO UPDATE SET epoch = fences.epoch + 1, holder = excluded.holder RETURNING epoch"
)


def key_of(name: str) -> int:
    """The number of a lock; other programs in the same base have other ones."""
    return int.from_bytes(hashlib.sha256(f"lk-sync:{name}".encode()).digest()[:8], "big", signed=True)


class ServerHold:
    """A lock in our hands, as far as we know."""

    def __init__(self, name: str, connection: Connection, epoch: int) -> None:
        self.name, self._connection, self._epoch = name, connection, epoch

    def is_lost(self) -> bool:
        try:
            return not self._is_latest(self._connection, _EPOCH)
        except psycopg.Error:
            return True

    def prove(self, connection: Connection) -> None:
        """In the transaction of `connection`: that it is held, and stays so until the transaction ends. Raises
        Unreachable when it is lost."""
        if not self._is_latest(connection, _EPOCH_AND_KEEP):
            raise Unreachable(
                f"«{self.name}»: связь с базой обрывалась, и работу взял другой компьютер; здесь ничего не опубликовано"
            )

    def _is_latest(self, connection: Connection, question: str) -> bool:
        return connection.execute(question, (self.name,)).fetchone() == (self._epoch,)


@contextmanager
def of_all_machines(address: Address, name: str) -> Iterator[ServerHold]:
    """One holder at a time among all who use the same base. Raises Busy."""
    connection = connect(address, f"lock {name}", {"search_path": "store", "statement_timeout": "20s"})
    try:
        if connection.info.server_version >= _KNOWS_IDLE_SESSIONS:
            connection.execute("SET idle_session_timeout = 0")  # a long pull leaves the lock alone for hours
        yield ServerHold(name, connection, _taken(connection, name, address))
    finally:
        connection.close()


def _taken(connection: Connection, name: str, address: Address) -> int:
    """The epoch that begins with us."""
    us: dict[str, Any] = {"name": name, "holder": f"{socket.gethostname()}:{os.getpid()}"}
    try:
        if connection.execute("SELECT pg_try_advisory_lock(%s)", (key_of(name),)).fetchone() != (True,):
            raise Busy(f"«{name}» уже выполняется другим процессом{_whose(connection, name)}; дождитесь его конца")
        (epoch,) = connection.execute(_TAKE, us).fetchone() or (0,)
    except psycopg.Error as error:
        raise told(error, address) from None
    return int(epoch)


def _whose(connection: Connection, name: str) -> str:
    found = connection.execute("SELECT holder FROM fences WHERE name = %s", (name,)).fetchone()
    return f" ({found[0]})" if found else ""
