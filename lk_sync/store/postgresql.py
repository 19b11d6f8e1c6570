"""PostgreSQL: how is the store kept on a server that several machines share?

Every unit of work is a SERIALIZABLE transaction: what a unit of SQLite may take for granted, that nobody writes between
its first read and its COMMIT, holds here as well. When the server finds that two units cannot both have been alone, it
undoes one, and that one is done again. `synchronous_commit` is on: COMMIT returns when it is on the disk.

A connection that breaks before COMMIT was asked for has changed nothing, and the unit is done again through another
one. If it breaks during COMMIT nobody knows, and whoever asked is told so; every form carries its own id for that.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors

from lk_sync.errors import AccessDenied, Unreachable
from lk_sync.postgresql.address import Address
from lk_sync.postgresql.connection import Connection, connect, in_postgresql, is_lost, told
from lk_sync.postgresql.locks import FENCES, key_of
from lk_sync.postgresql.steady import Steady
from lk_sync.store.migrating import missing
from lk_sync.store.work import Tx, script_statements, statements

T = TypeVar("T")

SCHEMA: Final = "store"
PATIENCE_SECONDS: Final = 15
FIRST_PAUSE_SECONDS: Final = 0.005
LONGEST_PAUSE_SECONDS: Final = 0.5
MOST_IDLE: Final = 2
_WRITER: Final = {"search_path": SCHEMA, "statement_timeout": "60s", "idle_in_transaction_session_timeout": "60s"}
_READER: Final = {"search_path": SCHEMA, "default_transaction_read_only": "on"}
_NOTE: Final = "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)"
_APPLIED: Final = (
    "INSERT INTO migrations VALUES (%s, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))"
)
# Somebody else wrote meanwhile. A key that is taken may be the same: the one who looked for it first did not see it.
_ALONE_IS_DIFFERENT: Final = (errors.SerializationFailure, errors.DeadlockDetected)
TAKEN_TWICE: Final = 2


class PostgresDoors:
    """The sessions of one process with the server."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._writer = Steady(address, lambda: connect(address, "store", _WRITER))
        try:
            _migrate(self._writer, address)
            self._reader = Steady(address, self._open_reader)
        except BaseException:
            self._writer.close()
            raise
        self.reading = Tx(_Asked(self._reader), statements("psycopg"))
        self._snapshots = _Snapshots(address)

    def _open_reader(self) -> Connection:
        return connect(self._address, "pages", _READER | {"statement_timeout": "2s"}, seconds=2)

    def unit(self, work: Callable[[Tx], T]) -> T:
        until, pause, taken = time.monotonic() + PATIENCE_SECONDS, FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                return _Unit(self._writer, self._address).do(work)
            except _ALONE_IS_DIFFERENT as error:
                if time.monotonic() > until:
                    raise told(error, self._address) from None
            except errors.UniqueViolation as error:
                taken += 1
                if taken > TAKEN_TWICE:
                    raise told(error, self._address) from None
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret, two that meet shall part
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def read(self, work: Callable[[Tx], T]) -> T:
        return self._snapshots.read(work)

    def close(self) -> None:
        for each in (self._writer, self._reader, self._snapshots):
            each.close()


class _Unit:
    """One try of a unit of work."""

    def __init__(self, writer: Steady, address: Address) -> None:
        self._writer, self._address = writer, address
        self._committing = False

    def do(self, work: Callable[[Tx], T], *, anew: bool = True) -> T:
        """`anew`: through another connection, should the one at hand be lost. Raises what serialization is about as it
        is, and LkError for all other complaints of the server."""
        try:
            return self._try(work)
        except (*_ALONE_IS_DIFFERENT, errors.UniqueViolation):
            raise
        except psycopg.Error as error:
            if is_lost(error):
                self._writer.drop()
                if self._committing:
                    raise Unreachable(
                        f"{self._address.peer}: соединение оборвалось при записи; неизвестно, записано ли. Повторите: "
                        "дважды то же самое записано не будет"
                    ) from None
            if not (anew and is_lost(error)):
                raise told(error, self._address) from None
        return self.do(work, anew=False)

    def _try(self, work: Callable[[Tx], T]) -> T:
        connection = self._writer.connection()
        self._committing = False
        try:
            connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
            result = work(Tx(_Session(connection), statements("psycopg")))
            self._committing = True
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back(connection)
            raise
        return result

    def _roll_back(self, connection: Connection) -> None:
        """A session that cannot even do that is closed, which undoes everything as well."""
        try:
            if not connection.closed and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
        except psycopg.Error:
            self._writer.drop()


class _Session:
    """A connection inside a transaction, as `Tx` wants it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Any = None, /) -> Any:
        return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, many: Iterable[Any], /) -> Any:
        cursor = self._connection.cursor()
        cursor.executemany(sql, list(many))
        return cursor


class _Asked:
    """A steady session, as `Tx` wants it. It cannot write."""

    def __init__(self, session: Steady) -> None:
        self._session = session

    def execute(self, sql: str, parameters: Any = None, /) -> Any:
        return self._session.execute(sql, parameters)

    def executemany(self, sql: str, many: Iterable[Any], /) -> Any:
        raise NotImplementedError(f"здесь только читают, а это изменяет: {sql}")


class _Snapshots:
    """Connections for reads of several statements, from any thread. Some are kept for the next one who asks."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    def read(self, work: Callable[[Tx], T]) -> T:
        try:
            return self._read(work)
        except psycopg.Error as error:
            if not is_lost(error):
                raise told(error, self._address) from None
        self.close()  # the others are likely to be lost as well
        try:
            return self._read(work)
        except psycopg.Error as error:
            raise told(error, self._address) from None

    def _read(self, work: Callable[[Tx], T]) -> T:
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        connection = kept or connect(self._address, "reads", _READER | {"statement_timeout": "60s"})
        try:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            result = work(Tx(_Session(connection), statements("psycopg")))
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return result

    def _keep(self, connection: Connection) -> None:
        with self._lock:
            if len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _migrate(writer: Steady, address: Address) -> None:
    """Nothing is created when all is there, so that the portal's role needs no right to create."""
    try:
        connection = writer.connection()
        if missing(_applied(connection), address.peer):
            _apply(connection, address)
    except errors.InsufficientPrivilege as error:
        raise AccessDenied(
            f"{address.peer}: таблицы хранилища старые или их нет, а права создать их у этой роли нет "
            f"({error.diag.message_primary}); выполните lk-sync check от имени владельца базы"
        ) from None
    except psycopg.Error as error:
        raise told(error, address) from None


def _applied(connection: Connection) -> set[str]:
    if connection.execute(f"SELECT to_regclass('{SCHEMA}.migrations')").fetchone() == (None,):
        return set()
    return {name for (name,) in connection.execute("SELECT name FROM migrations")}


def _apply(connection: Connection, address: Address) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (key_of("migrations"),))
        if connection.execute(f"SELECT to_regnamespace('{SCHEMA}')").fetchone() == (None,):
            connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for own in (_NOTE, FENCES):
            connection.execute(in_postgresql(own))
        for name, script in missing(_applied(connection), address.peer):
            for statement in script_statements(script):
                connection.execute(in_postgresql(statement))
            connection.execute(_APPLIED, (name,))
