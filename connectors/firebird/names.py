"""Names: how does a word of the mapping become a part of a statement of Firebird, whatever it holds?

The program speaks SQL dialect 3 to every base, also to one of dialect 1: only so may a name stand in quotes.
"""

from __future__ import annotations

from typing import Final

from connectors.sql.names import parts, written
from lk_sync.errors import SettingsError

MAX_BYTES: Final = 31 * 4  # of Firebird 4 and later 63 characters; an older server says itself what it does not have


def quoted(name: str) -> str:
    """A column's or table's name."""
    return '"' + name.replace('"', '""') + '"'


def table_name(name: str) -> str:
    """The one part that a name has, for Firebird knows no schemas. Raises SettingsError for what cannot be a name."""
    (found,) = parts(name, most=1)
    if len(found.encode()) > MAX_BYTES:
        raise SettingsError(f"«{found[:100]}» не может быть именем таблицы: в Firebird 3 имя — до 31 байта")
    return found


def literal(text: str) -> str:
    """A text constant."""
    return "'" + text.replace("'", "''") + "'"


def written_name(own_name: str) -> str:
    """How the mapping writes the name."""
    return written((own_name,))
