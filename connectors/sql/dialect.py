"""Dialect: what must be known of a kind of SQL server to read it exactly and quickly?

A dialect writes SQL and holds no connection. What it asks runs through `Ask`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

import msgspec

from connectors.sql.relation import Column, Family, Relation

Row = Sequence[Any]


class Heading(msgspec.Struct, frozen=True):
    """A column of an answer, as the driver describes it."""

    name: str
    kind: type
    precision: int = 0
    scale: int = 0


class Ask(Protocol):
    """An open connection, to be used on its own thread only. Raises Fault."""

    def __call__(self, sql: str, *parameters: str) -> list[Row]:
        """The rows of an answer."""

    def heading(self, sql: str) -> list[Heading]:
        """The columns of an answer."""

    def stream(self, sql: str, *parameters: str, rows: int) -> Iterator[list[Row]]:
        """The rows of a long answer, `rows` at a time; nothing else may be asked before it is used up or closed."""


NO_CELL: Final = "!"  # what stands in an array for a cell without an exact form: no JSON


class Where(msgspec.Struct, frozen=True):
    """Which rows: a condition with `?` marks and what they stand for. Empty = all."""

    sql: str = ""
    parameters: tuple[str, ...] = ()

    def __and__(self, other: Where) -> Where:
        both = " AND ".join(filter(None, (self.sql, other.sql)))
        return Where(both, self.parameters + other.parameters)


def select(picked: Iterable[str], relation: Relation, where: Where) -> str:
    """The one statement that every dialect makes its questions of."""
    condition = f" WHERE {where.sql}" if where.sql else ""
    return f"SELECT {', '.join(picked)} FROM {relation.sql}{condition}"  # noqa: S608 - dialects quote names; values are parameters or literals of ours


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

    packs: bool  # pages come packed; otherwise every dataset is read in one pass, row by row
    shares_moments: bool  # a second connection can be made to see the moment that the first one sees
    shifts_years: bool  # dates may be kept with `Column.years` added to them

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
        """Asks for a name of the moment that this transaction sees, where the server `shares_moments`."""

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

    def stream(
        self, ask: Ask, relation: Relation, cells: Sequence[str], where: Where, *, rows: int
    ) -> Iterator[list[Row]]:
        """All rows in one pass, `rows` at a time. A generator: what it holds open is closed with it."""

    def survey(self, ask: Ask) -> list[Relation]:
        """Every table and view that is not the server's own. `title` is what the mapping would call it."""


FAMILY_OF_DAYS: Final[frozenset[Family]] = frozenset({"date", "timestamp", "timestamptz"})
