"""Dialect: which SQL makes MariaDB hand over a page in the exact form of the cache?

An array is `GROUP_CONCAT` of one short text per row; all of them see the rows of the page in the same order, and an
array that the server has cut is no JSON, so the page is read as text. Texts are compared byte by byte wherever a word
decides what a cell means: by the column's own collation `Ё` and `ё`, `a` and `a ` may be the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from connectors.odbc.mariadb import catalog, connect, zones
from connectors.odbc.mariadb.names import literal, quoted
from connectors.odbc.settings import Endpoint, OdbcSettings
from connectors.sql.dialect import FAMILY_OF_DAYS, NO_CELL, Ask, Page, Row, Where
from connectors.sql.faults import Fault, Meaning
from connectors.sql.packed import ABSENT, EPOCH, FIRST_DAY, LAST_DAY, NO_DAY
from connectors.sql.relation import Column, Relation
from lk_sync.errors import SettingsError

OLDEST: Final = (10, 5)
MOST_DIGITS: Final = 50  # of a DECIMAL whose product with a million still fits the server's 65
COUNTER_DIGITS: Final = 20
_MOMENT: Final = "%Y-%m-%d %H:%i:%s.%f"
_ZERO_DAY: Final = "0000-00-00"


class MariaDb:
    title = "MariaDB"
    default_port = 3306
    driver_names: Sequence[str] = ("MariaDB Unicode", "MariaDB ODBC 3.1 Driver", "MariaDB ODBC 3.2 Driver", "MariaDB")
    package = "odbc-mariadb"
    dsn_words = connect.DSN_WORDS
    packs = True
    shares_moments = False

    def protection(self, endpoint: Endpoint) -> str:
        return connect.protection(endpoint)

    def attributes(
        self, endpoint: Endpoint, settings: OdbcSettings, password: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        return connect.attributes(endpoint, settings, password)

    def accept(self, version: str) -> None:
        major, minor = (int(part) for part in version.split(".")[:2])
        if (major, minor) < OLDEST:
            raise SettingsError(f"MariaDB {version} не поддерживается: нужна версия {OLDEST[0]}.{OLDEST[1]} или новее")

    def begin(self, ask: Ask) -> None:
        ask("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

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
        name = quoted(column.name)
        if column.family == "timestamptz":
            shown = _local(column, time_zone) if day else f"CONCAT(CAST({name} AS CHAR), '+00:00')"
            return f"CASE WHEN {name} = 0 THEN NULL ELSE CAST({shown} AS CHAR) END"
        return f"CAST({name} + 0 AS CHAR)" if column.family == "bool" else f"CAST({name} AS CHAR)"

    def number(self, column: Column, *, digits: int) -> str:
        name, times = quoted(column.name), 10**digits
        if column.family == "integer":
            # As a decimal: a BIGINT that overflows would be an error, and end the moment that the pull sees.
            return _told(column, f"CAST(CAST({name} AS DECIMAL(20,0)) * {times} AS CHAR)" if digits else _text(name))
        if column.digits is None or sum(column.digits) > MOST_DIGITS:
            return f"'{NO_CELL}'"
        product = f"({name} * {times})"
        whole = f"CAST(CAST({product} AS DECIMAL(65,0)) AS CHAR)"
        if column.digits[1] <= digits:
            return _told(column, whole)
        return _told(column, f"CASE WHEN {product} = TRUNCATE({product}, 0) THEN {whole} ELSE '{NO_CELL}' END")

    def account(self, column: Column) -> str:
        name = quoted(column.name)
        number = _text(name)
        if column.family == "numeric":
            number = (
                f"CASE WHEN {name} = TRUNCATE({name}, 0) THEN CAST(TRUNCATE({name}, 0) AS CHAR) ELSE '{NO_CELL}' END"
            )
        return _told(column, f"CONCAT('1', {number})")

    def day(self, column: Column, *, time_zone: str) -> str | None:
        if column.family not in FAMILY_OF_DAYS:
            return None
        name, cell = quoted(column.name), _local(column, time_zone)
        held = f"{cell} BETWEEN '{FIRST_DAY}' AND '{LAST_DAY}' AND DAY({cell}) BETWEEN 1 AND DAY(LAST_DAY({cell}))"
        if column.family != "date":
            held += f" AND TIME({cell}) = 0"
        absent = f"{name} IS NULL OR {name} = '{_ZERO_DAY}' OR {name} = '{NO_DAY}'"
        return (
            f"CASE WHEN {absent} THEN '{ABSENT}' WHEN {held} THEN CAST(DATEDIFF({cell}, '{EPOCH}') AS CHAR)"
            f" ELSE '{NO_CELL}' END"
        )

    def flag(self, column: Column) -> str:
        return _told(column, f"CAST({quoted(column.name)} + 0 AS CHAR)")

    def text(self, column: Column, *, keeps_empty: bool) -> str:
        trimmed = f"TRIM({self._words_of(column)})"
        if keeps_empty:
            return _told(column, f"JSON_QUOTE({trimmed})")
        return f"COALESCE(JSON_QUOTE(NULLIF({trimmed}, '')), '{ABSENT}')"

    def place(self, column: Column, words: Sequence[str], *, null: bool) -> str:
        name = quoted(column.name)
        other = f"CASE WHEN {name} IS NULL THEN '0' ELSE '{NO_CELL}' END" if null else f"'{NO_CELL}'"
        if not words:
            return other
        branches = " ".join(f"WHEN {literal(word)} THEN '{place}'" for place, word in enumerate(words, 1))
        return f"CASE {self._words_of(column)} {branches} ELSE {other} END"

    def _words_of(self, column: Column) -> str:
        """The cell as a text that is compared byte by byte, spaces at its end included."""
        text = self.cell_text(column, day=False, time_zone="UTC")
        return f"CONVERT({text} USING utf8mb4) COLLATE utf8mb4_nopad_bin"

    # Statements

    def page(self, page: Page) -> str:
        picked = ["COUNT(*)", _greatest(page), *(f"CAST(SUM({quoted(column.name)}) AS CHAR)" for column in page.sums)]
        picked += [f"GROUP_CONCAT(COALESCE({cell}, '{NO_CELL}') SEPARATOR ',')" for cell in page.packed]
        columns = {column.name: column for column in (*page.columns, *page.sums)}
        if page.watermark is not None:
            columns[page.watermark.name] = page.watermark
        inner = _select([quoted(name) for name in columns], page.relation, page.where)
        if page.limit is not None:
            inner += f"{_ordered(page.order)} LIMIT {page.limit}"
        return f"SELECT {', '.join(picked)} FROM ({inner}) AS page"  # noqa: S608 - names are quoted, values are parameters

    def rows(self, relation: Relation, cells: Sequence[str], where: Where, order: Sequence[Column]) -> str:
        return _select(cells, relation, where) + _ordered(order)

    def words(self, relation: Relation, column: Column, where: Where, *, most: int) -> str:
        return f"{_select([f'DISTINCT {self._words_of(column)}'], relation, where)} LIMIT {most}"

    def totals(self, relation: Relation, sums: Sequence[Column]) -> str:
        picked = ["COUNT(*)", *(f"CAST(SUM({quoted(column.name)}) AS CHAR)" for column in sums)]
        return _select(picked, relation, Where())

    def share_moment(self) -> str:
        raise NotImplementedError("MariaDB не показывает одного мига двум соединениям")

    def join_moment(self, name: str) -> str:
        raise NotImplementedError("MariaDB не показывает одного мига двум соединениям")

    def changed_since(self, column: Column, since: str) -> Where:
        return Where(f"{quoted(column.name)} >= {_bound(column)}", (since.removesuffix("+00:00"),))

    def watermark(self, column: Column, *, time_zone: str) -> str:
        return _sortable(column, f"CASE WHEN {_has_come(column, time_zone)} THEN {quoted(column.name)} END")

    def bound(self, relation: Relation, column: Column, where: Where, *, rows: int) -> str:
        name = quoted(column.name)
        return f"{_select([_text(name)], relation, where)} ORDER BY {name} LIMIT {rows - 1}, 1"

    def between(self, column: Column, after: str | None, until: str | None) -> Where:
        where = Where()
        if after is not None:
            where &= Where(f"{quoted(column.name)} > {_bound(column)}", (after,))
        if until is not None:
            where &= Where(f"{quoted(column.name)} <= {_bound(column)}", (until,))
        return where

    def absent(self, column: Column) -> Where:
        return Where(f"{quoted(column.name)} IS NULL")

    def nothing(self) -> Where:
        return Where("1 = 0")

    def blocks(self, first: int, end: int | None) -> Where:
        raise NotImplementedError("MariaDB не читает таблицу по блокам")

    def stream(
        self, ask: Ask, relation: Relation, cells: Sequence[str], where: Where, *, rows: int
    ) -> Iterator[list[Row]]:
        """The driver hands rows on as they come (`NO_CACHE`)."""
        yield from ask.stream(_select(cells, relation, where), *where.parameters, rows=rows)


def _select(picked: Iterable[str], relation: Relation, where: Where) -> str:
    condition = f" WHERE {where.sql}" if where.sql else ""
    return f"SELECT {', '.join(picked)} FROM {relation.sql}{condition}"  # noqa: S608 - names are quoted, values are parameters


def _ordered(columns: Sequence[Column]) -> str:
    return f" ORDER BY {', '.join(quoted(column.name) for column in columns)}" if columns else ""


def _text(name: str) -> str:
    return f"CAST({name} AS CHAR)"


def _told(column: Column, text: str) -> str:
    return f"COALESCE({text}, CASE WHEN {quoted(column.name)} IS NULL THEN '{ABSENT}' ELSE '{NO_CELL}' END)"


def _local(column: Column, time_zone: str) -> str:
    """What the clock of the supplier shows; a DATETIME has no zone, so it shows what was meant."""
    name = quoted(column.name)
    if column.family != "timestamptz":
        return name
    (_, first), *later = zones.offsets(time_zone)
    branches = "".join(f" WHEN {name} >= '{at:%Y-%m-%d %H:%M:%S}' THEN {minutes}" for at, minutes in reversed(later))
    ahead = f"CASE{branches} ELSE {first} END" if branches else str(first)
    return f"({name} + INTERVAL {ahead} MINUTE)"


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
        now = f"({now} + INTERVAL {zones.minutes_now(time_zone)} MINUTE)"
    return f"{name} <= {now} AND {name} > '{NO_DAY}'"


def _sortable(column: Column, value: str) -> str:
    if column.family == "integer":
        return f"LPAD(CAST({value} AS CHAR), {COUNTER_DIGITS}, '0')"
    shown = f"DATE_FORMAT({value}, '{_MOMENT}')"
    return f"CONCAT({shown}, '+00:00')" if column.family == "timestamptz" else shown


def _bound(column: Column) -> str:
    """A bound in the column's own type, so that it is compared in the order in which the column is sorted."""
    match column.family:
        case "integer":
            return f"CAST(? AS {'UNSIGNED' if 'unsigned' in column.type else 'SIGNED'})"
        case "numeric" if column.digits is not None:
            return f"CAST(? AS DECIMAL({sum(column.digits)},{column.digits[1]}))"
        case "date" | "timestamp" | "timestamptz":
            return "CAST(? AS DATETIME(6))"
    return "?"
