"""Names: how does a word of the mapping become a part of a statement of SQL Server, whatever it holds?"""

from __future__ import annotations

from typing import Final

from connectors.sql.names import parts
from lk_sync.errors import SettingsError

MAX_CHARACTERS: Final = 128


def quoted(name: str) -> str:
    """A column's or table's name."""
    return "[" + name.replace("]", "]]") + "]"


def dotted(name: str) -> str:
    """A table's name, with its schema if it has one. Raises SettingsError for what cannot be a name."""
    found = parts(name)
    for part in found:
        if len(part) > MAX_CHARACTERS:
            raise SettingsError(
                f"«{part[:100]}» не может быть именем таблицы: в SQL Server имя — до {MAX_CHARACTERS} знаков"
            )
    return ".".join(map(quoted, found))


def literal(text: str) -> str:
    """A text constant."""
    return "N'" + text.replace("'", "''") + "'"
