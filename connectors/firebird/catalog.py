"""Catalog: what does Firebird know of a table or query?

Columns are what the server says an answer would have, tables and queries alike. Of texts it says what they would arrive
as: in UTF8, or as they lie in the base when the base does not know what they are written in (CHARACTER SET NONE).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol, cast

from connectors.firebird import names
from connectors.firebird.wire import Described
from connectors.sql.dialect import Ask
from connectors.sql.faults import Fault
from connectors.sql.relation import Column, Family, Relation, nearest
from lk_sync.errors import SchemaDrift

TEXT, VARYING, SHORT, LONG, INT64, INT128 = 452, 448, 500, 496, 580, 32752
FLOAT, DOUBLE, D_FLOAT, TIMESTAMP, DATE, TIME, BLOB, BOOLEAN = 482, 480, 530, 510, 570, 560, 520, 32764
NONE, OCTETS = 0, 1  # character sets
BYTES_OF_UTF8: Final = 4
TEXT_BLOB: Final = 1
UNKNOWN_CHARSET: Final = "CHARACTER SET NONE"

_WHOLE: Final[Mapping[int, tuple[str, int]]] = {
    SHORT: ("SMALLINT", 4),
    LONG: ("INTEGER", 9),
    INT64: ("BIGINT", 18),
    INT128: ("INT128", 38),
}
_PLAIN: Final[Mapping[int, tuple[str, Family]]] = {
    FLOAT: ("FLOAT", "float"),
    DOUBLE: ("DOUBLE PRECISION", "float"),
    D_FLOAT: ("DOUBLE PRECISION", "float"),
    TIMESTAMP: ("TIMESTAMP", "timestamp"),
    DATE: ("DATE", "date"),
    TIME: ("TIME", "other"),
    BOOLEAN: ("BOOLEAN", "bool"),
}
_LONGEST: Final = {"SMALLINT": (5, 0), "INTEGER": (10, 0)}

_IS_THERE: Final = "SELECT 1 FROM RDB$RELATIONS WHERE RDB$RELATION_NAME = ?"
_USERS: Final = """
SELECT TRIM(TRAILING FROM RDB$RELATION_NAME) FROM RDB$RELATIONS
WHERE COALESCE(RDB$SYSTEM_FLAG, 0) = 0 ORDER BY RDB$RELATION_NAME"""
_KEY: Final = """
SELECT TRIM(TRAILING FROM S.RDB$FIELD_NAME) FROM RDB$RELATION_CONSTRAINTS C
JOIN RDB$INDEX_SEGMENTS S ON S.RDB$INDEX_NAME = C.RDB$INDEX_NAME
WHERE C.RDB$CONSTRAINT_TYPE = 'PRIMARY KEY' AND C.RDB$RELATION_NAME = ? ORDER BY S.RDB$FIELD_POSITION"""


class AskFirebird(Ask, Protocol):
    def described(self, sql: str) -> list[Described]: ...


class Catalog:
    """`charset_told`: the operator says what texts of CHARACTER SET NONE are written in."""

    def __init__(self, *, charset_told: bool) -> None:
        self._charset_told = charset_told

    def table(self, ask: Ask, name: str) -> Relation:
        """The table or view. Raises SchemaDrift when there is none."""
        own_name = names.table_name(name)
        if not ask(_IS_THERE, own_name):
            known = [row[0] for row in ask(_USERS)]
            raise SchemaDrift(f"нет таблицы «{name}»{nearest(own_name, known)}; поправьте from")
        return self._relation(ask, name, own_name)

    def _relation(self, ask: Ask, title: str, own_name: str) -> Relation:
        sql = names.quoted(own_name)
        key = tuple(row[0] for row in ask(_KEY, own_name))
        return Relation(title=title, sql=sql, columns=self._columns(ask, sql), key=key)

    def query(self, ask: Ask, text: str) -> Relation:
        """A query of the mapping."""
        sql = f'({text.strip().rstrip(";")}\n) AS "query"'  # the line break ends a comment that the query may end with
        return Relation(title="query", sql=sql, columns=self._columns(ask, sql))

    def survey(self, ask: Ask) -> list[Relation]:
        """Tables and views that may be read."""
        found = []
        for (own_name,) in ask(_USERS):
            try:
                found.append(self._relation(ask, names.written_name(own_name), own_name))
            except Fault as said:
                if not said.state.startswith("28"):  # no right to read this one
                    raise
        return found

    def _columns(self, ask: Ask, sql: str) -> Mapping[str, Column]:
        described = cast("AskFirebird", ask).described(f"SELECT * FROM {sql}")  # noqa: S608 - a quoted name, or the operator's own query
        return {each.name: self._column(each) for each in described}

    def _column(self, each: Described) -> Column:
        kind, family = self._kind(each)
        digits = _LONGEST.get(kind)
        if family == "numeric":
            most = _WHOLE[each.type][1]
            kind, digits = f"NUMERIC({most},{each.scale})", (most - each.scale, each.scale)
        return Column(name=each.name, type=kind, family=family, nullable=each.nullable, digits=digits)

    def _kind(self, each: Described) -> tuple[str, Family]:
        if each.type in _WHOLE:
            return _WHOLE[each.type][0], "numeric" if each.scale or each.subtype else "integer"
        if each.type in (FLOAT, DOUBLE, D_FLOAT) and each.scale > 0:
            # NUMERIC of a base of dialect 1: a binary fraction that was always meant to be a decimal number.
            return f"NUMERIC(15,{each.scale}) (dialect 1)", "rounded"
        if each.type in _PLAIN:
            return _PLAIN[each.type]
        if each.type in (TEXT, VARYING) or (each.type == BLOB and each.subtype == TEXT_BLOB):
            return self._text(each)
        return ("BLOB", "binary") if each.type == BLOB else (f"тип № {each.type}", "other")

    def _text(self, each: Described) -> tuple[str, Family]:
        letters = each.bytes if each.charset in (NONE, OCTETS) else each.bytes // BYTES_OF_UTF8
        kind = "BLOB SUB_TYPE TEXT" if each.type == BLOB else f"{'CHAR' if each.type == TEXT else 'VARCHAR'}({letters})"
        if each.charset == OCTETS:
            return f"{kind} CHARACTER SET OCTETS", "binary"
        if each.charset != NONE:
            return kind, "text"
        if not self._charset_told:
            return f"{kind} без кодировки ({UNKNOWN_CHARSET}; укажите connection.charset, чаще всего WIN1251)", "binary"
        return f"{kind} {UNKNOWN_CHARSET}", "text"
