"""Server door: how does a reader look at the cache where it lives in PostgreSQL?

A picture is a REPEATABLE READ READ ONLY transaction of a session that cannot write. It begins with one question and
answer: the layout and the number of the edition, which every publication raises.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.pq import ExecStatus

from lk_sync.cache import schema
from lk_sync.cache.base import Cursor
from lk_sync.cache.doors import nothing
from lk_sync.errors import LkError
from lk_sync.postgresql.address import Address
from lk_sync.postgresql.asking import Asker
from lk_sync.postgresql.connection import Connection, connect, in_psycopg, is_lost, told
from lk_sync.postgresql.steady import Steady

_SESSION: Final = {"search_path": "cache", "default_transaction_read_only": "on", "statement_timeout": "2s"}
_PATIENTLY: Final = "SET LOCAL statement_timeout = '10min'"
_BEGIN: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT layout, number FROM cache.edition"
_NOT_THERE: Final = (errors.UndefinedTable, errors.InvalidSchemaName)
ROWS_AT_ONCE: Final = 2_000
NOTHING: Final = "nothing"


class _NoCache(Exception):
    """There are no tables to ask."""


class ServerDoor:
    """A session of one thread, the event loop's: it answers soon or not at all."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._session = Steady(address, lambda: connect(address, "cache reader", _SESSION, seconds=2))
        self._asker: Asker | None = None
        self._nothing: sqlite3.Connection | None = None
        self._in_picture = False

    def look(self) -> None:
        """Nothing was there the last time; perhaps there is now."""
        if self._nothing is not None:
            self.begin()
            self.end()

    def begin(self) -> Hashable:
        edition = self._session.asked(_begin)
        self._in_picture = edition is not None
        if self._nothing is not None:
            self._nothing.close()
            self._nothing = None
        if edition is None:
            self._nothing = nothing()
        return edition or NOTHING

    def end(self) -> None:
        if not self._in_picture:
            return
        self._in_picture = False
        try:
            self._session.connection().pgconn.exec_(b"COMMIT")
        except (psycopg.Error, LkError):  # the picture was whole; whoever looks next opens a new session
            self._session.drop()

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None, /) -> Cursor:
        if self._nothing is not None:
            return self._nothing.execute(sql, parameters or {})
        if not self._in_picture:
            return self._alone(sql, parameters)
        try:
            return self._ask(self._session.connection(), sql, parameters)
        except psycopg.Error as error:
            self._broken(error)
            raise told(error, self._address) from None

    def _ask(self, connection: Connection, sql: str, parameters: Mapping[str, Any] | None) -> Cursor:
        if self._asker is None or self._asker.connection is not connection:
            self._asker = Asker(connection)
        try:
            return self._asker.ask(sql, parameters or {})
        except _NOT_THERE:
            raise _NoCache from None

    def _alone(self, sql: str, parameters: Mapping[str, Any] | None) -> Cursor:
        try:
            found: Cursor = self._session.asked(lambda connection: self._ask(connection, sql, parameters))
        except _NoCache:
            self._nothing = nothing()
            return self._nothing.execute(sql, parameters or {})
        return found

    def _broken(self, error: psycopg.Error) -> None:
        """The picture is gone with its session."""
        if is_lost(error):
            self._in_picture = False
            self._session.drop()

    def each(self, sql: str, parameters: Mapping[str, Any], /) -> Iterator[tuple[Any, ...]]:
        if self._nothing is not None:
            yield from self._nothing.execute(sql, parameters)
            return
        try:
            self._session.connection().execute(_PATIENTLY)
            with self._session.connection().cursor(name="each") as cursor:
                cursor.itersize = ROWS_AT_ONCE
                yield from cursor.execute(in_psycopg(sql), parameters)
        except psycopg.Error as error:
            self._broken(error)
            raise told(error, self._address) from None

    def close(self) -> None:
        self._session.close()
        if self._nothing is not None:
            self._nothing.close()


def _begin(connection: Connection) -> Hashable | None:
    """The edition that the picture shows; None: there is no cache, or one of another layout, and no picture."""
    answer = connection.pgconn.exec_(_BEGIN)
    if answer.status == ExecStatus.TUPLES_OK:
        layout, number = answer.get_value(0, 0), answer.get_value(0, 1)
        if layout is not None and int(layout) == schema.LAYOUT:
            return number
        connection.execute("ROLLBACK")
        return None
    error = errors.error_from_result(answer) if connection.pgconn.status == psycopg.pq.ConnStatus.OK else None
    if error is None:
        raise psycopg.OperationalError("the connection is lost")
    connection.execute("ROLLBACK")
    if isinstance(error, _NOT_THERE):
        return None
    raise error
