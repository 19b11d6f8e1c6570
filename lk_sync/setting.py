"""Setting: what is every section of the settings made of?

Numbers with their limits, and secrets, which stand in a file only by their names.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec

from lk_sync.errors import SettingsError
from lk_sync.settings_file import ZoneName

MOSCOW: Final = ZoneName("Europe/Moscow")
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Mailbox = Annotated[str, msgspec.Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
MonthDay = Annotated[int, msgspec.Meta(ge=1, le=31)]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that is read from YAML."""


class SecretValue:
    """A secret in memory. Its repr and str hide it; `reveal()` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"


class Secret(Strict, frozen=True, kw_only=True):
    """`{secret: X}`: the value is in the variable `LK_X`, or in the file that `LK_X_FILE` names."""

    secret: Annotated[str, msgspec.Meta(pattern="^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$")]

    def value(self, environment: Mapping[str, str] = os.environ) -> SecretValue:
        name = f"LK_{self.secret}"
        if path := environment.get(f"{name}_FILE"):
            return _secret_of(Path(path), f"{name}_FILE")
        if (value := environment.get(name)) is not None:
            return SecretValue(value)
        raise SettingsError(f"не задан секрет: переменная {name} или файл в переменной {name}_FILE")


def _secret_of(path: Path, variable: str) -> SecretValue:
    try:
        if path.stat().st_mode & stat.S_IRWXO:
            raise SettingsError(f"{variable}: файл {path} открыт посторонним; выполните chmod 600 {path}")
        return SecretValue(path.read_text("utf-8").rstrip("\r\n"))
    except OSError as error:
        raise SettingsError(f"{variable}: файл {path} не читается ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{variable}: файл {path} не в кодировке UTF-8") from error
