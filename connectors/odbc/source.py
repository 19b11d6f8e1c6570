"""Source: how do we come to trust an SQL server before it hears anything from us?

`channel()` judges the settings and sends nothing. `connect()` lets libpq verify certificate and name before the
password is sent. The driver manager is cut off from the machine's own traces and logs first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Final

import msgspec
import pyodbc

from connectors.odbc import driver
from connectors.odbc.dialect import Dialect
from connectors.odbc.faults import Fault, fault
from connectors.odbc.lane import Lane
from connectors.odbc.postgresql import PostgreSQL
from connectors.odbc.session import ConnectionThread, OdbcSession
from connectors.odbc.settings import Endpoint, OdbcOptions, OdbcSettings, protected
from connectors.odbc.wire import Wire
from lk_sync.contracts import Channel
from lk_sync.errors import Unreachable

DIALECTS: Final[Mapping[str, Callable[[], Dialect]]] = {"postgresql": PostgreSQL}
CLOSE_SECONDS: Final = 5
CONNECT_GRACE_SECONDS: Final = 5


class OdbcSource:
    """Fulfils `contracts.Source`."""

    settings_type: ClassVar[type[msgspec.Struct]] = OdbcSettings
    options_type: ClassVar[type[msgspec.Struct]] = OdbcOptions

    def __init__(self, settings: OdbcSettings) -> None:
        self._settings = settings
        self._dialect = DIALECTS[settings.dialect]()

    def channel(self) -> Channel:
        endpoint = self._endpoint()
        return Channel(
            peer=f"{self._dialect.title} {endpoint.peer}",
            protection=f"TLS 1.2+, verify-full (сертификат и имя сервера), {endpoint.ca}",
        )

    @contextmanager
    def connect(self) -> Iterator[OdbcSession]:
        endpoint = self._endpoint()
        password = self._settings.password.value().reveal()
        connection_string = self._connection_string(endpoint, password)
        lane = Lane(f"odbc {endpoint.peer}")
        wire = self._opened(lane, connection_string, endpoint, secrets=(connection_string, password))
        thread = ConnectionThread(lane, self._dialect, peer=endpoint.peer, seconds=self._settings.statement_timeout)
        try:
            yield OdbcSession(wire, thread, self._dialect, peer=endpoint.peer)
        finally:
            if not lane.stuck:
                _close(lane, wire)

    def _endpoint(self) -> Endpoint:
        return protected(self._settings, default_port=self._dialect.default_port)

    def _connection_string(self, endpoint: Endpoint, password: str) -> str:
        library = driver.find(endpoint.driver, known_names=self._dialect.driver_names, package=self._dialect.package)
        fixed, values = self._dialect.attributes(endpoint, self._settings, password)
        return driver.connection_string(fixed, {"Driver": library, **values})

    def _opened(self, lane: Lane, connection_string: str, endpoint: Endpoint, *, secrets: tuple[str, ...]) -> Wire:
        driver.silence()
        opening = lane.submit(_open, connection_string, secrets)
        try:
            return lane.wait(opening, seconds=self._settings.connect_timeout + CONNECT_GRACE_SECONDS)
        except Fault as said:
            raise self._dialect.connecting(said).error(peer=endpoint.peer, said=said) from None
        except Unreachable as error:
            raise Unreachable(f"{endpoint.peer}: {error}. Проверьте host, port и сеть") from None


def _open(connection_string: str, secrets: tuple[str, ...]) -> Wire:
    try:
        return Wire(pyodbc.connect(connection_string, autocommit=False), secrets)
    except pyodbc.Error as error:
        raise fault(error, secrets=secrets) from None


def _close(lane: Lane, wire: Wire) -> None:
    try:
        lane.wait(lane.submit(wire.close), seconds=CLOSE_SECONDS)
    except Unreachable:
        return
    finally:
        lane.close()
