"""Connection: how is a server reached, asked and left, when any call to its driver may fail or never return?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from typing import Final, ParamSpec, TypeVar

import pyodbc

from connectors.odbc import driver
from connectors.odbc.dialect import Dialect, Row
from connectors.odbc.faults import Fault, fault
from connectors.odbc.lane import Lane
from connectors.odbc.settings import Endpoint, OdbcSettings
from lk_sync.errors import SettingsError, Unreachable

P = ParamSpec("P")
T = TypeVar("T")
CONNECT_GRACE_SECONDS: Final = 5
ANSWER_GRACE_SECONDS: Final = 15  # the server ends a question at its deadline; this long its word may take to arrive
CLOSE_SECONDS: Final = 5


class Wire:
    """An open connection. Used on the thread of its lane only. Raises Fault."""

    def __init__(self, connection: pyodbc.Connection, secrets: tuple[str, ...]) -> None:
        self._connection = connection
        self._secrets = secrets
        self.server_version = str(connection.getinfo(pyodbc.SQL_DBMS_VER))

    def __call__(self, sql: str, *parameters: str) -> list[Row]:
        try:
            with closing(self._connection.cursor()) as cursor:  # a cursor's own `with` would commit and end the moment
                cursor.execute(sql, *parameters)
                return [] if cursor.description is None else list(cursor.fetchall())
        except pyodbc.Error as error:
            raise fault(error, secrets=self._secrets) from None

    def heading(self, sql: str) -> list[str]:
        try:
            with closing(self._connection.cursor()) as cursor:
                return [column[0] for column in cursor.execute(sql).description]
        except pyodbc.Error as error:
            raise fault(error, secrets=self._secrets) from None

    def close(self) -> None:
        """Give the snapshot back. A connection that is broken already needs no goodbye."""
        try:
            self._connection.rollback()
            self._connection.close()
        except pyodbc.Error:
            return


class Connection:
    """A connection with its own thread; whatever goes wrong comes out in the operator's words.

    `ask` may be used only by calls that were handed to `start` or `do`.
    """

    def __init__(self, dialect: Dialect, endpoint: Endpoint, settings: OdbcSettings) -> None:
        """Connect and verify. Raises Unprotected, Unreachable, AccessDenied, SettingsError for too old a server."""
        self._dialect, self._peer = dialect, endpoint.peer
        self._seconds = settings.statement_timeout + ANSWER_GRACE_SECONDS
        password = settings.password.value().reveal()
        library = driver.find(endpoint.driver, known_names=dialect.driver_names, package=dialect.package)
        fixed, values = dialect.attributes(endpoint, settings, password)
        connection_string = driver.connection_string(fixed, {"Driver": library, **values})
        driver.silence()
        self._lane = Lane(f"odbc {endpoint.peer}")
        self.ask = self._open(connection_string, (connection_string, password), settings.connect_timeout)
        try:
            dialect.accept(self.ask.server_version)
        except SettingsError:
            self.close()
            raise

    def _open(self, connection_string: str, secrets: tuple[str, ...], seconds: int) -> Wire:
        opening = self._lane.submit(_opened, connection_string, secrets)
        try:
            return self._lane.wait(opening, seconds=seconds + CONNECT_GRACE_SECONDS)
        except Fault as said:
            self._lane.close()
            raise self._dialect.connecting(said).error(peer=self._peer, said=said) from None
        except Unreachable as error:
            raise Unreachable(f"{self._peer}: {error}. Проверьте host, port и сеть") from None

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._lane.submit(call, *args, **kwargs)

    def wait(self, future: Future[T]) -> T:
        try:
            return self._lane.wait(future, seconds=self._seconds)
        except Fault as said:
            raise self._dialect.asking(said).error(peer=self._peer, said=said) from None
        except Unreachable as error:
            raise Unreachable(f"{self._peer}: {error}; загрузка прервана, данные прежние") from None

    def do(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Start it and wait."""
        return self.wait(self.start(call, *args, **kwargs))

    def close(self) -> None:
        """A connection whose thread is stuck is left to the end of the process."""
        if self._lane.stuck:
            return
        try:
            self._lane.wait(self._lane.submit(self.ask.close), seconds=CLOSE_SECONDS)
        except Unreachable:
            return
        self._lane.close()


def _opened(connection_string: str, secrets: tuple[str, ...]) -> Wire:
    try:
        return Wire(pyodbc.connect(connection_string, autocommit=False), secrets)
    except pyodbc.Error as error:
        raise fault(error, secrets=secrets) from None
