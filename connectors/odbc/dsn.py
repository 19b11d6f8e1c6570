"""DSN: what does a file DSN that an administrator handed out really say?

Only keys whose meaning we know are taken. Any other could weaken the channel behind our back (a second server, a
log of everything, an SQL statement at connect), so it is refused by name.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from lk_sync.errors import SettingsError, Unprotected

_SECRETS: Final = frozenset({"pwd", "password"})


class DsnWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the keys of one driver's file DSN mean.

    `keys`: the file's key, in lower case → our field. `proofs`: keys that together demand that certificate and name of
    the server be verified, with the words that do; the first one is what we tell to write. `harmless`: keys that may
    stand there as well, with the only words that weaken nothing. `authority` finds the path of the CA file in what the
    key for `ca` says, `authority_shown` is what is told of it when it does not.
    """

    keys: Mapping[str, str]
    proofs: Mapping[str, tuple[str, ...]]
    harmless: Mapping[str, tuple[str, ...]] = {}
    authority: str = r"(.+)"
    authority_shown: str = ""


class FileDsn(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says; None = nothing. `said`: what it says of keys that the channel's protection hangs on."""

    driver: str | None = None
    host: str | None = None
    port: int | None = None
    database: str | None = None
    username: str | None = None
    ca: str | None = None
    said: Mapping[str, str] = {}


def read(path: Path, words: DsnWords) -> FileDsn:
    """The file's `[ODBC]` section. Raises SettingsError, Unprotected with the key to change."""
    parser = configparser.ConfigParser(interpolation=None, strict=True, delimiters=("=",))
    try:
        parser.read_string(path.read_text("utf-8"), source=str(path))
        section = parser["ODBC"]
    except OSError as error:
        raise SettingsError(f"{path}: файл DSN не читается ({error.strerror})") from error
    except (KeyError, ValueError, configparser.Error) as error:
        raise SettingsError(f"{path}: это не файл DSN: нужен раздел [ODBC] со строками ключ=значение") from error
    return _taken(path, dict(section), words)


def _taken(path: Path, section: dict[str, str], words: DsnWords) -> FileDsn:
    judged = {name.lower(): name for name in (*words.proofs, *words.harmless)}
    found: dict[str, str] = {}
    said: dict[str, str] = {}
    for key, value in section.items():
        if key in _SECRETS:
            raise SettingsError(
                f"{path}: пароль не должен лежать в файле DSN; уберите строку {key} и укажите password: {{secret: ИМЯ}}"
            )
        if key in judged:
            said[judged[key]] = value.strip()
        elif key not in words.keys:
            raise Unprotected(f"{path}: ключ «{key}» не поддерживается и мог бы ослабить защиту канала; уберите его")
        elif words.keys[key] in found:
            raise SettingsError(f"{path}: «{key}» сказано дважды под разными именами; оставьте одно")
        else:
            found[words.keys[key]] = value.strip()
    return _converted(path, found, said, words)


def _converted(path: Path, found: dict[str, str], said: dict[str, str], words: DsnWords) -> FileDsn:
    if "ca" in found:
        match = re.fullmatch(words.authority, found["ca"])
        if match is None:
            raise Unprotected(f"{path}: {words.authority_shown}")
        found["ca"] = match[1]
    try:
        return msgspec.convert({**found, "said": said}, FileDsn, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
