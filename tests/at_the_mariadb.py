"""A base of the accounting system in a real MariaDB, and a source that reads it through its ODBC driver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from demo.accounting import TABLES, Table, cells
from demo.bookkeeper import Bookkeeper
from demo.mariadb import MariaDb, literal, quoted
from demo.sql_base import DDL
from lk_sync.records import DATASETS
from tests.at_the_base import PASSWORD, READER, ByOdbc


@dataclass
class TheMariaDb(ByOdbc):
    """One base, seen from both sides: `books` runs a script as the accounting system, `source` is ours."""

    dialect: ClassVar[str] = "mariadb"
    server: MariaDb
    name: str

    def books(self, script: str) -> str:
        return self.server.run(script, database=self.name)


@pytest.fixture(scope="module")
def maria(mariadb: MariaDb, request: pytest.FixtureRequest) -> Iterator[TheMariaDb]:
    """An empty base for the tests of one module."""
    name = request.module.__name__.rpartition(".")[2]
    mariadb.create_database(name)
    mariadb.create_reader(name, READER, PASSWORD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LK_BASE_PASSWORD", PASSWORD)
        yield TheMariaDb(mariadb, name)


def load(maria: TheMariaDb, books: Bookkeeper) -> None:
    """The tables of `demo/accounting.sql` with the supplier's books in them."""
    ddl = DDL.read_text("utf-8").replace('"', "`").replace("timestamptz", "timestamp(6)").replace("numeric", "decimal")
    every = list(books.every())
    script = [ddl, "SET time_zone = '+00:00';"]
    common = books.supplier.common()
    for name, table in TABLES.items():
        rows = common[name] if name in common else [row for one in every for row in one[name]]
        key = ", ".join(map(quoted, table.key))
        script += [_insert(table, rows), f"ALTER TABLE {quoted(table.name)} ADD PRIMARY KEY ({key});"]
    maria.books("".join(script))


def _insert(table: Table, rows: Sequence[tuple[Any, ...]]) -> str:
    kinds = [DATASETS[table.dataset].field(field).kind for field in table.columns.values()]
    writers = [_moment if kind == "datetime" else _cell for kind in (*kinds, "datetime")]
    lines = (
        f"({', '.join(write(cell) for write, cell in zip(writers, row, strict=True))})" for row in cells(table, rows)
    )
    return f"INSERT INTO {quoted(table.name)} VALUES {', '.join(lines)};"


def _cell(cell: str | None) -> str:
    return cell if cell in ("true", "false") else literal(cell)


def _moment(cell: str | None) -> str:
    """MariaDB knows no offset from UTC in a time."""
    if cell is None:
        return literal(cell)
    return literal(datetime.fromisoformat(cell).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"))
