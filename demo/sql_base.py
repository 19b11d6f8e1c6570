"""SQL base: how do the supplier's books get into PostgreSQL, and how does the accounting system change them there?

The tables are those of `accounting.sql`. Loading streams portions of accounts through COPY and makes keys and indices
afterwards. `Desk` is the clerk: every entry changes just the rows it must and marks them as changed now.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from demo.accounting import CHANGED, TABLES, Table, cells
from demo.bookkeeper import AnyEntry, Bookkeeper
from demo.snapshot import portions
from demo.supplier import Books

Row = tuple[Any, ...]
Connection = psycopg.Connection[Any]
DDL: Final = Path(__file__).with_name("accounting.sql")


def load(connection: Connection, books: Bookkeeper, *, indexed: bool = True) -> None:
    """Make the tables and fill them. The connection's base must not hold them yet."""
    with connection.transaction():
        connection.execute(DDL.read_text("utf-8"))
        for name, rows in books.supplier.common().items():
            copy_rows(connection, TABLES[name], rows)
        for portion in portions(books.every()):
            for name, rows in portion.items():
                copy_rows(connection, TABLES[name], rows)
        if indexed:
            for table in TABLES.values():
                _index(connection, table)
    connection.execute("ANALYZE")


def copy_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Append rows of the supplier to the table."""
    text = io.StringIO()
    csv.writer(text).writerows(cells(table, rows))
    statement = _sql("COPY {} ({}) FROM STDIN (FORMAT csv)", table, table.heading)  # an empty cell is NULL
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text.getvalue())


def _index(connection: Connection, table: Table) -> None:
    connection.execute(_sql("ALTER TABLE {} ADD PRIMARY KEY ({})", table, table.key))
    connection.execute(_sql("CREATE INDEX ON {} ({})", table, [CHANGED, *table.key]))


def _sql(text: str, table: Table, columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(text).format(sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns)))


class Desk:
    """The clerk at the accounting system, working on a loaded base."""

    def __init__(self, connection: Connection, books: Bookkeeper) -> None:
        self._connection = connection
        self._books = books

    def book(self, entry: AnyEntry) -> None:
        """Enter it in the journal and in the base, in one transaction of the base."""
        before = self._books.books_of(entry.account) or {}
        self._books.book(entry)
        after = self._books.books_of(entry.account) or {}
        with self._connection.transaction():
            for name in after:
                self._bring(TABLES[name], before, after)

    def _bring(self, table: Table, before: Books, after: Books) -> None:
        old = dict(_keyed(table, before[table.dataset]))
        new = dict(_keyed(table, after[table.dataset]))
        for key in old.keys() - new.keys():
            self._delete(table, key)
        for key, row in new.items():
            if old.get(key) != row:
                self._upsert(table, row)

    def _delete(self, table: Table, key: Row) -> None:
        held = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in table.key)
        self._connection.execute(sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(table.name), held), list(key))

    def _upsert(self, table: Table, row: Row) -> None:
        replaced = sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in table.heading
        )
        insert = _sql("INSERT INTO {} ({}) VALUES ", table, table.heading)
        conflict = sql.SQL("({}) ON CONFLICT ({}) DO UPDATE SET {}").format(
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
            sql.SQL(", ").join(map(sql.Identifier, table.key)),
            replaced,
        )
        self._connection.execute(insert + conflict, list(row))

    def empty(self, dataset: str) -> None:
        """A table that suddenly is empty."""
        self._connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(TABLES[dataset].name)))

    def rename_column(self, dataset: str, column: str, new: str) -> None:
        """An update of the accounting system that renamed a column."""
        self._connection.execute(
            sql.SQL("ALTER TABLE {} RENAME COLUMN {} TO {}").format(
                sql.Identifier(TABLES[dataset].name), sql.Identifier(column), sql.Identifier(new)
            )
        )


def _keyed(table: Table, rows: list[Row]) -> Iterable[tuple[Row, Row]]:
    """(key, row) in the base's cells; the key's columns stand first."""
    return ((row[: len(table.key)], row) for row in cells(table, rows))
