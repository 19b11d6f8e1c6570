"""Wire: how does an open ODBC connection answer one question?"""

from __future__ import annotations

from collections.abc import Sequence

import pyodbc

from connectors.odbc.dialect import Row
from connectors.odbc.faults import fault


class Wire:
    """An open connection. Used on the one thread of its lane only. Raises Fault."""

    def __init__(self, connection: pyodbc.Connection, secrets: Sequence[str]) -> None:
        self._connection = connection
        self._secrets = secrets

    def __call__(self, sql: str, *parameters: str) -> list[Row]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, *parameters)
                return [] if cursor.description is None else list(cursor.fetchall())
        except pyodbc.Error as error:
            raise fault(error, secrets=self._secrets) from None

    def heading(self, sql: str) -> list[str]:
        try:
            with self._connection.cursor() as cursor:
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
