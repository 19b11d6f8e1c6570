"""Driver: which library speaks to the server, and how is it kept from talking to others about it?"""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from lk_sync.errors import SettingsError

QUIET: Final = Path(__file__).with_name("quiet")
MACHINE_FILES: Final = (
    Path("/etc/odbcinst.ini"),
    Path("/usr/local/etc/odbcinst.ini"),
    Path("/etc/unixODBC/odbcinst.ini"),
)


def find(wanted: str | None, *, known_names: Iterable[str], package: str) -> str:
    """The driver's library. Raises SettingsError that says what to install or write."""
    if wanted and "/" in wanted:
        if not Path(wanted).is_file():
            raise SettingsError(f"connection.driver: нет файла {wanted}")
        return wanted
    drivers = installed()
    for name in (wanted,) if wanted else known_names:
        if name in drivers:
            return drivers[name]
    there = f"установлены: {', '.join(drivers)}" if drivers else "не установлено ни одного"
    raise SettingsError(
        f"connection.driver: нет драйвера ODBC «{wanted or next(iter(known_names))}» ({there}). "
        f"Установите его (apt install {package}) или укажите имя из odbcinst -q -d"
    )


def installed() -> dict[str, str]:
    """Drivers of this machine by name, as its odbcinst.ini tells."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.read(_machine_files(), encoding="utf-8")
    return {
        name: library
        for name in parser.sections()
        if (library := parser.get(name, "Driver64", fallback="") or parser.get(name, "Driver", fallback=""))
    }


@cache
def _machine_files() -> tuple[Path, ...]:
    folder = os.environ.get("ODBCSYSINI")
    return (Path(folder) / "odbcinst.ini",) if folder and Path(folder) != QUIET else MACHINE_FILES


def silence() -> None:
    """From now on the driver manager of this process reads our own quiet files instead of the machine's."""
    _machine_files()  # remembered before the variable points elsewhere
    os.environ["ODBCSYSINI"] = str(QUIET)
    os.environ["ODBCINI"] = str(QUIET / "odbc.ini")
    os.environ.pop("ODBCINSTINI", None)


def connection_string(fixed: Mapping[str, str], values: Mapping[str, str]) -> str:
    """Keys and `fixed` are the program's own words. `values` come from outside: none of them, whatever it holds, can
    end its braces. (psqlODBC 13.02 takes braces off `Pwd` and `pqopt` only, so everything else of its goes there.)"""
    words = [f"{key}={word};" for key, word in fixed.items()]
    return "".join(words + [f"{key}={_braced(value)};" for key, value in values.items()])


def _braced(value: str) -> str:
    if "\0" in value:
        raise SettingsError("в настройках соединения встретился знак с кодом 0; уберите его")
    return "{" + value.replace("}", "}}") + "}"
