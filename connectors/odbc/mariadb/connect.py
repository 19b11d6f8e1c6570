"""Connect: what is MariaDB Connector/ODBC told, and what do its complaints mean?

Facts of version 3.1.15 with libmariadb 3.3, seen in December 2026: braces keep a value whole whatever it holds, but
spaces at its ends are lost; nothing is sent before the server has been verified; SQLSTATEs are of little worth, so a
complaint is known by its number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from connectors.odbc.dsn import DsnWords
from connectors.odbc.settings import Endpoint, OdbcSettings
from connectors.sql.faults import Fault, Meaning
from connectors.sql.meanings import BAD, BROKEN, DRIFT, FORBIDDEN, NO_WAY, TOO_SLOW
from lk_sync.errors import AccessDenied, SettingsError, Unprotected, Unreachable

ANSWER_GRACE_SECONDS: Final = 5  # the server ends a question at its deadline; this long its word may take to arrive
FIXED: Final[Mapping[str, str]] = {
    "OPTIONS": "0",  # no several statements in one
    "SSLVERIFY": "1",  # certificate and name; without it any certificate of the authority would do
    "FORCETLS": "1",
    "TLSVERSION": "TLSv1.2,TLSv1.3",
    "TCPIP": "1",
    "USE_MYCNF": "0",  # nobody's option file may weaken the channel
    "AUTO_RECONNECT": "0",  # a second session would see another moment, and could write
    "NOLOCALINFILE": "1",  # 3.1.15 does not know the word; it gives no file anyway unless it was told to load one
    "CHARSET": "utf8mb4",
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
    harmless={"FORCETLS": ("1",), "TCPIP": ("1",), "CHARSET": ("utf8mb4", "utf8")},
)
SESSION: Final[Mapping[str, str]] = {
    "sql_mode": "''",  # the server's own could forbid to look at a day of zeros, or fill texts up with spaces
    "time_zone": "'+00:00'",
    "group_concat_max_len": str(64 * 1024**2),
    "sql_select_limit": "DEFAULT",
    "sql_big_selects": "1",
    "net_write_timeout": "600",
    "wait_timeout": "28800",  # between two pages we may be busy for long
    "lc_messages": "'en_US'",
}
BEGINNING: Final = (
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",  # a whole pull and its control totals see one moment
)

_CANNOT_VERIFY: Final = Meaning(
    Unprotected,
    "{peer}: сервер не доказал, что он тот самый: {said}. Соединение прервано до передачи пароля. Проверьте ca и host: "
    "центр, выдавший сертификат, срок и имя в нём; у сервера должен быть включён TLS (ssl_cert, ssl_key)",
)
_REFUSED: Final = Meaning(
    AccessDenied,
    "{peer}: сервер не пустил: {said}. Проверьте username, пароль, database и то, с каких адресов пускают эту учётную "
    "запись",
)
_NOT_MARIADB: Final = Meaning(
    SettingsError, "{peer}: это не MariaDB 10.3 или новее: {said}. Другие серверы с dialect: mariadb не читаются"
)
_BUSY: Final = Meaning(Unreachable, "{peer}: сервер пока занят: {said}. Попытка повторится")


def protection(endpoint: Endpoint) -> str:
    return f"TLS 1.2+, SSLVERIFY (сертификат и имя сервера), {endpoint.ca}"


def attributes(
    endpoint: Endpoint, settings: OdbcSettings, password: str
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    values = {
        "SERVER": endpoint.host,
        "DATABASE": endpoint.database,
        "UID": endpoint.username,
        "PWD": password,
        "SSLCA": str(endpoint.ca),
    }
    _refuse_blanks(values)
    answer = settings.statement_timeout + ANSWER_GRACE_SECONDS
    session = {**SESSION, "max_statement_time": str(settings.statement_timeout)}
    return FIXED, values | {
        "PORT": str(endpoint.port),
        "CONN_TIMEOUT": str(settings.connect_timeout),
        "READ_TIMEOUT": str(answer),
        "WRITE_TIMEOUT": str(answer),
        "INITSTMT": "SET " + ", ".join(f"SESSION {name} = {value}" for name, value in session.items()),
    }


_OURS: Final = {"SERVER": "host", "DATABASE": "database", "UID": "username", "PWD": "password", "SSLCA": "ca"}


def _refuse_blanks(values: Mapping[str, str]) -> None:
    for key, value in values.items():
        if value != value.strip():
            shown = "" if key == "PWD" else f" («{value}»)"
            raise SettingsError(
                f"connection.{_OURS[key]}{shown}: пробел в начале или в конце драйвер MariaDB отбросит; "
                "обойдитесь без него"
            )


_TLS: Final = 2026
_CUT: Final = re.compile(r"eof|reset|broken pipe|timed? ?out|shutdown|connection|syscall|Error: 0", re.IGNORECASE)
_UNPROVEN: Final = re.compile(r"authenticity of the following error cannot be verified: (\d+)")
_AT_THE_DOOR: Final[Mapping[int, Meaning]] = {
    **dict.fromkeys((1040, 1203, 1226, 1053, 1129), _BUSY),
    **dict.fromkeys((1044, 1045, 1049, 1130, 1156, 1251, 1698, 1820, 1862, 2058, 2059, 4151), _REFUSED),
    **dict.fromkeys((1193, 1064), _NOT_MARIADB),
}


def connecting(said: Fault) -> Meaning:
    """What was said before TLS stood cannot be believed; it is told all the same, for nothing was sent then."""
    if said.number == _TLS:
        return NO_WAY if _CUT.search(said.text) else _CANNOT_VERIFY
    unproven = _UNPROVEN.search(said.text)
    return _AT_THE_DOOR.get(int(unproven[1]) if unproven else said.number, NO_WAY)


_ASKING: Final[Mapping[int, Meaning]] = {
    **dict.fromkeys((_TLS, 2002, 2003, 2006, 2013, 2014, 2055, 1053, 1077, 1079, 1158, 1159, 1160, 1161), BROKEN),
    **dict.fromkeys((1317, 1927, 4031), BROKEN),  # an administrator ended the question or the session
    1969: TOO_SLOW,
    **dict.fromkeys((1021, 1028, 1037, 1041, 1114, 1135, 1203, 1205, 1213, 1226), _BUSY),  # memory, disk, locks
    **dict.fromkeys((1044, 1142, 1143, 1227, 1356, 1370, 1449), FORBIDDEN),
    **dict.fromkeys((1049, 1051, 1054, 1109, 1146, 1305, 1412), DRIFT),
}


def asking(said: Fault) -> Meaning:
    if said.state.startswith("08"):
        return BROKEN
    return _ASKING.get(said.number, BAD)
