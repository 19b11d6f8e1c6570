"""Catalog: what does MariaDB know of a table or query?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from connectors.odbc.mariadb import names
from connectors.sql.dialect import Ask, Heading, Row
from connectors.sql.names import parts, written
from connectors.sql.relation import Column, Family, Relation, nearest
from lk_sync.errors import SchemaDrift

_FAMILIES: Final[Mapping[str, Family]] = {
    **dict.fromkeys(("char", "varchar", "text", "tinytext", "mediumtext", "longtext", "enum", "set"), "text"),
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year"), "integer"),
    **dict.fromkeys(("float", "double"), "float"),
    **dict.fromkeys(("binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob", "geometry"), "binary"),
    "decimal": "numeric",
    "bit": "bool",
    "date": "date",
    "datetime": "timestamp",
    "timestamp": "timestamptz",
}
_KINDS: Final[tuple[tuple[type, Family], ...]] = (
    (bool, "bool"),
    (int, "integer"),
    (Decimal, "numeric"),
    (float, "float"),
    (datetime, "timestamp"),
    (date, "date"),
    (str, "text"),
    (bytearray, "binary"),
    (bytes, "binary"),
)
_DIGITS: Final = {"tinyint": (3, 0), "smallint": (5, 0), "mediumint": (8, 0), "int": (10, 0), "year": (4, 0)}

_COLUMNS: Final = """
SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME, c.COLUMN_TYPE, c.DATA_TYPE, c.IS_NULLABLE, c.NUMERIC_PRECISION,
       c.NUMERIC_SCALE, COALESCE(t.TABLE_ROWS, 0), c.TABLE_SCHEMA = DATABASE()
FROM information_schema.COLUMNS AS c
JOIN information_schema.TABLES AS t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
WHERE """
_ONE: Final = f"""{_COLUMNS} c.TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND c.TABLE_NAME = ?
ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION"""
_EVERY: Final = f"""{_COLUMNS}
  c.TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION"""
_INDEXES: Final = """
SELECT INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_TYPE = 'BTREE' AND SUB_PART IS NULL
ORDER BY INDEX_NAME, SEQ_IN_INDEX"""
_TABLES: Final = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
_FOLDS: Final = "SELECT @@lower_case_table_names <> 0"
_NO_ZONE, _OTHER_ZONE = "'+00:00'", "'+01:00'"


def table(ask: Ask, name: str, *, seekable: bool) -> Relation:
    """The table or view. Raises SchemaDrift when there is none, or no right to see it."""
    sql = names.dotted(name)
    *base, own_name = parts(name)
    rows = ask(_ONE, base[0] if base else "", own_name)
    found = [row for row in rows if row[1] == own_name] or (rows if ask(_FOLDS)[0][0] else [])
    if not found:
        known = [row[0] for row in ask(_TABLES)]
        raise SchemaDrift(f"нет таблицы «{name}» или права SELECT на неё{nearest(own_name, known)}; поправьте from")
    return _relation(ask, name, sql, found, seekable=seekable)


def survey(ask: Ask) -> list[Relation]:
    """Tables and views that may be read, of all bases but the server's own."""
    found = []
    for (base, own_name), rows in groupby(ask(_EVERY), key=lambda row: (row[0], row[1])):
        listed = list(rows)
        title = written((own_name,) if listed[0][9] else (base, own_name))
        found.append(_relation(ask, title, "", listed, seekable=False))
    return found


def _relation(ask: Ask, title: str, sql: str, rows: Sequence[Row], *, seekable: bool) -> Relation:
    base, own_name = rows[0][0], rows[0][1]
    indexes = ask(_INDEXES, base, own_name)
    columns = {row[2]: _column(row) for row in rows}
    leading = {row[2] for row in indexes if int(row[1]) == 1}
    return Relation(
        title=title,
        sql=sql,
        columns=columns,
        seekable=frozenset(columns) if seekable else frozenset(leading & columns.keys()),
        key=tuple(row[2] for row in indexes if row[0] == "PRIMARY"),
        rows=int(rows[0][8]),
    )


def _column(row: Row) -> Column:
    _, _, name, shown, base, nullable, precision, scale, *_ = row
    digits = _DIGITS.get(base)
    if base == "decimal":
        digits = (int(precision) - int(scale), int(scale))
    family = _FAMILIES.get(base, "other")
    if base == "bit" and shown != "bit(1)":
        family = "binary"
    return Column(name=name, type=shown, family=family, nullable=nullable == "YES", digits=digits)


def query(ask: Ask, text: str, *, seekable: bool) -> Relation:
    """A query of the mapping."""
    sql = f"({text.strip().rstrip(';')}\n) AS query"  # the line break ends a comment that the query may end with
    heading = ask.heading(f"SELECT * FROM {sql} LIMIT 0")  # noqa: S608 - the operator's own query
    columns = {each.name: _typed(each) for each in heading}
    for name in _zoned(ask, sql, [each.name for each in columns.values() if each.family == "timestamp"]):
        columns[name] = Column(name=name, type="timestamp", family="timestamptz")
    return Relation(title="query", sql=sql, columns=columns, seekable=frozenset(columns if seekable else ()))


def _typed(heading: Heading) -> Column:
    family: Family = next((family for kind, family in _KINDS if heading.kind is kind), "other")
    digits = None
    if family == "numeric" and 0 <= heading.scale <= heading.precision:
        digits = (heading.precision - heading.scale, heading.scale)
    return Column(name=heading.name, type=heading.kind.__name__, family=family, digits=digits)


def _zoned(ask: Ask, sql: str, moments: Sequence[str]) -> list[str]:
    """Columns of type TIMESTAMP: the driver calls DATETIME the same, but only these move with the session's zone."""
    if not moments:
        return []
    now = _samples(ask, sql, moments)
    ask(f"SET SESSION time_zone = {_OTHER_ZONE}")
    try:
        moved = _samples(ask, sql, moments)
    finally:
        ask(f"SET SESSION time_zone = {_NO_ZONE}")
    return [name for name, here, there in zip(moments, now, moved, strict=True) if here != there]


def _samples(ask: Ask, sql: str, moments: Sequence[str]) -> list[Any]:
    found = []
    for name in moments:
        cell = names.quoted(name)
        one = f"SELECT CAST({cell} AS CHAR) FROM {sql} WHERE {cell} > '0001-01-02' LIMIT 1"  # noqa: S608 - as above
        found.append([row[0] for row in ask(one)])
    return found
