"""Connection: how is a server reached through its ODBC driver, and how does the driver answer?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final, TypeVar

import msgspec
import pyodbc

from connectors.odbc import driver
from connectors.odbc.dialect import OdbcDialect
from connectors.odbc.faults import fault
from connectors.odbc.settings import Endpoint, OdbcSettings
from connectors.sql.connection import Connection
from connectors.sql.dialect import Heading, Row

T = TypeVar("T")
SILENT: Final = "The driver did not supply an error"


class OdbcWire:
    """Fulfils `connectors.sql.connection.Wire`."""

    def __init__(self, connection: pyodbc.Connection, secrets: tuple[str, ...]) -> None:
        self._connection = connection
        self._secrets = secrets
        self.server_version = str(connection.getinfo(pyodbc.SQL_DBMS_VER))

    def __call__(self, sql: str, *parameters: str) -> list[Row]:
        return self._told(lambda: self._rows(sql, *parameters))

    def heading(self, sql: str) -> list[Heading]:
        return self._told(lambda: self._described(sql))

    def _told(self, ask: Callable[[], T]) -> T:
        try:
            try:
                return ask()
            except pyodbc.Error as error:
                if SILENT not in str(error):
                    raise
                return ask()  # Connector/ODBC 3.1 of MariaDB loses what the server said, now and then, but not twice
        except pyodbc.Error as error:
            raise fault(error, secrets=self._secrets) from None

    def _rows(self, sql: str, *parameters: str) -> list[Row]:
        with closing(self._connection.cursor()) as cursor:  # a cursor's own `with` would commit and end the moment
            cursor.execute(sql, *parameters)
            return [] if cursor.description is None else list(cursor.fetchall())

    def _described(self, sql: str) -> list[Heading]:
        with closing(self._connection.cursor()) as cursor:
            described = cursor.execute(sql).description
            return [Heading(name, kind, size or 0, scale or 0) for name, kind, _, _, size, scale, _ in described]

    def stream(self, sql: str, *parameters: str, rows: int) -> Iterator[list[Row]]:
        try:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute(sql, *parameters)
                while portion := cursor.fetchmany(rows):
                    yield portion
        except pyodbc.Error as error:
            raise fault(error, secrets=self._secrets) from None

    def close(self) -> None:
        try:
            self._connection.rollback()
            self._connection.close()
        except pyodbc.Error:
            return


def connected(dialect: OdbcDialect, endpoint: Endpoint, settings: OdbcSettings) -> Connection:
    """Connect and verify. Raises Unprotected, Unreachable, AccessDenied, SettingsError for too old a server."""
    password = settings.password.value().reveal()
    library = driver.find(endpoint.driver, known_names=dialect.driver_names, package=dialect.package)
    found = msgspec.structs.replace(endpoint, driver=library)
    fixed, values = dialect.attributes(found, settings, password)
    connection_string = driver.connection_string(fixed, {"Driver": library, **values})
    driver.silence()
    dialect.preflight(found, settings)
    return Connection(
        lambda: _opened(dialect, connection_string, (connection_string, password)),
        peer=endpoint.peer,
        explains=dialect,
        connect_timeout=settings.connect_timeout,
        statement_timeout=settings.statement_timeout,
    )


def _opened(dialect: OdbcDialect, connection_string: str, secrets: tuple[str, ...]) -> OdbcWire:
    try:
        connection = pyodbc.connect(connection_string, autocommit=False)
        dialect.tune(connection)
        wire = OdbcWire(connection, secrets)
    except pyodbc.Error as error:
        raise fault(error, secrets=secrets) from None
    try:
        dialect.accept(wire.server_version)
        dialect.begin(wire)
    except BaseException:
        wire.close()
        raise
    return wire
