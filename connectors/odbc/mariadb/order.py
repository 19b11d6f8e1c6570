"""Order: how are the rows of MariaDB cut into ranges so that each of them stands in just one?

Rows are sorted and compared by one and the same expression, with the column's own collation: there «Ёж», «еж» and
«ЕЖ » may be equal, and then they stand in one range together. An ENUM is sorted by the numbers behind its words, so it
is taken as a text first; so is a text of a query, which may be an ENUM for all that the driver tells.
"""

from __future__ import annotations

from typing import Final

from connectors.odbc.mariadb.names import quoted
from connectors.sql.dialect import Where
from connectors.sql.relation import Column, Family

SORTED: Final[frozenset[Family]] = frozenset({"text", "integer", "numeric", "date", "timestamp", "timestamptz"})
AS_TEXTS: Final = ("enum", "set", "text")
MOMENT: Final = "DATETIME(6)"


def expression(column: Column) -> str:
    name = quoted(column.name)
    if column.type.startswith("bit"):
        return f"({name} + 0)"
    return f"CONCAT({name})" if column.type.startswith(AS_TEXTS) else name


def shown(column: Column) -> str:
    """A bound as the text that `between` takes."""
    return expression(column) if column.family == "text" else f"CAST({expression(column)} AS CHAR)"


def between(column: Column, after: str | None, until: str | None) -> Where:
    where = Where()
    if after is not None:
        where &= Where(f"{expression(column)} > {bound(column)}", (after,))
    if until is not None:
        where &= Where(f"{expression(column)} <= {bound(column)}", (until,))
    return where


def bound(column: Column) -> str:
    """A bound in the column's own type, so that it is compared in the order in which the column is sorted."""
    match column.family:
        case "integer":
            return f"CAST(? AS {'UNSIGNED' if 'unsigned' in column.type else 'SIGNED'})"
        case "numeric" if column.digits is not None:
            return f"CAST(? AS DECIMAL({sum(column.digits)},{column.digits[1]}))"
        case "date" | "timestamp" | "timestamptz":
            return f"CAST(? AS {MOMENT})"
    return "?"
