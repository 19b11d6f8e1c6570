"""Server base: how is the cache changed where it lives in PostgreSQL?

The tables lie in the schema `cache`. What a staging file holds is copied by COPY into temporary tables of the session:
they cost no log, nobody else sees them, and they are gone with it. From there on the statements are those of SQLite.

SQLite lines the text of COPY up: no row becomes an object of Python on its way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from lk_sync.cache import schema
from lk_sync.cache.base import Cursor, Exclusive, Places
from lk_sync.locks import Hold
from lk_sync.postgresql.address import Address
from lk_sync.postgresql.connection import Connection, connect, in_postgresql, in_psycopg, told
from lk_sync.postgresql.locks import ServerHold, key_of
from lk_sync.records import DATASETS

SCHEMA: Final = "cache"
ROWS_AT_ONCE: Final = 5_000
EDITION: Final = "CREATE TABLE IF NOT EXISTS cache.edition (layout BIGINT NOT NULL, number BIGINT NOT NULL)"
_SESSION: Final = {
    "search_path": SCHEMA,
    "temp_buffers": "64MB",
    "work_mem": "64MB",
    "idle_in_transaction_session_timeout": "10min",
}
_TYPES: Final = {"TEXT": "TEXT", "BLOB": "BYTEA", "SMALLINT": "SMALLINT"}
# What COPY would take for something else, and the mark of nothing.
_TEXT: Final = r"replace(replace(replace(replace({0}, '\', '\\'), char(9), '\t'), char(10), '\n'), char(13), '\r')"
_WORDS: Final = {"TEXT": _TEXT, "BYTEA": r"'\\x' || hex({0})"}


class PostgresBase:
    """A session that may change the cache. It publishes only while `hold` is held."""

    def __init__(self, connection: Connection, address: Address, hold: Hold | None = None) -> None:
        self.connection, self._address, self._hold = connection, address, hold
        self.at = Places(cache=SCHEMA, staging="pg_temp", scratch="pg_temp")

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Cursor:
        try:
            if parameters:
                return self.connection.execute(in_psycopg(sql), parameters)
            return self.connection.execute(sql)
        except psycopg.Error as error:
            raise told(error, self._address) from None

    def execute_many(self, sql: str, many: Iterable[Mapping[str, Any]]) -> None:
        try:
            self.connection.cursor().executemany(in_psycopg(sql), list(many))
        except psycopg.Error as error:
            raise told(error, self._address) from None

    @contextmanager
    def exclusively(self, what: Exclusive) -> Iterator[None]:
        self.execute("BEGIN")
        try:
            self.execute("SELECT pg_advisory_xact_lock(:key)", {"key": key_of(f"cache {what}")})
            if what == "publication" and isinstance(self._hold, ServerHold):
                self._hold.prove(self.connection)
            yield
            if what == "publication":
                self.execute("UPDATE cache.edition SET number = number + 1")
            self.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """A session that is lost has rolled back by that."""
        if not self.connection.closed:
            try:
                self.connection.execute("ROLLBACK")
            except psycopg.Error:
                self.connection.close()

    def array(self, cells: Sequence[str]) -> str:
        return "'[' || " + " || ',' || ".join(map(_json, cells)) + " || ']'"

    def object(self, cells: Mapping[str, str]) -> str:
        members = [f"""'"{name}":' || {_json(cell)}""" for name, cell in cells.items()]
        return "'{' || " + " || ',' || ".join(members) + " || '}'"

    def take_in(self, staging: Path) -> None:
        """Every table of the staging file as a temporary one of the same name."""
        with closing(sqlite3.connect(f"{staging.absolute().as_uri()}?mode=ro", uri=True)) as file:
            for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                made = ", ".join(f"{column.name} {column.kind}" for column in _columns(file, table))
                self.execute(in_postgresql(f"CREATE TEMP TABLE {table} ({made})"))
                self.copy(f"pg_temp.{table}", file, table)
                self.execute(f"ANALYZE pg_temp.{table}")

    def copy(self, into: str, file: sqlite3.Connection, table: str) -> None:
        """The rows of a table of SQLite, in the order of its keys."""
        columns = _columns(file, table)
        rows = file.execute(f"SELECT {_line(columns)} FROM {table}")
        names = ", ".join(column.name for column in columns)
        try:
            with self.connection.cursor().copy(f"COPY {into} ({names}) FROM STDIN") as copy:
                while lines := rows.fetchmany(ROWS_AT_ONCE):
                    copy.write("\n".join([*chain.from_iterable(lines), ""]).replace("\0", "\N{REPLACEMENT CHARACTER}"))
        except psycopg.Error as error:
            raise told(error, self._address) from None

    def tidy(self) -> None:
        """A table that was never looked at would be read by guesswork until the server finds the time."""
        new = self.execute(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = 'cache'::regnamespace AND relkind = 'r' AND reltuples < 0"
        ).fetchall()
        for (table,) in new:
            self.execute(f"ANALYZE cache.{table}")

    def close(self) -> None:
        self.connection.close()


class _Column(NamedTuple):
    """Of a table of ours in SQLite, with its type in PostgreSQL. `filled`: it never holds nothing."""

    name: str
    kind: str
    filled: bool


def _columns(file: sqlite3.Connection, table: str) -> list[_Column]:
    found = file.execute(f"PRAGMA table_info({table})").fetchall()
    return [
        _Column(name, _TYPES.get(kind.upper(), "BIGINT"), bool(filled or key))
        for _, name, kind, filled, _, key in found
    ]


def _line(columns: Sequence[_Column]) -> str:
    """A row in the text of COPY. Neighbouring numbers are written by one call: that takes half the time."""
    parts = []
    for in_words, group in groupby(columns, key=lambda column: column.kind in _WORDS):
        together = list(group)
        if in_words:
            parts += [_or_nothing(_WORDS[column.kind].format(column.name)) for column in together]
            continue
        form = "\t".join("%d" if column.filled else "%s" for column in together)
        cells = [column.name if column.filled else _or_nothing(column.name) for column in together]
        parts.append(f"printf('{form}', {', '.join(cells)})")
    return " || char(9) || ".join(parts)


def _or_nothing(cell: str) -> str:
    return rf"ifnull({cell}, '\N')"


def _json(cell: str) -> str:
    """A cell as SQLite writes it in JSON."""
    return f"COALESCE(CAST(to_json({cell}) AS TEXT), 'null')"


def open_for_writing(address: Address, hold: Hold | None = None) -> PostgresBase:
    """Makes what is missing. Raises LkError."""
    connection = connect(address, "cache", _SESSION)
    try:
        _create(connection)
    except psycopg.Error as error:
        connection.close()
        raise told(error, address) from None
    except BaseException:
        connection.close()
        raise
    return PostgresBase(connection, address, hold)


def layout_of(connection: Connection) -> int | None:
    """Of the tables that are there; None: there are none."""
    if connection.execute("SELECT to_regclass('cache.edition')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT layout FROM cache.edition").fetchone()
    return None if row is None else row[0]


def _create(connection: Connection) -> None:
    """All tables of the cache, empty, unless they are there in the layout of this version."""
    if layout_of(connection) == schema.LAYOUT:
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (key_of("cache layout"),))
        if layout_of(connection) == schema.LAYOUT:
            return  # somebody has done it meanwhile
        if connection.execute(f"SELECT to_regnamespace('{SCHEMA}')").fetchone() == (None,):
            connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for name in (*schema.KEPT, *DATASETS):
            connection.execute(f"DROP TABLE IF EXISTS {SCHEMA}.{name}")
        for statement in (*schema.tables(SCHEMA), EDITION):
            connection.execute(in_postgresql(statement))
        _new_edition(connection)


def _new_edition(connection: Connection) -> None:
    """Its number goes on, so that no reader takes the emptied cache for what he has seen before."""
    (last,) = connection.execute("SELECT COALESCE(MAX(number), 0) FROM cache.edition").fetchone() or (0,)
    connection.execute("DELETE FROM cache.edition")
    connection.execute("INSERT INTO cache.edition VALUES (%s, %s)", (schema.LAYOUT, last + 1))
