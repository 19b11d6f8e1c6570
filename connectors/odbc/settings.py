"""Settings: which SQL server is asked, by whom, and what proves that it is the right one?

Everything is a field of its own; a connection string is never taken from the operator. Where an administrator
hands out a file DSN, its few keys are read into the same fields and judged like them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn, TypeVar

import msgspec

from connectors.odbc import dsn
from lk_sync.errors import SettingsError, Unprotected
from lk_sync.setting import Port, Secret, Strict

VERIFIED: Final = "verify-full"
NOT_TRIED: Final = "Соединение не устанавливалось"
_HOST: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.-]{0,251}[0-9A-Za-z])?|[0-9A-Fa-f:]{2,39}")

T = TypeVar("T", str, int)
Seconds = Annotated[int, msgspec.Meta(ge=2, le=3600)]


class OdbcSettings(Strict, frozen=True, kw_only=True):
    """`connection:` of a source. What `dsn_file` says may stand here as well, but must then say the same.

    `driver`: its name in odbcinst.ini or the path of its library; absent = the one the dialect knows.
    `connections`: how many a big dataset may be read through.
    `statement_timeout`: seconds that one question to the server may last, a page of rows for instance.
    """

    dialect: Literal["postgresql", "mariadb", "mssql"] = "postgresql"
    driver: str | None = None
    dsn_file: Path | None = None
    host: str | None = None
    port: Port | None = None
    database: str | None = None
    username: str | None = None
    password: Secret
    tls: str | None = None
    ca: Path | None = None
    connect_timeout: Seconds = 10
    statement_timeout: Seconds = 300
    connections: Annotated[int, msgspec.Meta(ge=1, le=8)] = 2


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A server that will prove who it is: only `protected` makes one. `driver`: as the operator names it."""

    host: str
    port: int
    database: str
    username: str
    ca: Path
    driver: str | None

    @property
    def peer(self) -> str:
        return f"{self.host}:{self.port}/{self.database}"


def protected(settings: OdbcSettings, *, default_port: int, words: dsn.DsnWords) -> Endpoint:
    """Where the settings lead. Raises Unprotected unless they demand that certificate and name be verified, and
    SettingsError for what is missing or contradicts itself; sends nothing. `words`: those of the driver's file DSN."""
    told = dsn.read(settings.dsn_file, words) if settings.dsn_file else dsn.FileDsn()
    for key, right in {**words.proofs, **words.harmless}.items():
        if key in told.said and told.said[key] not in right:
            _refuse_weak(f"{settings.dsn_file}: {key}", told.said[key], f"{key}={right[0]}")
    proven = words.proofs.keys() <= told.said.keys()
    if settings.tls != VERIFIED and not (settings.tls is None and proven):
        _refuse_weak("connection.tls", settings.tls or "", f"tls: {VERIFIED}")
    return Endpoint(
        host=_host(_agreed("host", settings.host, told.host)),
        port=int(_agreed("port", settings.port, told.port, default_port)),
        database=_agreed("database", settings.database, told.database),
        username=_agreed("username", settings.username, told.username),
        ca=_authority(settings.ca or (Path(told.ca) if told.ca else None)),
        driver=settings.driver or told.driver,
    )


def _refuse_weak(where: str, said: str, instead: str) -> NoReturn:
    found = f"указано «{said}»" if said else "не указано ничего"
    raise Unprotected(
        f"{where}: {found}, а должны проверяться и сертификат, и имя сервера; напишите {instead}. {NOT_TRIED}"
    )


def _authority(ca: Path | None) -> Path:
    if ca is None:
        raise Unprotected(
            "connection.ca: не указан файл с сертификатом центра, который выдал сертификат сервера; без него сервер "
            "нельзя узнать. Напишите ca: /путь/к/ca.pem. " + NOT_TRIED
        )
    try:
        text = ca.read_text("ascii", errors="replace")
    except OSError as error:
        raise Unprotected(f"connection.ca: файл {ca} не читается ({error.strerror}). {NOT_TRIED}") from error
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise Unprotected(
            f"connection.ca: в файле {ca} нет сертификата в виде PEM (-----BEGIN CERTIFICATE-----). {NOT_TRIED}"
        )
    return ca.absolute()


def _agreed(name: str, set_: T | None, told: T | None, default: T | None = None) -> T:
    if set_ is not None and told is not None and set_ != told:
        raise SettingsError(f"connection.{name}: здесь «{set_}», а в dsn_file «{told}»; оставьте одно")
    for value in (set_, told, default):
        if value is not None and value != "":
            return value
    raise SettingsError(f"connection.{name}: не указано; допишите {name} в описание источника")


def _host(name: str) -> str:
    if not _HOST.fullmatch(name):
        raise SettingsError(f"connection.host: «{name}» — это не имя и не адрес одного сервера")
    return name
