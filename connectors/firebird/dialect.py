"""Dialect: which SQL makes Firebird hand over rows exactly as they stand?

Every cell leaves as text made by the server, row by row through one cursor: Firebird 3 promises no order to `LIST`, so
no page of it could be trusted to be even. A binary fraction leaves as it is and is rounded to its true digits here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from connectors.firebird import connect
from connectors.firebird.catalog import UNKNOWN_CHARSET, Catalog
from connectors.firebird.names import literal, quoted
from connectors.sql.dialect import Ask, Where, select
from connectors.sql.faults import Fault, Meaning
from connectors.sql.one_pass import OnePass
from connectors.sql.relation import Column, Relation
from lk_sync.errors import SchemaDrift
from lk_sync.flow.validate import MAX_TEXT

LONGEST_NUMBER: Final = 50
COUNTER_DIGITS: Final = 19
ENOUGH: Final = MAX_TEXT + 1  # letters of a text: one that is longer is rejected for its length all the same
ENOUGH_BYTES: Final = 4 * ENOUGH  # of one whose letters nobody has counted
_CUT_TO: Final = "2000-01-01 00:00:00.0000"  # four digits are all that Firebird keeps of a second


class Firebird(OnePass):
    title = "Firebird"

    def __init__(self, *, charset_told: bool) -> None:
        self._catalog = Catalog(charset_told=charset_told)

    def connecting(self, said: Fault) -> Meaning:
        return connect.connecting(said)

    def asking(self, said: Fault) -> Meaning:
        return connect.asking(said)

    def table(self, ask: Ask, name: str, *, seekable: bool) -> Relation:
        return self._catalog.table(ask, name)

    def query(self, ask: Ask, text: str, *, seekable: bool) -> Relation:
        return self._catalog.query(ask, text)

    def survey(self, ask: Ask) -> list[Relation]:
        return self._catalog.survey(ask)

    def cell_text(self, column: Column, *, day: bool, time_zone: str) -> str:
        name = quoted(column.name)
        if column.family in ("float", "rounded", "binary"):
            return name
        if column.family != "text":
            return f"CAST({name} AS VARCHAR({LONGEST_NUMBER}))"
        return _as_it_lies(column, name) if UNKNOWN_CHARSET in column.type else _in_utf8(column, name)

    def rows(self, relation: Relation, cells: Sequence[str], where: Where, order: Sequence[Column]) -> str:
        ordered = f" ORDER BY {', '.join(quoted(column.name) for column in order)}" if order else ""
        return select(cells, relation, where) + ordered

    def totals(self, relation: Relation, sums: Sequence[Column]) -> str:
        summed = (f"CAST(SUM({quoted(column.name)}) AS VARCHAR({LONGEST_NUMBER}))" for column in sums)
        return select(["COUNT(*)", *summed], relation, Where())

    def changed_since(self, column: Column, since: str) -> Where:
        return Where(f"{quoted(column.name)} >= {_bound(column, since)}")

    def watermark(self, column: Column, *, time_zone: str) -> str:
        name = quoted(column.name)
        if column.family == "integer":
            text = f"CAST({name} AS VARCHAR({LONGEST_NUMBER}))"
            return f"CASE WHEN {name} >= 0 THEN LPAD({text}, {COUNTER_DIGITS}, '0') END"
        now = datetime.now(ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M:%S.9999")
        come = f"{name} <= TIMESTAMP '{now}' AND {name} > TIMESTAMP '0001-01-01 00:00:00'"
        return f"CASE WHEN {come} THEN CAST(CAST({name} AS TIMESTAMP) AS VARCHAR({LONGEST_NUMBER})) END"


def _in_utf8(column: Column, name: str) -> str:
    """A blob travels by itself, three questions each; as a text it comes with its row."""
    if column.type.startswith("BLOB"):
        return f"CAST(SUBSTRING({name} FROM 1 FOR {ENOUGH}) AS VARCHAR({ENOUGH}))"
    return f"SUBSTRING(TRIM({name}) FROM 1 FOR {ENOUGH})"


def _as_it_lies(column: Column, name: str) -> str:
    """The bytes; one that is no letter must cost its own row and not the whole answer."""
    cut = name if not column.type.startswith("BLOB") else f"SUBSTRING({name} FROM 1 FOR {ENOUGH_BYTES})"
    length = ENOUGH_BYTES if column.type.startswith("BLOB") else int(column.type.partition("(")[2].partition(")")[0])
    return f"CAST({cut} AS VARCHAR({length}) CHARACTER SET OCTETS)"


def _bound(column: Column, since: str) -> str:
    """A constant of the column's own type. Raises SchemaDrift for a watermark of another kind."""
    try:
        if column.family == "integer":
            return str(int(since))
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise SchemaDrift(
            f"столбец «{column.name}» (watermark) имеет тип {column.type}, а прежняя отметка — «{since[:40]}»; "
            "загрузите набор целиком (lk-sync pull --full)"
        ) from None
    return f"TIMESTAMP {literal(f'{moment:%Y-%m-%d %H:%M:%S.%f}'[: len(_CUT_TO)])}"
