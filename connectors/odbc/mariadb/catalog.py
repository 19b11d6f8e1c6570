"""Catalog: what does MariaDB know of a table or query?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from connectors.odbc.mariadb import names
from connectors.odbc.mariadb.order import AS_TEXTS
from connectors.sql.dialect import Ask, Heading, Row
from connectors.sql.faults import Fault
from connectors.sql.names import written
from connectors.sql.relation import Column, Family, Relation, nearest
from lk_sync.errors import SchemaDrift

_FAMILIES: Final[Mapping[str, Family]] = {
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"), "text"),
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit"), "integer"),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), "binary"),
    **dict.fromkeys(("geometry", "point", "linestring", "polygon", "geometrycollection"), "binary"),
    **dict.fromkeys(("multipoint", "multilinestring", "multipolygon"), "binary"),
    **dict.fromkeys(("float", "double"), "float"),
    "decimal": "numeric",
    "date": "date",
    "datetime": "timestamp",
    "timestamp": "timestamptz",
}
_DIGITS: Final = {"tinyint": (3, 0), "smallint": (5, 0), "mediumint": (8, 0), "int": (10, 0), "year": (4, 0)}
_NO_SUCH_TABLE: Final = (1146, 1049)

# The catalog compares names without case and accents, for all that «Счёт» and «Счет» may be two tables. Its tables are
# asked apart: a join of them would open every table anew for every column.
_COLUMNS: Final = """
SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IS_NULLABLE, NUMERIC_PRECISION, NUMERIC_SCALE,
       @@lower_case_table_names
FROM information_schema.COLUMNS WHERE """
_INDEXES: Final = """
SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME
FROM information_schema.STATISTICS WHERE INDEX_TYPE = 'BTREE' AND SUB_PART IS NULL AND """
_GUESSES: Final = "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS FROM information_schema.TABLES WHERE "
_ONE: Final = "TABLE_SCHEMA = ? AND TABLE_NAME = ?"
_EVERY: Final = "TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')"
_IN_ORDER: Final = " ORDER BY BINARY TABLE_SCHEMA, BINARY TABLE_NAME, ORDINAL_POSITION"
_TABLES: Final = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"


def table(ask: Ask, name: str, *, seekable: bool) -> Relation:
    """The table or view. Raises SchemaDrift when there is none, Fault when it may not be read."""
    *base, own_name = names.own_parts(name)
    sql = ".".join(map(names.quoted, (*base, own_name)))
    full = (base[0] if base else ask("SELECT DATABASE()")[0][0], own_name)
    rows = _meant(ask(_COLUMNS + _ONE + _IN_ORDER, *full), *full)
    if not rows:
        _ask_what_is_wrong(ask, sql)
        known = [row[0] for row in ask(_TABLES)]
        raise SchemaDrift(f"нет таблицы «{name}»{nearest(own_name, known)}; поправьте from")
    about = _About(ask, _ONE, *full)
    return _relation(name, sql, rows, about, seekable=seekable)


class _About:
    """What the catalog has of tables besides their columns, by base and table."""

    def __init__(self, ask: Ask, which: str, *parameters: str) -> None:
        self.indexes: dict[tuple[str, str], list[Row]] = {}
        for row in ask(f"{_INDEXES}{which} ORDER BY SEQ_IN_INDEX", *parameters):
            self.indexes.setdefault((row[0], row[1]), []).append(row)
        self.rows = {(row[0], row[1]): int(row[2] or 0) for row in ask(_GUESSES + which, *parameters)}


def _meant(rows: Sequence[Row], base: str, name: str) -> list[Row]:
    """Rows of the table that has just this name, or that has it for a server which itself knows no case of names."""
    fold = str.lower if rows and int(rows[0][8]) else str
    return [row for row in rows if (fold(row[0]), fold(row[1])) == (fold(base), fold(name))]


def _ask_what_is_wrong(ask: Ask, sql: str) -> None:
    """The catalog is silent when there is no such table, and when it may not be seen: then this raises Fault."""
    try:
        ask(f"SELECT 1 FROM {sql} LIMIT 0")  # noqa: S608 - the name is quoted
    except Fault as said:
        if said.number not in _NO_SUCH_TABLE:
            raise


def survey(ask: Ask) -> list[Relation]:
    """Tables and views of all bases that may be read, but the server's own."""
    about, own = _About(ask, _EVERY), ask("SELECT DATABASE()")[0][0]
    found = []
    for (base, name), rows in groupby(ask(_COLUMNS + _EVERY + _IN_ORDER), key=lambda row: (row[0], row[1])):
        title = written((name,) if base == own else (base, name))
        found.append(_relation(title, "", list(rows), about, seekable=False))
    return found


def _relation(title: str, sql: str, rows: Sequence[Row], about: _About, *, seekable: bool) -> Relation:
    full = (rows[0][0], rows[0][1])
    columns = {row[2]: _column(row) for row in rows}
    own = [(index, int(place), column) for _, _, index, place, column in about.indexes.get(full, ())]
    # The right to some columns only hides the others, not the indexes that they stand in.
    leading = {column for _, place, column in own if place == 1 and column in columns}
    key = tuple(column for index, _, column in own if index == "PRIMARY")
    return Relation(
        title=title,
        sql=sql,
        columns=columns,
        seekable=frozenset(columns if seekable else filter(lambda name: _is_quick(columns[name]), leading)),
        key=key if columns.keys() >= set(key) else (),
        rows=about.rows.get(full, 0),
    )


def _is_quick(column: Column) -> bool:
    return not column.type.startswith((*AS_TEXTS, "bit"))


def _column(row: Row) -> Column:
    _, _, name, shown, base, nullable, precision, scale, *_ = row
    family = _FAMILIES.get(base, "other")
    if shown == "bit(1)":
        family = "bool"
    digits = (int(precision) - int(scale), int(scale)) if family == "numeric" else _DIGITS.get(base)
    return Column(name=name, type=shown, family=family, nullable=nullable != "NO", digits=digits)


# A query. Of its columns the driver tells only what they would become in Python.

_END: Final = re.compile(r"[;\s]+\Z")
_KINDS: Final[Sequence[tuple[type, str, Family]]] = (
    (bool, "bit(1)", "bool"),
    (int, "bigint", "integer"),
    (Decimal, "decimal", "numeric"),
    (float, "double", "float"),
    (datetime, "datetime", "timestamp"),
    (date, "date", "date"),
    (time, "time", "other"),
    (str, "text", "text"),
)


def query(ask: Ask, text: str, *, seekable: bool) -> Relation:
    """A query of the mapping."""
    statement = _END.sub("", text)
    sql = f"({statement}\n) AS query"  # the line break ends a comment that the query may end with
    heading = ask.heading(f"SELECT * FROM {sql} LIMIT 0")  # noqa: S608 - the operator's own query
    columns = {one.name: _described(one) for one in heading}
    for name in _moments(ask, sql, [one.name for one in columns.values() if one.family == "timestamp"]):
        columns[name] = Column(name=name, type="timestamp", family="timestamptz")
    return Relation(title="query", sql=sql, columns=columns, seekable=frozenset(columns if seekable else ()))


def _described(one: Heading) -> Column:
    found = [(shown, family) for kind, shown, family in _KINDS if issubclass(one.kind, kind)]
    shown, family = found[0] if found else ("blob", "binary")
    digits = (one.precision - one.scale, one.scale) if family == "numeric" else None
    return Column(name=one.name, type=shown, family=family, digits=digits)


def _moments(ask: Ask, sql: str, asked: Sequence[str]) -> list[str]:
    """Columns of type TIMESTAMP: to the driver they look like DATETIME, but only they move with the session's zone."""
    if not asked:
        return []
    latest = ", ".join(f"CAST(MAX({names.quoted(name)}) AS CHAR)" for name in asked)
    statement = f"SELECT {latest} FROM {sql}"  # noqa: S608 - the operator's own query
    here, there = _at(ask, "+00:00", statement), _at(ask, "+01:00", statement)
    return [name for name, one, other in zip(asked, here, there, strict=True) if one != other]


def _at(ask: Ask, zone: str, statement: str) -> Sequence[Any]:
    ask(f"SET SESSION time_zone = '{zone}'")
    try:
        return ask(statement)[0]
    finally:
        ask("SET SESSION time_zone = '+00:00'")
