"""Dialect: what must be known of a kind of SQL server to read it exactly and quickly?

A dialect writes SQL and reads the server's complaints; it holds no connection. What it asks runs through `Ask`.
To add a server: a package beside `postgresql/`, its name in `OdbcSettings.dialect` and in `DIALECTS` (source.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from connectors.odbc.faults import Fault, Meaning
from connectors.odbc.relation import Column, Family, Relation
from connectors.odbc.settings import Endpoint, OdbcSettings

Row = Sequence[Any]


class Ask(Protocol):
    """An open connection, to be used on its own thread only. Raises Fault."""

    def __call__(self, sql: str, *parameters: str) -> list[Row]:
        """The rows of an answer."""

    def heading(self, sql: str) -> list[str]:
        """The names of the columns of an answer."""


NO_CELL: Final = "!"  # what stands in an array for a cell without an exact form: no JSON


class Where(msgspec.Struct, frozen=True):
    """Which rows: a condition with `?` marks and what they stand for. Empty = all."""

    sql: str = ""
    parameters: tuple[str, ...] = ()

    def __and__(self, other: Where) -> Where:
        both = " AND ".join(filter(None, (self.sql, other.sql)))
        return Where(both, self.parameters + other.parameters)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page to be asked for: packed columns, control sums, the greatest watermark, of the first `limit` rows."""

    relation: Relation
    columns: Sequence[Column]
    packed: Sequence[str]
    sums: Sequence[Column]
    watermark: Column | None
    time_zone: str
    where: Where
    order: Sequence[Column] = ()
    limit: int | None = None


class Dialect(Protocol):
    """Everything that differs from server to server."""

    title: str
    default_port: int
    driver_names: Sequence[str]
    package: str  # the Debian package of the driver

    def attributes(
        self, endpoint: Endpoint, settings: OdbcSettings, password: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """What the connection string says: the program's own words, and values from outside."""

    def accept(self, version: str) -> None:
        """Raises SettingsError for a server that is too old to be read in this way."""

    def connecting(self, said: Fault) -> Meaning: ...

    def asking(self, said: Fault) -> Meaning: ...

    def table(self, ask: Ask, name: str, *, seekable: bool) -> Relation:
        """`seekable`: the operator says so of every column. Raises SchemaDrift when there is no such table or view,
        SettingsError when this cannot be a name."""

    def query(self, ask: Ask, text: str, *, seekable: bool) -> Relation: ...

    def cell_text(self, column: Column, *, day: bool, time_zone: str) -> str:
        """The cell in the server's own words. `day`: a moment is shown as the time at the supplier's place."""

    def number(self, column: Column, *, digits: int) -> str:
        """The cell times 10**digits as a whole number."""

    def account(self, column: Column) -> str:
        """The cell with a 1 before it."""

    def day(self, column: Column, *, time_zone: str) -> str | None:
        """Days since `packed.EPOCH`, for a day between `packed.FIRST_DAY` and `LAST_DAY`; None = cannot say."""

    def flag(self, column: Column) -> str: ...

    def text(self, column: Column, *, keeps_empty: bool) -> str:
        """The cell as JSON text without spaces at its ends."""

    def place(self, column: Column, words: Sequence[str], *, null: bool) -> str:
        """The place of the cell in `words`, from 1; 0 for an absent cell if `null`."""

    def page(self, page: Page) -> str: ...

    def rows(self, relation: Relation, cells: Sequence[str], where: Where, order: Sequence[Column]) -> str: ...

    def words(self, relation: Relation, column: Column, where: Where, *, most: int) -> str: ...

    def totals(self, relation: Relation, sums: Sequence[Column]) -> str: ...

    def share_moment(self) -> str:
        """Asks for a name of the moment that this transaction sees."""

    def join_moment(self, name: str) -> str:
        """Makes a transaction that has asked nothing yet see that moment."""

    def changed_since(self, column: Column, since: str) -> Where: ...

    def watermark(self, column: Column, *, time_zone: str) -> str:
        """A row's watermark as sortable text; absent for a moment that is still to come."""

    def bound(self, relation: Relation, column: Column, where: Where, *, rows: int) -> str:
        """Asks for the value of `column` that is `rows` rows on."""

    def between(self, column: Column, after: str | None, until: str | None) -> Where: ...

    def absent(self, column: Column) -> Where: ...

    def nothing(self) -> Where:
        """No row."""

    def blocks(self, first: int, end: int | None) -> Where: ...

    def open_cursor(self, relation: Relation, cells: Sequence[str], where: Where) -> str: ...

    def next_rows(self, rows: int) -> str: ...

    def close_cursor(self) -> str: ...


FAMILY_OF_DAYS: Final[frozenset[Family]] = frozenset({"date", "timestamp", "timestamptz"})
