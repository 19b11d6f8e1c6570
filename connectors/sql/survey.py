"""Survey: what would a table that nobody has described yet be good for?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.sql.relation import Column, Family, Relation
from lk_sync.contracts import Found, FoundColumn
from lk_sync.records import Kind

_KINDS: Final[Mapping[Family, tuple[Kind, ...]]] = {
    "text": ("text", "code", "account", "date", "month", "datetime", "int", "money", "volume", "bool"),
    "integer": ("int", "account", "code", "bool", "money", "volume", "text"),
    "numeric": ("volume", "money", "int", "account", "text"),
    "float": (),
    "rounded": (),
    "bool": ("bool", "code", "text"),
    "date": ("date", "month", "datetime", "text"),
    "timestamp": ("datetime", "date", "month", "text"),
    "timestamptz": ("datetime", "date", "month", "text"),
    "binary": (),
    "other": ("text", "code"),
}
_OF_MONEY: Final[tuple[Kind, ...]] = ("money", "volume", "int", "text")
_OF_WHOLE: Final[tuple[Kind, ...]] = ("int", "account", "money", "volume", "text")
MONEY_DIGITS: Final = (2, 4)  # after the point; four is what MONEY of SQL Server has


def found(relation: Relation) -> Found:
    columns = tuple(
        FoundColumn(name=column.name, type=column.type, kinds=kinds(column)) for column in relation.columns.values()
    )
    return Found(how="from", origin=relation.title, columns=columns, key=relation.key, rows=relation.rows or None)


def kinds(column: Column) -> tuple[Kind, ...]:
    """The kinds that it can hold, the likeliest first."""
    if column.family == "numeric" and column.digits is not None:
        after = column.digits[1]
        return _OF_MONEY if after in MONEY_DIGITS else _OF_WHOLE if not after else _KINDS["numeric"]
    return _KINDS[column.family]
