"""Dialect: what must be known of a kind of SQL server to reach it by ODBC and to read it exactly and quickly?

To add a server: a package beside `postgresql/`, its name in `OdbcSettings.dialect` and in `DIALECTS` (source.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pyodbc

from connectors.odbc.dsn import DsnWords
from connectors.odbc.settings import Endpoint, OdbcSettings
from connectors.sql.dialect import Ask, Dialect
from connectors.sql.faults import Fault, Meaning


class OdbcDialect(Dialect, Protocol):
    """A dialect together with what its ODBC driver has to be told."""

    title: str
    default_port: int
    driver_names: Sequence[str]
    package: str  # the Debian package of the driver
    dsn_words: DsnWords

    def protection(self, endpoint: Endpoint) -> str:
        """What protects the channel, in words an operator checks."""

    def attributes(
        self, endpoint: Endpoint, settings: OdbcSettings, password: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """What the connection string says: the program's own words, and values from outside. Here `endpoint.driver`
        is the library that was found."""

    def preflight(self, endpoint: Endpoint, settings: OdbcSettings) -> None:
        """Raises Unprotected for a server that the driver must not be let near. `endpoint.driver` as above."""

    def accept(self, version: str) -> None:
        """Raises SettingsError for a server that is too old to be read in this way."""

    def tune(self, connection: pyodbc.Connection) -> None:
        """What the driver manager's side of an open connection needs to be told."""

    def begin(self, ask: Ask) -> None:
        """What an open connection is told before anything is asked of it: from now on it sees one moment."""

    def connecting(self, said: Fault) -> Meaning: ...

    def asking(self, said: Fault) -> Meaning: ...
