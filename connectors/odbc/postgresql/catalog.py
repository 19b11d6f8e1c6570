"""Catalog: what does PostgreSQL know of a table or query?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from connectors.odbc.postgresql import names
from connectors.sql.dialect import Ask, Row
from connectors.sql.names import parts, written
from connectors.sql.relation import Column, Family, Relation, nearest
from lk_sync.errors import SchemaDrift

_FAMILIES: Final[Mapping[str, Family]] = {
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "citext", "mchar", "mvarchar"), "text"),  # the last two: 1C
    **dict.fromkeys(("int2", "int4", "int8"), "integer"),
    **dict.fromkeys(("float4", "float8"), "float"),
    "numeric": "numeric",
    "bool": "bool",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "bytea": "binary",
}
_INTEGER_DIGITS: Final = {"int2": (5, 0), "int4": (10, 0)}
_TRUE: Final = (True, "1", "t")  # how a driver may say it
BLOCK_READ: Final = 140000  # from PostgreSQL 14 on a range of blocks is read without looking at the others

_TABLE: Final = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), COALESCE(b.typname, t.typname),
       CASE WHEN b.oid IS NULL THEN a.atttypmod ELSE t.typtypmod END, a.attnotnull, t.typtype,
       EXISTS (SELECT FROM pg_index AS i
               JOIN pg_class AS n ON n.oid = i.indexrelid
               JOIN pg_am AS m ON m.oid = n.relam AND m.amname = 'btree'
               WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL),
       CASE WHEN c.relkind IN ('r', 'm') AND current_setting('server_version_num')::int >= CAST(? AS int)
            THEN pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END,
       GREATEST(c.reltuples, 0)::int8,
       (SELECT array_position(p.indkey::int2[], a.attnum) FROM pg_index AS p
        WHERE p.indrelid = c.oid AND p.indisprimary),
       n.nspname, c.relname, pg_table_is_visible(c.oid)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_type AS b ON b.oid = t.typbasetype
WHERE """
_ONE: Final = f"{_TABLE} c.oid = to_regclass(?) ORDER BY a.attnum"
_EVERY: Final = f"""{_TABLE} c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND left(n.nspname, 3) <> 'pg_'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname, c.relname, a.attnum"""
_TABLES: Final = """
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END, c.relname
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname <> 'information_schema' AND left(n.nspname, 3) <> 'pg_'
  AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY n.nspname, c.relname"""


def table(ask: Ask, name: str, *, seekable: bool) -> Relation:
    """The table or view, by one question. Raises SchemaDrift when there is none."""
    sql = names.dotted(name)
    rows = ask(_ONE, str(BLOCK_READ), sql)
    if not rows:
        raise SchemaDrift(f"нет таблицы «{name}»{_nearest(ask, name)}; поправьте from")
    return _relation(name, sql, rows, seekable=seekable)


def _nearest(ask: Ask, name: str) -> str:
    """Also a table of that name in a schema that was left out or is another one."""
    own, known = parts(name)[-1], ask(_TABLES)
    same = [title for title, called in known if called == own]
    titles = [title for title, _ in known]
    return nearest(name, same) or nearest(name, titles) or nearest(own, titles)


def survey(ask: Ask) -> list[Relation]:
    """Tables and views of the users' schemas that may be read."""
    found = []
    for (schema, own_name, visible), rows in groupby(ask(_EVERY, str(BLOCK_READ)), key=lambda row: tuple(row[-3:])):
        own_parts = (own_name,) if visible in _TRUE else (schema, own_name)
        found.append(_relation(written(own_parts), "", list(rows), seekable=False))
    return found


def _relation(title: str, sql: str, rows: Sequence[Row], *, seekable: bool) -> Relation:
    blocks, guess = rows[0][7:9]
    places = {row[0]: int(row[9]) for row in rows if row[9] is not None}
    return Relation(
        title=title,
        sql=sql,
        columns={row[0]: _column(row) for row in rows},
        seekable=frozenset(row[0] for row in rows if seekable or row[6] in _TRUE),
        key=tuple(sorted(places, key=lambda name: places[name])),
        blocks=int(blocks),
        rows=int(guess),
    )


def _column(row: Row) -> Column:
    name, shown, base, modifier, not_null, kind, *_ = row
    return Column(
        name=name,
        type=shown,
        family="text" if kind == "e" else _FAMILIES.get(base, "other"),
        nullable=not not_null,
        digits=_digits(base, modifier),
    )


def _digits(base: str, modifier: int) -> tuple[int, int] | None:
    """Before and after the point, as `numeric(p,s)` packs them into its modifier."""
    if base != "numeric" or modifier < 4:
        return _INTEGER_DIGITS.get(base)
    precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
    return (precision - scale, scale) if 0 <= scale <= precision else None


def query(ask: Ask, text: str, *, seekable: bool) -> Relation:
    """A query of the mapping."""
    sql = f"({text.strip().rstrip(';')}\n) AS query"  # the line break ends a comment that the query may end with
    empty = f"SELECT * FROM {sql} LIMIT 0"  # noqa: S608 - the operator's own query
    heading = [column.name for column in ask.heading(empty)]
    types = ", ".join(f"pg_typeof(q.{names.quoted(name)})::text" for name in heading)
    rows = ask(f"SELECT {types} FROM (VALUES (1)) AS one LEFT JOIN ({empty}) AS q ON true")  # noqa: S608 - the operator's own query
    columns = {name: _typed(name, shown) for name, shown in zip(heading, rows[0], strict=True)}
    return Relation(title="query", sql=sql, columns=columns, seekable=frozenset(columns if seekable else ()))


_LONG_NAMES: Final = {
    "character varying": "varchar",
    "character": "bpchar",
    "integer": "int4",
    "bigint": "int8",
    "smallint": "int2",
    "boolean": "bool",
    "real": "float4",
    "double precision": "float8",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}


def _typed(name: str, shown: str) -> Column:
    base = _LONG_NAMES.get(shown, shown)
    if base == "bpchar":  # without its length "character" would mean one letter
        shown = base
    return Column(name=name, type=shown, family=_FAMILIES.get(base, "other"), digits=_INTEGER_DIGITS.get(base))
