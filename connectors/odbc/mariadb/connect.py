"""Connect: what is MariaDB Connector/ODBC told, and what do its complaints mean?

Every value stands in braces, which this driver takes off. It has one state, HY000, for nearly everything that happens
to a connection, so the number of the error decides. Facts of Connector/ODBC 3.1.15 and MariaDB 10.11, seen in
December 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.odbc.dsn import DsnWords
from connectors.odbc.settings import Endpoint, OdbcSettings
from connectors.sql.faults import Fault, Meaning
from lk_sync.errors import AccessDenied, BadData, SchemaDrift, Unprotected, Unreachable

FIXED: Final[Mapping[str, str]] = {
    "SSLVERIFY": "1",  # certificate and name; without SSLCA the driver would not even ask for TLS
    "FORCETLS": "1",
    "TLSVERSION": "TLSv1.2,TLSv1.3",
    "CHARSET": "utf8mb4",
    "FORWARDONLY": "1",
    "NO_CACHE": "1",  # rows come as they are read; otherwise the driver would load a whole answer
    "AUTO_RECONNECT": "0",  # a second session would see another moment, and could write
    "USE_MYCNF": "0",  # nobody's option file may weaken the channel
    "NO_PROMPT": "1",
}
DSN_WORDS: Final = DsnWords(
    keys={
        "driver": "driver",
        "server": "host",
        "servername": "host",
        "port": "port",
        "database": "database",
        "db": "database",
        "uid": "username",
        "user": "username",
        "sslca": "ca",
    },
    proofs={"SSLVERIFY": ("1",)},
    harmless={"FORCETLS": ("1",), "CHARSET": ("utf8mb4", "utf8")},
)
LONGEST_ARRAY: Final = 64 * 1024**2
SESSION: Final[Mapping[str, str]] = {
    "sql_mode": "'NO_BACKSLASH_ESCAPES'",  # so that a doubled quote is all that a text constant needs
    "time_zone": "'+00:00'",
    "tx_read_only": "1",
    "tx_isolation": "'REPEATABLE-READ'",
    "group_concat_max_len": str(LONGEST_ARRAY),
    "net_write_timeout": "600",  # a reader that is busy with a page is no dead reader
}
_CANNOT_VERIFY: Final = Meaning(
    Unprotected,
    "{peer}: сервер не доказал, что он тот самый: {said}. Соединение прервано до передачи пароля. Проверьте ca и host: "
    "центр, выдавший сертификат, срок и имя в нём",
)
_REFUSED: Final = Meaning(
    AccessDenied,
    "{peer}: сервер не пустил: {said}. Проверьте username, пароль, database и права пользователя (откуда ему можно "
    "входить: 'имя'@'адрес')",
)
_BUSY: Final = Meaning(Unreachable, "{peer}: сервер пока не принимает соединения: {said}. Попытка повторится")
_NO_WAY: Final = Meaning(
    Unreachable, "{peer}: до сервера не достучаться: {said}. Проверьте host, port, сеть и работает ли сервер"
)
_BROKEN: Final = Meaning(Unreachable, "{peer}: соединение оборвалось: {said}. Данные прежние, попытка повторится")
_TOO_SLOW: Final = Meaning(
    Unreachable,
    "{peer}: сервер прервал запрос: {said}. Увеличьте statement_timeout или спросите администратора базы, что мешает",
)
_FORBIDDEN: Final = Meaning(AccessDenied, "{peer}: не хватает прав: {said}. Нужно право SELECT на эту таблицу")
_DRIFT: Final = Meaning(SchemaDrift, "{peer}: таблицы или столбцы не те, что в описании источника: {said}")
_BAD: Final = Meaning(BadData, "{peer}: сервер не смог ответить: {said}. Данные прежние")


def protection(endpoint: Endpoint) -> str:
    return f"TLS 1.2+, SSLVERIFY (сертификат и имя сервера), {endpoint.ca}"


def attributes(
    endpoint: Endpoint, settings: OdbcSettings, password: str
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    session = {**SESSION, "max_statement_time": str(settings.statement_timeout)}
    timeout = settings.statement_timeout + settings.connect_timeout
    return FIXED, {
        "Server": endpoint.host,
        "Port": str(endpoint.port),
        "Database": endpoint.database,
        "Uid": endpoint.username,
        "Pwd": password,
        "SSLCA": str(endpoint.ca),
        "CONN_TIMEOUT": str(settings.connect_timeout),
        "READ_TIMEOUT": str(timeout),
        "WRITE_TIMEOUT": str(timeout),
        "INITSTMT": "SET " + ", ".join(f"SESSION {name} = {value}" for name, value in session.items()),
    }


_CONNECTING: Final[Mapping[int, Meaning]] = {
    1040: _BUSY,  # too many connections
    1203: _BUSY,  # of this user
    1226: _BUSY,
    1053: _BUSY,  # shutting down
    1044: _REFUSED,
    1045: _REFUSED,
    1049: _REFUSED,  # no such base
    1130: _REFUSED,  # not from this address
    1129: _REFUSED,  # blocked after many errors
    1698: _REFUSED,
    2026: _CANNOT_VERIFY,
}
_ASKING: Final[Mapping[int, Meaning]] = {
    1969: _TOO_SLOW,
    1317: _TOO_SLOW,  # an administrator ended the statement
    1205: _BUSY,
    1142: _FORBIDDEN,
    1143: _FORBIDDEN,
    1044: _FORBIDDEN,
    1356: _FORBIDDEN,  # a view whose owner may not read what is behind it
    1054: _DRIFT,
    1146: _DRIFT,
    1049: _DRIFT,
}
_LOST: Final = frozenset(range(2000, 2100)) | frozenset({1927, 1053, 5014})


def connecting(said: Fault) -> Meaning:
    return _CONNECTING.get(said.number, _NO_WAY)


def asking(said: Fault) -> Meaning:
    if said.number in _LOST or said.state.startswith("08"):
        return _BROKEN
    return _ASKING.get(said.number, _BAD)
