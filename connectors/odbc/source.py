"""Source: how do we come to trust an SQL server before it hears anything from us?

`channel()` judges the settings and sends nothing. `connect()` lets the driver verify certificate and name before the
password is sent. The driver manager is cut off from the machine's own traces and logs first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, Final

import msgspec

from connectors.odbc.connection import connected
from connectors.odbc.dialect import OdbcDialect
from connectors.odbc.mariadb import MariaDb
from connectors.odbc.mssql import SqlServer
from connectors.odbc.postgresql import PostgreSQL
from connectors.odbc.settings import Endpoint, OdbcSettings, protected
from connectors.sql.options import SqlOptions
from connectors.sql.session import SqlSession
from lk_sync.contracts import Channel, Found

DIALECTS: Final[Mapping[str, Callable[[], OdbcDialect]]] = {
    "postgresql": PostgreSQL,
    "mariadb": MariaDb,
    "mssql": SqlServer,
}


class OdbcSource:
    """Fulfils `contracts.Source`."""

    settings_type: ClassVar[type[msgspec.Struct]] = OdbcSettings
    options_type: ClassVar[type[msgspec.Struct]] = SqlOptions

    def __init__(self, settings: OdbcSettings) -> None:
        self._settings = settings
        self._dialect = DIALECTS[settings.dialect]()

    def channel(self) -> Channel:
        endpoint = self._endpoint()
        return Channel(
            peer=f"{self._dialect.title} {endpoint.peer}",
            protection=self._dialect.protection(endpoint),
        )

    @contextmanager
    def connect(self) -> Iterator[SqlSession]:
        endpoint = self._endpoint()
        session = SqlSession(
            self._dialect,
            connect=lambda: connected(self._dialect, endpoint, self._settings),
            connections=self._settings.connections,
        )
        try:
            yield session
        finally:
            session.close()

    def survey(self) -> Sequence[Found]:
        with self.connect() as session:
            return session.survey()

    def _endpoint(self) -> Endpoint:
        dialect = self._dialect
        return protected(self._settings, default_port=dialect.default_port, words=dialect.dsn_words)
