"""Names: how does a word of the mapping become a part of an SQL statement, whatever it holds?"""

from __future__ import annotations

import re
from typing import Final

from lk_sync.errors import SettingsError

_NAME: Final = re.compile(r"[^\W\d][\w$]*")
MAX_BYTES: Final = 63


def quoted(name: str) -> str:
    """A column's or table's name. Raises SettingsError unless it is letters, digits and underscores."""
    if not _NAME.fullmatch(name) or len(name.encode()) > MAX_BYTES:
        raise SettingsError(
            f"«{name[:100]}» не может быть именем таблицы или столбца: нужны буквы, цифры и подчёркивания, "
            f"до {MAX_BYTES} байт"
        )
    return f'"{name}"'


def given(name: str) -> str:
    """A name that the server itself gave."""
    return '"' + name.replace('"', '""') + '"'


def dotted(name: str) -> str:
    """A table's name, with its schema if it has one."""
    return ".".join(quoted(part) for part in name.split("."))


def literal(text: str) -> str:
    """A text constant, under `standard_conforming_strings`."""
    return "'" + text.replace("'", "''") + "'"
