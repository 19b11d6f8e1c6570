"""Dialect: which SQL makes PostgreSQL hand over a page in the exact form of the cache?

An array is `string_agg` of one short text per row: that is what costs the server least per cell. All aggregates of a
statement see the rows in the same order. No expression here may raise an error, whatever a row holds: an error would
end the transaction and with it the one moment that a pull sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

import pyodbc

from connectors.odbc.postgresql import catalog, connect
from connectors.odbc.postgresql.names import literal, quoted
from connectors.odbc.settings import Endpoint, OdbcSettings
from connectors.sql.dialect import FAMILY_OF_DAYS, NO_CELL, Ask, Page, Row, Where, select
from connectors.sql.faults import Fault, Meaning
from connectors.sql.packed import ABSENT, EPOCH, FIRST_DAY, LAST_DAY, NO_DAY
from connectors.sql.relation import Column, Family, Relation
from lk_sync.errors import SettingsError

OLDEST: Final = 13  # the first with trim_scale()
CURSOR: Final = "lk_rows"
_MOMENT: Final = "YYYY-MM-DD HH24:MI:SS.US"
_BOUNDS: Final[Mapping[Family, str]] = {
    "integer": "int8",
    "numeric": "numeric",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
}


class PostgreSQL:
    title = "PostgreSQL"
    default_port = 5432
    driver_names: Sequence[str] = ("PostgreSQL Unicode", "PostgreSQL Unicode(x64)", "PostgreSQL")
    package = "odbc-postgresql"
    dsn_words = connect.DSN_WORDS
    packs = True
    shares_moments = True
    shifts_years = False

    def protection(self, endpoint: Endpoint) -> str:
        return f"TLS 1.2+, verify-full (сертификат и имя сервера), {endpoint.ca}"

    def attributes(
        self, endpoint: Endpoint, settings: OdbcSettings, password: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        return connect.attributes(endpoint, settings, password)

    def preflight(self, endpoint: Endpoint, settings: OdbcSettings) -> None:
        """Nothing: the driver itself verifies before it says anything."""

    def accept(self, version: str) -> None:
        if int(version.partition(".")[0]) < OLDEST:
            raise SettingsError(f"PostgreSQL {version} не поддерживается: нужна версия {OLDEST} или новее")

    def tune(self, connection: pyodbc.Connection) -> None:
        """Nothing: its wide texts come as they are."""

    def begin(self, ask: Ask) -> None:
        """Nothing: `SERVER_SETTINGS` say it, and the first question begins."""

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
        return f"{_local(column, time_zone) if day else quoted(column.name)}::text"

    def number(self, column: Column, *, digits: int) -> str:
        name, times = quoted(column.name), 10**digits
        if column.family == "integer":
            # As numeric unless the product is sure to fit: an overflow would be an error.
            wide = "bigint" if column.digits else "numeric"
            return _or_absent(column, f"({name}::{wide} * {times})::text" if digits else f"{name}::text")
        return _or_absent(column, f"trim_scale({name} * {times})::text")

    def account(self, column: Column) -> str:
        number = f"trim_scale({quoted(column.name)})" if column.family == "numeric" else quoted(column.name)
        return _or_absent(column, f"'1' || {number}::text")

    def day(self, column: Column, *, time_zone: str) -> str | None:
        if column.family not in FAMILY_OF_DAYS:
            return None
        cell = _local(column, time_zone)
        held = f"{cell} BETWEEN '{FIRST_DAY}' AND '{LAST_DAY}'"
        if column.family != "date":
            held += f" AND {cell} = date_trunc('day', {cell})"
        absent = f"{cell} IS NULL OR {cell} = '{NO_DAY}'"
        days = f"({cell}::date - date '{EPOCH}')::text"
        return f"CASE WHEN {held} THEN {days} WHEN {absent} THEN '{ABSENT}' ELSE '{NO_CELL}' END"

    def flag(self, column: Column) -> str:
        return _or_absent(column, f"{quoted(column.name)}::int::text")

    def text(self, column: Column, *, keeps_empty: bool) -> str:
        trimmed = f"btrim({quoted(column.name)}::text)"
        if keeps_empty:
            return _or_absent(column, f"to_json({trimmed})::text")
        return f"COALESCE(to_json(NULLIF({trimmed}, ''))::text, '{ABSENT}')"

    def place(self, column: Column, words: Sequence[str], *, null: bool) -> str:
        name = quoted(column.name)
        other = f"CASE WHEN {name} IS NULL THEN '0' ELSE '{NO_CELL}' END" if null else f"'{NO_CELL}'"
        if not words:
            return other
        branches = " ".join(f"WHEN {literal(word)} THEN '{place}'" for place, word in enumerate(words, 1))
        return f"CASE {name}::text {branches} ELSE {other} END"

    # Statements

    def page(self, page: Page) -> str:
        picked = ["count(*)", _greatest(page), *(f"sum({quoted(column.name)})::text" for column in page.sums)]
        picked += [f"string_agg({cell}, ',')" for cell in page.packed]
        columns = {column.name: column for column in (*page.columns, *page.sums)}
        if page.watermark is not None:
            columns[page.watermark.name] = page.watermark
        names = [quoted(name) for name in columns]
        inner = select(names, page.relation, page.where)
        inner += _ordered(page.order)
        if page.limit is not None:
            inner += f" LIMIT {page.limit}"
        return f"SELECT {', '.join(picked)} FROM ({inner}) AS page"  # noqa: S608 - names are quoted, values are parameters

    def rows(self, relation: Relation, cells: Sequence[str], where: Where, order: Sequence[Column]) -> str:
        return select(cells, relation, where) + _ordered(order)

    def words(self, relation: Relation, column: Column, where: Where, *, most: int) -> str:
        return f"{select([f'DISTINCT {quoted(column.name)}::text'], relation, where)} LIMIT {most}"

    def totals(self, relation: Relation, sums: Sequence[Column]) -> str:
        return select(["count(*)", *(f"sum({quoted(column.name)})::text" for column in sums)], relation, Where())

    def share_moment(self) -> str:
        return "SELECT pg_export_snapshot()"

    def join_moment(self, name: str) -> str:
        return f"SET TRANSACTION SNAPSHOT {literal(name)}"

    def changed_since(self, column: Column, since: str) -> Where:
        return Where(f"{quoted(column.name)} >= {_bound(column)}", (since,))

    def watermark(self, column: Column, *, time_zone: str) -> str:
        return _sortable(column, f"CASE WHEN {_has_come(column, time_zone)} THEN {quoted(column.name)} END")

    def bound(self, relation: Relation, column: Column, where: Where, *, rows: int) -> str:
        name = quoted(column.name)
        return f"{select([f'{name}::text'], relation, where)} ORDER BY {name} OFFSET {rows - 1} LIMIT 1"

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
        return Where("false")

    def blocks(self, first: int, end: int | None) -> Where:
        held = f"ctid >= '({first},0)'::tid"
        return Where(held if end is None else f"{held} AND ctid < '({end},0)'::tid")

    def stream(
        self, ask: Ask, relation: Relation, cells: Sequence[str], where: Where, *, rows: int
    ) -> Iterator[list[Row]]:
        """Through a cursor of the server: psqlODBC itself would load the whole answer."""
        ask(f"DECLARE {CURSOR} NO SCROLL CURSOR FOR {select(cells, relation, where)}", *where.parameters)
        try:
            while portion := ask(f"FETCH FORWARD {rows} FROM {CURSOR}"):
                yield portion
        finally:
            with suppress(Fault):  # what ended the reading matters, not that its cursor is gone with it
                ask(f"CLOSE {CURSOR}")


def _ordered(columns: Sequence[Column]) -> str:
    return f" ORDER BY {', '.join(quoted(column.name) for column in columns)}" if columns else ""


def _or_absent(column: Column, text: str) -> str:
    return f"COALESCE({text}, '{ABSENT}')" if column.nullable else text


def _local(column: Column, time_zone: str) -> str:
    name = quoted(column.name)
    return f"({name} AT TIME ZONE {literal(time_zone)})" if column.family == "timestamptz" else name


def _greatest(page: Page) -> str:
    """The greatest watermark that is not still to come: one typing error in a date must not blind later increments."""
    if page.watermark is None:
        return "NULL"
    greatest = f"max({quoted(page.watermark.name)}) FILTER (WHERE {_has_come(page.watermark, page.time_zone)})"
    return _sortable(page.watermark, greatest)


def _has_come(column: Column, time_zone: str) -> str:
    name = quoted(column.name)
    if column.family == "integer":
        return f"{name} IS NOT NULL"
    if column.family == "timestamptz":
        return f"{name} <= now() AND isfinite({name})"
    return f"{name} <= now() AT TIME ZONE {literal(time_zone)} AND isfinite({name})"


def _sortable(column: Column, value: str) -> str:
    if column.family == "integer":
        return f"lpad(({value})::text, 19, '0')"
    if column.family == "timestamptz":
        return f"to_char(({value}) AT TIME ZONE 'UTC', '{_MOMENT}') || '+00:00'"
    return f"to_char({value}, '{_MOMENT}')"


def _bound(column: Column) -> str:
    """A bound in the column's own type, so that it is compared in the order in which the column is sorted."""
    return f"CAST(? AS {_BOUNDS.get(column.family, column.type)})"
