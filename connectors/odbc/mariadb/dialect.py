"""Dialect: which SQL makes MariaDB hand over a page in the exact form of the cache?

An array is GROUP_CONCAT of one short text per row. All arrays of a statement see the rows in the same order, and one
that the server has cut, for it would be longer than its max_allowed_packet, holds fewer cells than the page has rows:
then the page is read as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import pyodbc

from connectors.odbc.mariadb import catalog, cells, connect, order
from connectors.odbc.mariadb.names import quoted
from connectors.odbc.settings import Endpoint, OdbcSettings
from connectors.sql import zones
from connectors.sql.dialect import FAMILY_OF_DAYS, NO_CELL, Ask, Page, Row, Where, select
from connectors.sql.faults import Fault, Meaning
from connectors.sql.packed import NO_DAY
from connectors.sql.relation import Column, Relation
from lk_sync.errors import SettingsError

OLDEST: Final = (10, 3)
SAMPLE_ROWS: Final = 20_000
ALL_ROWS: Final = 2**64 - 1  # without a limit the order of rows inside parentheses would count for nothing
COUNTER_DIGITS: Final = 20
ONE_MOMENT_ONLY: Final = "MariaDB does not show one moment to two connections"
_MOMENT: Final = "%Y-%m-%d %H:%i:%s.%f"


class MariaDb:
    title = "MariaDB"
    default_port = 3306
    driver_names: Sequence[str] = ("MariaDB Unicode", "MariaDB ODBC 3.1 Driver", "MariaDB ODBC 3.2 Driver", "MariaDB")
    package = "odbc-mariadb"
    dsn_words = connect.DSN_WORDS
    packs = True
    shares_moments = False
    shifts_years = False

    def protection(self, endpoint: Endpoint) -> str:
        return connect.protection(endpoint)

    def attributes(
        self, endpoint: Endpoint, settings: OdbcSettings, password: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        return connect.attributes(endpoint, settings, password)

    def preflight(self, endpoint: Endpoint, settings: OdbcSettings) -> None:
        """Nothing: the driver itself verifies before it says anything."""

    def accept(self, version: str) -> None:
        major, minor = (int(part) for part in version.split(".")[:2])
        if (major, minor) < OLDEST:
            raise SettingsError(f"MariaDB {version} не поддерживается: нужна версия {OLDEST[0]}.{OLDEST[1]} или новее")

    def tune(self, connection: pyodbc.Connection) -> None:
        """Texts are taken as the bytes that came: the driver's own wide texts cost double."""
        connection.setdecoding(pyodbc.SQL_WCHAR, encoding="utf-8", ctype=pyodbc.SQL_CHAR)

    def begin(self, ask: Ask) -> None:
        for statement in connect.BEGINNING:
            ask(statement)

    def connecting(self, said: Fault) -> Meaning:
        return connect.connecting(said)

    def asking(self, said: Fault) -> Meaning:
        return connect.asking(said)

    def table(self, ask: Ask, name: str, *, seekable: bool) -> Relation:
        return catalog.table(ask, name, seekable=seekable)

    def query(self, ask: Ask, text: str, *, seekable: bool) -> Relation:
        return catalog.query(ask, text, seekable=seekable)

    def survey(self, ask: Ask) -> list[Relation]:
        return catalog.survey(ask)

    # Cells

    def cell_text(self, column: Column, *, day: bool, time_zone: str) -> str:
        return cells.shown_as_day(column, time_zone) if day else cells.shown(column)

    def number(self, column: Column, *, digits: int) -> str:
        return cells.number(column, digits)

    def account(self, column: Column) -> str:
        return cells.account(column)

    def day(self, column: Column, *, time_zone: str) -> str | None:
        return cells.day(column, time_zone) if column.family in FAMILY_OF_DAYS else None

    def flag(self, column: Column) -> str:
        return cells.flag(column)

    def text(self, column: Column, *, keeps_empty: bool) -> str:
        return cells.text(column, keeps_empty=keeps_empty)

    def place(self, column: Column, words: Sequence[str], *, null: bool) -> str:
        return cells.place(column, words, null=null)

    # Statements

    def page(self, page: Page) -> str:
        picked = ["COUNT(*)", _greatest(page), *map(_sum, page.sums)]
        picked += [f"GROUP_CONCAT(COALESCE({cell}, '{NO_CELL}') SEPARATOR ',')" for cell in page.packed]
        columns = {column.name: column for column in (*page.columns, *page.sums)}
        if page.watermark is not None:
            columns[page.watermark.name] = page.watermark
        inner = select([quoted(name) for name in columns], page.relation, page.where)
        inner += f"{_ordered(page.order)} LIMIT {page.limit or ALL_ROWS}"
        return f"SELECT {', '.join(picked)} FROM ({inner}) AS page"  # noqa: S608 - names are quoted, values are parameters

    def rows(self, relation: Relation, cells: Sequence[str], where: Where, order: Sequence[Column]) -> str:
        return select(cells, relation, where) + _ordered(order)

    def words(self, relation: Relation, column: Column, where: Where, *, most: int) -> str:
        return f"{select([f'DISTINCT {cells.exact(column)}'], relation, where)} LIMIT {most}"

    def totals(self, relation: Relation, sums: Sequence[Column]) -> str:
        return select(["COUNT(*)", *map(_sum, sums)], relation, Where())

    def share_moment(self) -> str:
        raise NotImplementedError(ONE_MOMENT_ONLY)

    def join_moment(self, name: str) -> str:
        raise NotImplementedError(ONE_MOMENT_ONLY)

    def changed_since(self, column: Column, since: str) -> Where:
        return Where(f"{quoted(column.name)} >= {order.bound(column)}", (_in_utc(since),))

    def watermark(self, column: Column, *, time_zone: str) -> str:
        return _sortable(column, f"CASE WHEN {_has_come(column, time_zone)} THEN {quoted(column.name)} END")

    def bound(self, relation: Relation, column: Column, where: Where, *, rows: int) -> str:
        """Rows without a value sort first here, and would be counted in."""
        there = where & Where(f"{quoted(column.name)} IS NOT NULL")
        by = order.expression(column)
        return f"{select([order.shown(column)], relation, there)} ORDER BY {by} LIMIT 1 OFFSET {rows - 1}"

    def between(self, column: Column, after: str | None, until: str | None) -> Where:
        return order.between(column, after, until)

    def absent(self, column: Column) -> Where:
        return Where(f"{quoted(column.name)} IS NULL")

    def nothing(self) -> Where:
        return Where("FALSE")

    def blocks(self, first: int, end: int | None) -> Where:
        raise NotImplementedError("MariaDB does not read a table by blocks")

    def stream(
        self, ask: Ask, relation: Relation, cells: Sequence[str], where: Where, *, rows: int
    ) -> Iterator[list[Row]]:
        """By ranges of whichever column cuts the rows finest: the driver always loads a whole answer."""
        by = _finest(ask, relation, where)
        for part in _ranges(self, ask, relation, by, where, rows) if by else [where]:
            found = ask(select(cells, relation, part), *part.parameters)
            yield from (found[start : start + rows] for start in range(0, len(found), rows))


def _finest(ask: Ask, relation: Relation, where: Where) -> Column | None:
    """The column of most different values among the first rows; of equals, one that an index begins with."""
    able = [column for column in relation.columns.values() if column.family in order.SORTED]
    if not able:
        return None
    sample = f"({select([quoted(column.name) for column in able], relation, where)} LIMIT {SAMPLE_ROWS}) AS sample"
    counts = ", ".join(f"COUNT(DISTINCT {order.expression(column)})" for column in able)
    ((*found,),) = ask(f"SELECT {counts} FROM {sample}", *where.parameters)  # noqa: S608 - names are quoted
    ranked = sorted(zip(found, able, strict=True), key=lambda pair: (pair[0], pair[1].name in relation.seekable))
    return ranked[-1][1]


def _ranges(dialect: MariaDb, ask: Ask, relation: Relation, by: Column, where: Where, rows: int) -> Iterator[Where]:
    after: str | None = None
    while True:
        rest = where & order.between(by, after, None)
        found = ask(dialect.bound(relation, by, rest, rows=rows), *rest.parameters)
        if not found:
            break
        yield where & order.between(by, after, found[0][0])
        after = found[0][0]
    yield where & order.between(by, after, None)
    if after is not None:
        yield where & dialect.absent(by)


def _ordered(columns: Sequence[Column]) -> str:
    return f" ORDER BY {', '.join(quoted(column.name) for column in columns)}" if columns else ""


def _sum(column: Column) -> str:
    return f"CAST(SUM({cells.value(column)}) AS CHAR)"


def _greatest(page: Page) -> str:
    """The greatest watermark that is not still to come: one typing error in a date must not blind later increments."""
    if page.watermark is None:
        return "NULL"
    name = quoted(page.watermark.name)
    return _sortable(page.watermark, f"MAX(CASE WHEN {_has_come(page.watermark, page.time_zone)} THEN {name} END)")


def _has_come(column: Column, time_zone: str) -> str:
    name = quoted(column.name)
    if column.family == "integer":
        return f"{name} IS NOT NULL"
    now = "UTC_TIMESTAMP(6)"
    if column.family != "timestamptz":
        now = zones.local(now, time_zone)
    return f"{name} <= {now} AND {name} > '{NO_DAY}' AND {cells.is_in_the_calendar(name)}"


def _sortable(column: Column, value: str) -> str:
    if column.family == "integer":
        return f"LPAD(CAST({value} AS CHAR), {COUNTER_DIGITS}, '0')"
    shown = f"DATE_FORMAT({value}, '{_MOMENT}')"
    return f"CONCAT({shown}, '+00:00')" if column.family == "timestamptz" else shown


def _in_utc(since: str) -> str:
    """The server knows no offset from UTC in a time. A counter stays as it is."""
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        return since
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" if moment.tzinfo else since
