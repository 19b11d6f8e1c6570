"""DSN: what does a file DSN that an administrator handed out really say?

Only keys whose meaning we know are taken. Any other could weaken the channel behind our back (a second server, a
log of everything, an SQL statement at connect), so it is refused by name.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Final

import msgspec

from lk_sync.errors import SettingsError, Unprotected

_KEYS: Final = {
    "driver": "driver",
    "server": "host",
    "servername": "host",
    "port": "port",
    "database": "database",
    "uid": "username",
    "username": "username",
    "sslmode": "tls",
    "pqopt": "ca",
}
_SECRETS: Final = frozenset({"pwd", "password"})
_AUTHORITY: Final = re.compile(r"\{?\s*sslrootcert\s*=\s*'?([^'{}\s]+)'?\s*\}?")


class FileDsn(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says; None = nothing."""

    driver: str | None = None
    host: str | None = None
    port: int | None = None
    database: str | None = None
    username: str | None = None
    tls: str | None = None
    ca: str | None = None


def read(path: Path) -> FileDsn:
    """The file's `[ODBC]` section. Raises SettingsError, Unprotected with the key to change."""
    parser = configparser.ConfigParser(interpolation=None, strict=True, delimiters=("=",))
    try:
        parser.read_string(path.read_text("utf-8"), source=str(path))
        section = parser["ODBC"]
    except OSError as error:
        raise SettingsError(f"{path}: файл DSN не читается ({error.strerror})") from error
    except (KeyError, ValueError, configparser.Error) as error:
        raise SettingsError(f"{path}: это не файл DSN: нужен раздел [ODBC] со строками ключ=значение") from error
    return _taken(path, dict(section))


def _taken(path: Path, section: dict[str, str]) -> FileDsn:
    found: dict[str, str] = {}
    for key, value in section.items():
        if key in _SECRETS:
            raise SettingsError(
                f"{path}: пароль не должен лежать в файле DSN; уберите строку {key} и укажите password: {{secret: ИМЯ}}"
            )
        if key not in _KEYS:
            raise Unprotected(f"{path}: ключ «{key}» не поддерживается и мог бы ослабить защиту канала; уберите его")
        if _KEYS[key] in found:
            raise SettingsError(f"{path}: «{key}» сказано дважды под разными именами; оставьте одно")
        found[_KEYS[key]] = value.strip()
    if "ca" in found:
        found["ca"] = _authority(path, found["ca"])
    try:
        return msgspec.convert(found, FileDsn, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error


def _authority(path: Path, option: str) -> str:
    match = _AUTHORITY.fullmatch(option)
    if match is None:
        raise Unprotected(f"{path}: в pqopt допускается только sslrootcert=/путь/к/ca.pem; остальное уберите")
    return match[1]
