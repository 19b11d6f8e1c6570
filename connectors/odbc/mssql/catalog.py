"""Catalog: what does SQL Server know of a table or query?

Columns are what the server says an answer would have, tables and queries alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.odbc.mssql import names
from connectors.sql.dialect import Ask, Row
from connectors.sql.names import parts, written
from connectors.sql.relation import Column, Family, Relation, nearest
from lk_sync.errors import SchemaDrift

ROWVERSION: Final = "rowversion"
MONEY: Final = ("money", "smallmoney")
_FAMILIES: Final[Mapping[str, Family]] = {
    **dict.fromkeys(("char", "varchar", "nchar", "nvarchar", "text", "ntext", "sysname", "uniqueidentifier"), "text"),
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint", ROWVERSION), "integer"),
    **dict.fromkeys(("decimal", "numeric", *MONEY), "numeric"),
    **dict.fromkeys(("float", "real"), "float"),
    **dict.fromkeys(("datetime", "datetime2", "smalldatetime"), "timestamp"),
    **dict.fromkeys(("varbinary", "image"), "binary"),
    "bit": "bool",
    "date": "date",
    "datetimeoffset": "timestamptz",
}
_DIGITS: Final = {"tinyint": (3, 0), "smallint": (5, 0), "int": (10, 0)}
LONGEST_REFERENCE: Final = 16  # bytes: a reference of 1C

_COLUMNS: Final = """
SELECT name, TYPE_NAME(system_type_id), is_nullable, precision, scale, max_length, error_message
FROM sys.dm_exec_describe_first_result_set(CAST(? AS nvarchar(max)), NULL, 0) ORDER BY column_ordinal"""
_IS_THERE: Final = """
SELECT 1 FROM sys.objects WHERE object_id = OBJECT_ID(CAST(? AS nvarchar(600))) AND type IN ('U', 'V')"""
_KEY: Final = """
SELECT COL_NAME(ic.object_id, ic.column_id) FROM sys.indexes AS i
JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.key_ordinal > 0
WHERE i.is_primary_key = 1 AND i.object_id = OBJECT_ID(CAST(? AS nvarchar(600))) ORDER BY ic.key_ordinal"""
_EVERY: Final = """
SELECT SCHEMA_NAME(schema_id), name, CASE WHEN SCHEMA_NAME(schema_id) = SCHEMA_NAME() THEN 1 ELSE 0 END
FROM sys.objects WHERE type IN ('U', 'V') AND is_ms_shipped = 0
  AND HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME(schema_id)) + '.' + QUOTENAME(name), 'OBJECT', 'SELECT') = 1
ORDER BY 1, 2"""


def table(ask: Ask, name: str) -> Relation:
    """The table or view. Raises SchemaDrift when there is none, or no right to see it."""
    sql = names.dotted(name)
    if not ask(_IS_THERE, sql):
        known = [row[1] for row in ask(_EVERY)]
        near = nearest(parts(name)[-1], known)
        raise SchemaDrift(f"нет таблицы «{name}» или права SELECT на неё{near}; поправьте from")
    return _relation(ask, name, sql)


def survey(ask: Ask) -> list[Relation]:
    """Tables and views that may be read."""
    found = []
    for schema, own_name, own in ask(_EVERY):
        sql = f"{names.quoted(schema)}.{names.quoted(own_name)}"
        found.append(_relation(ask, written((own_name,) if own else (schema, own_name)), sql))
    return found


def _relation(ask: Ask, title: str, sql: str) -> Relation:
    columns = _columns(ask, sql, title)
    return Relation(title=title, sql=sql, columns=columns, key=tuple(row[0] for row in ask(_KEY, sql)))


def query(ask: Ask, text: str) -> Relation:
    """A query of the mapping."""
    sql = f"({text.strip().rstrip(';')}\n) AS query"  # the line break ends a comment that the query may end with
    return Relation(title="query", sql=sql, columns=_columns(ask, sql, "query"))


def _columns(ask: Ask, sql: str, title: str) -> Mapping[str, Column]:
    rows = ask(_COLUMNS, f"SELECT * FROM {sql}")  # noqa: S608 - a quoted name, or the operator's own query
    for row in rows:
        if row[6]:
            raise SchemaDrift(f"{title}: сервер не понял этого: {row[6]}. Данные прежние; поправьте описание источника")
    return {column.name: column for column in map(_column, rows)}


def _column(row: Row) -> Column:
    name, base, nullable, precision, scale, length, *_ = row
    if base == "timestamp":
        base = ROWVERSION
    return Column(
        name=name,
        type=_shown(base, row),
        family=_family(base, int(length)),
        nullable=bool(nullable),
        digits=_digits(base, int(precision), int(scale)),
    )


def _family(base: str, length: int) -> Family:
    if base == "binary":  # 1C keeps flags in one byte and references in sixteen
        return "bool" if length == 1 else "text" if length <= LONGEST_REFERENCE else "binary"
    return _FAMILIES.get(base, "other")


def _digits(base: str, precision: int, scale: int) -> tuple[int, int] | None:
    return (precision - scale, scale) if _FAMILIES.get(base) == "numeric" else _DIGITS.get(base)


def _shown(base: str, row: Sequence[object]) -> str:
    if base in ("decimal", "numeric"):
        return f"{base}({row[3]},{row[4]})"
    return f"{base}({row[5]})" if base == "binary" else base
