"""Names: how does a word of the mapping become a part of a statement of MariaDB, whatever it holds?"""

from __future__ import annotations

from typing import Final

from connectors.sql.names import parts
from lk_sync.errors import SettingsError

MAX_CHARACTERS: Final = 64


def quoted(name: str) -> str:
    """A column's or table's name."""
    return "`" + name.replace("`", "``") + "`"


def own_parts(name: str) -> list[str]:
    """The table's name, after that of its base if it has one. Raises SettingsError for what cannot be a name."""
    found = parts(name)
    for part in found:
        if len(part) > MAX_CHARACTERS:
            raise SettingsError(
                f"«{part[:100]}» не может быть именем таблицы: в MariaDB имя — до {MAX_CHARACTERS} знаков"
            )
        if max(part) > "\uffff":
            raise SettingsError(f"«{part}» не может быть именем таблицы: таких знаков в именах MariaDB не бывает")
    return found


def literal(text: str) -> str:
    """A text constant, under an SQL mode without NO_BACKSLASH_ESCAPES."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
