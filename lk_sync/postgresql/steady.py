"""Steady: how does a session live on when its connection is lost, and who waits for it meanwhile?

Whoever finds the connection lost opens a new one himself, once, and waits for that no longer than a connection may
take. If that fails, a thread goes on trying, and everyone else is told at once that the base cannot be reached: the
event loop of the portal does not stand still for a server that is away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import psycopg

from lk_sync.errors import LkError, Unreachable
from lk_sync.postgresql.address import Address
from lk_sync.postgresql.connection import Connection, is_lost, told

TRY_AGAIN_SECONDS: Final = 1.0


class Steady:
    """One session, of one thread at a time."""

    def __init__(self, address: Address, connect: Callable[[], Connection]) -> None:
        self._address, self._connect = address, connect
        self._connection: Connection | None = connect()
        self._trouble: Exception | None = None
        self._closed = threading.Event()

    def connection(self) -> Connection:
        """One that was not seen to be lost. Raises LkError."""
        if self._trouble is not None:
            raise Unreachable(str(self._trouble))
        if self._connection is None or self._connection.closed:
            self._open()
        assert self._connection is not None  # noqa: S101 - just opened
        return self._connection

    def _open(self) -> None:
        try:
            self._connection = self._connect()
        except LkError as error:
            self._trouble = error
            threading.Thread(target=self._go_on_trying, name="database", daemon=True).start()
            raise

    def _go_on_trying(self) -> None:
        while not self._closed.wait(TRY_AGAIN_SECONDS):
            try:
                made = self._connect()
            except Exception as error:
                self._trouble = error
            else:
                self._connection, self._trouble = made, None
                return

    def drop(self) -> None:
        """The connection is of no use any more."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def execute(self, sql: str, parameters: Any = None) -> Any:
        """A statement that may be asked twice. Raises LkError."""
        return self.asked(lambda connection: connection.execute(sql, parameters))

    def asked(self, ask: Callable[[Connection], Any]) -> Any:
        """What `ask` gives; asked once more through a new connection when the one at hand is found lost."""
        try:
            return ask(self.connection())
        except psycopg.Error as error:
            if not is_lost(error):
                raise told(error, self._address) from None
        self.drop()
        try:
            return ask(self.connection())
        except psycopg.Error as error:
            raise told(error, self._address) from None

    def close(self) -> None:
        self._closed.set()
        self.drop()
