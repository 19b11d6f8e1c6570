"""Connect: what are the two drivers of SQL Server told, and what do their complaints mean?

Facts of FreeTDS 1.3.17, seen in December 2026 against a peer that speaks its handshake; of Microsoft's driver 18 as its
maker describes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

from connectors.odbc.dsn import DsnWords
from connectors.odbc.mssql import freetds, proof
from connectors.odbc.settings import NOT_TRIED, Endpoint, OdbcSettings
from connectors.sql.faults import Fault, Meaning
from connectors.sql.meanings import BAD, BROKEN, CANNOT_VERIFY, DRIFT, FORBIDDEN
from lk_sync.errors import AccessDenied, SettingsError, Unprotected, Unreachable

_MICROSOFT: Final = re.compile(r"msodbcsql-?(\d+)?")
FIRST_STRICT: Final = 18
MICROSOFT: Final[Mapping[str, str]] = {
    "Encrypt": "strict",  # TLS before anything else; the only way in which this driver takes a certificate from a file
    "TrustServerCertificate": "no",
    "ApplicationIntent": "ReadOnly",
    "MARS_Connection": "no",
    "APP": "lk-sync",
}
FREETDS: Final[Mapping[str, str]] = {"ApplicationIntent": "ReadOnly", "APP": "lk-sync"}
DSN_WORDS: Final = DsnWords(
    keys={"driver": "driver", "server": "host", "port": "port", "database": "database", "uid": "username",
          "servercertificate": "ca"},
    proofs={"Encrypt": ("strict",)},
    harmless={"TrustServerCertificate": ("no",), "ApplicationIntent": ("ReadOnly",), "TDS_Version": ("7.4",)},
)  # fmt: skip

_REFUSED: Final = Meaning(
    AccessDenied, "{peer}: сервер не пустил: {said}. Проверьте username, пароль, database и права пользователя"
)
_NO_WAY: Final = Meaning(
    Unreachable,
    "{peer}: соединение не установилось: {said}. Проверьте host, port, сеть, работает ли сервер "
    "и тот ли у него сертификат (ca, host)",
)
_BUSY: Final = Meaning(Unreachable, "{peer}: сервер пока не отвечает: {said}. Попытка повторится")
_TOO_SLOW: Final = Meaning(
    Unreachable, "{peer}: сервер не успел ответить: {said}. Увеличьте statement_timeout или спросите, что ему мешает"
)
_NO_SNAPSHOT: Final = Meaning(
    SettingsError,
    "{peer}: база не даёт читать один миг: {said}. Выполните: ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON",
)
_NO_PROOF: Final = re.compile(r"certificate|TLS|SSL|hostname", re.IGNORECASE)
_CONNECTING: Final[Mapping[int, Meaning]] = {
    18456: _REFUSED, 18452: _REFUSED, 18470: _REFUSED, 18486: _REFUSED, 18487: _REFUSED, 18488: _REFUSED,
    4060: _REFUSED, 916: _REFUSED, 17142: _BUSY, 6005: _BUSY, 17809: _BUSY, 922: _BUSY,
}  # fmt: skip
_ASKING: Final[Mapping[int, Meaning]] = {
    229: FORBIDDEN, 230: FORBIDDEN, 300: FORBIDDEN, 207: DRIFT, 208: DRIFT, 3952: _NO_SNAPSHOT, 3951: _NO_SNAPSHOT,
    1222: _BUSY, 1205: _BUSY, 3960: _BUSY, 3961: _BUSY, 596: BROKEN, 6005: BROKEN, 20003: _TOO_SLOW, 20004: BROKEN,
    20006: BROKEN, 20017: BROKEN, 20047: BROKEN,
}  # fmt: skip
_STATES: Final[Mapping[str, Meaning]] = {"HYT00": _TOO_SLOW, "HYT01": BROKEN, "42S02": DRIFT, "42S22": DRIFT}


def made_by_microsoft(library: str) -> bool:
    return _MICROSOFT.search(PurePath(library).name) is not None


def attributes(
    endpoint: Endpoint, settings: OdbcSettings, password: str
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    login = {"Database": endpoint.database, "UID": endpoint.username, "PWD": password}
    library = endpoint.driver or ""
    if not made_by_microsoft(library):
        _for_freetds(database=endpoint.database, username=endpoint.username, password=password)
        text = freetds.section(
            endpoint, connect_timeout=settings.connect_timeout, statement_timeout=settings.statement_timeout
        )
        return {**FREETDS, "Servername": freetds.known(text)}, login
    _new_enough(library)
    server = {"Server": f"{endpoint.host},{endpoint.port}", "ServerCertificate": str(endpoint.ca)}
    return {**MICROSOFT, "LoginTimeout": str(settings.connect_timeout)}, {**server, **login}


def preflight(endpoint: Endpoint, settings: OdbcSettings) -> None:
    """Raises Unprotected for a server that FreeTDS must not be let near."""
    if not made_by_microsoft(endpoint.driver or "") and (doubt := proof.doubt(endpoint, settings.connect_timeout)):
        raise Unprotected(
            f"{endpoint.peer}: сервер не доказал, что он тот самый: {doubt}. Соединение прервано до передачи пароля. "
            "Проверьте ca и host: центр, выдавший сертификат, срок и имя в нём"
        )


def _for_freetds(**values: str) -> None:
    """FreeTDS ends a value at `};` and knows no way to write it: what follows would be a key of its own."""
    for name, value in values.items():
        if "}" in value:
            raise SettingsError(
                f"connection.{name}: знак «}}» FreeTDS не передаёт; смените {name} или возьмите драйвер msodbcsql18"
            )


def _new_enough(library: str) -> None:
    version = _MICROSOFT.search(PurePath(library).name)
    if version is not None and version[1] and int(version[1]) < FIRST_STRICT:
        raise Unprotected(
            f"connection.driver: драйвер {library} не берёт сертификат из файла и потому не узнаёт сервер; поставьте "
            f"msodbcsql{FIRST_STRICT} или FreeTDS (apt install tdsodbc). {NOT_TRIED}"
        )


def protection(endpoint: Endpoint) -> str:
    if endpoint.driver and made_by_microsoft(endpoint.driver):
        return f"TLS (Encrypt=strict), сертификат сервера — {endpoint.ca}"
    return f"TLS (encryption = require), сертификат и имя сервера проверяются, {endpoint.ca}"


def connecting(said: Fault) -> Meaning:
    if said.number in _CONNECTING:
        return _CONNECTING[said.number]
    if said.state.startswith("28"):
        return _REFUSED
    return CANNOT_VERIFY if _NO_PROOF.search(said.text) else _NO_WAY


def asking(said: Fault) -> Meaning:
    if said.number in _ASKING:
        return _ASKING[said.number]
    return BROKEN if said.state.startswith("08") else _STATES.get(said.state, BAD)
