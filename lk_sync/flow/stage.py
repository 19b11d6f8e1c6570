"""Stage: where do pulled rows wait until they are checked, seen by no one?

A staging file holds the very tables of the cache for the datasets of one run, the rows that could not be
taken, keys that the source says are gone, and per dataset what was pulled. It is written by the run's child process
and read by its parent; the file is the hand-over. A second row with a key that is already staged is a reject, never
an overwrite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from lk_sync.cache import schema
from lk_sync.cache.base import Base
from lk_sync.cache.codes import Codes, New, Words
from lk_sync.contracts import TakenFile, Totals
from lk_sync.flow.kept import Origin
from lk_sync.flow.validate import Reject, Validated
from lk_sync.records import Dataset

ROWS_PER_INSERT: Final = 200  # one INSERT of about 200 rows beats executemany by a third
MAX_KEPT_REJECTS: Final = 10_000
_REJECT: Final = ("dataset", "position", "row_number", "row_key", "field", "value", "reason", "found_in")
_ORIGIN: Final = ("account", "stored_key", "cells")
_LIKE: Final = "SELECT sql FROM sqlite_master WHERE name = ?"
Know = Callable[[int], Origin]  # what is kept of the row with this number


def _nothing_known(_: int) -> Origin:
    return Origin()


class Staged(msgspec.Struct, kw_only=True):
    """What the child says of a dataset. `pulled` counts rows as the source gave them, rejected ones included.

    `sums`: of every row that could be taken, deleted ones included, for the source counts them as well.
    `absent_ends`: what a snapshot does not hold has ended. `gone`: how many of the rows pulled were marked as deleted.
    `gone_watermark`: up to where a table of deleted keys was read. `beside`: the source that feeds the dataset first; a
    row that agrees with one of its rows in the fields `match`, days within `match_days`, is the same thing.
    """

    dataset: str
    mode: str
    pulled: int = 0
    rejected: int = 0
    sums: dict[str, int] = {}
    source: Totals | None = None
    watermark: str | None = None
    seconds: float = 0.0
    absent_ends: bool = True
    gone: int = 0
    gone_watermark: str | None = None
    beside: str | None = None
    match: tuple[str, ...] = ()
    match_days: int = 0
    replaced: int = 0  # rows in whose place stands one of a later file
    untouched: bool = False  # the source has nothing new: what is published is as old as it was
    mapping: str = ""  # what the rows were read by
    run: int = 0
    arranged: bool = False  # with other sources of the dataset (`flow.beside`)
    months: tuple[int, int] | None = None  # the earliest and the latest, where rows belong to months


class Staging:
    """A staging file being written."""

    def __init__(self, path: Path, *, run: int, source: str, codes: Codes) -> None:
        self._own = {"origin": codes.source(source), "run": run}  # the same in every row
        self.codes = codes
        self._connection = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -32000"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(
            "CREATE TABLE rejects (dataset TEXT, position INTEGER, row_number INTEGER, row_key TEXT, field TEXT,"
            " value TEXT, reason TEXT, found_in TEXT, account TEXT, stored_key TEXT, cells TEXT)"
        )
        self._connection.execute("CREATE TABLE staged (dataset TEXT PRIMARY KEY, body BLOB)")
        self._connection.execute("CREATE TABLE taken (body BLOB)")
        self._connection.execute("CREATE TABLE new_words (dictionary TEXT, number BIGINT, word TEXT)")

    def begin(
        self, dataset: Dataset, fields: Sequence[str], constants: Mapping[str, str | int] | None = None
    ) -> DatasetStage:
        """`fields`: those that batches will bring, in order, `extra` may be among them. `constants`: cells that are the
        same in every row."""
        self._connection.execute(schema.in_sqlite(schema.table(dataset)))
        self._connection.execute(schema.in_sqlite(schema.gone_table(dataset)))
        self._connection.execute("BEGIN")
        return DatasetStage(self._connection, dataset, fields, self.codes, {**(constants or {}), **self._own})

    def took(self, files: Sequence[TakenFile]) -> None:
        """The files that rows came from, to be put aside once they are published."""
        bodies = [(msgspec.msgpack.encode(file),) for file in files]
        self._connection.executemany("INSERT INTO taken VALUES (?)", bodies)

    def close(self) -> None:
        self._connection.executemany("INSERT INTO new_words VALUES (?, ?, ?)", self.codes.new)
        self._connection.close()


class DatasetStage:
    """One dataset being staged, inside one transaction of the staging file."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        dataset: Dataset,
        fields: Sequence[str],
        codes: Codes,
        constants: Mapping[str, str | int],
    ) -> None:
        self._connection = connection
        self._dataset = dataset
        self._fields = tuple(fields)
        self._codes = codes
        self._kinds = [self._kind(name) for name in self._fields]
        self._money = [i for i, kind in enumerate(self._kinds) if kind == "money"]
        self._sums = [0] * len(self._fields)
        self._run = int(constants.get("run", 0))
        self._know: Know = _nothing_known
        self._from: str | None = None  # the file that rows come from, where later ones replace earlier ones
        self._table, self._gone = dataset.name, f"gone_{dataset.name}"
        self.replaced = 0
        self.months: tuple[int, int] | None = None
        self._month(constants.get("period"))
        self.rejected = 0
        self.gone_rows = 0
        self._kept = 0
        literals = [self._literal(name, cell) for name, cell in constants.items()]  # cheaper than binding them
        row = f"({', '.join(['?'] * len(self._fields) + literals)})"
        self._head = f" ({', '.join((*self._fields, *constants))}) VALUES "
        self._row = row
        self._many = self._statement(ROWS_PER_INSERT)

    def _kind(self, name: str) -> str:
        return "text" if name == "extra" else self._dataset.field(name).kind

    def _literal(self, name: str, cell: str | int) -> str:
        if name in ("run", "origin"):
            return str(int(cell))
        (stored,) = self._stored(self._kind(name), [cell])
        return str(stored) if isinstance(stored, int) else "'" + str(stored).replace("'", "''") + "'"

    @property
    def sums(self) -> dict[str, int]:
        return {self._fields[i]: self._sums[i] for i in self._money}

    def add(self, batch: Validated, *, where: str, know: Know = _nothing_known) -> None:
        """Rows of the record's form. Rejects of the batch and doubled keys are kept, with what `know` says of them."""
        self._know = know
        self.reject(batch.rejects, rows=batch.rejected_rows, know=know)
        columns = [self._stored(kind, column) for kind, column in zip(self._kinds, batch.columns, strict=True)]
        for i in self._money:
            self._sums[i] += sum(filter(None, columns[i]))
        for kind, column in zip(self._kinds, columns, strict=True):
            if kind == "month":
                self._month(*set(column))
        width, rows = len(self._fields), len(batch.numbers)
        cells: list[Any] = [None] * (rows * width)
        for i, column in enumerate(columns):
            cells[i::width] = column
        for start in range(0, rows, ROWS_PER_INSERT):
            numbers = batch.numbers[start : start + ROWS_PER_INSERT]
            statement = self._many if len(numbers) == ROWS_PER_INSERT else self._statement(len(numbers))
            self._insert(statement, cells[start * width : (start + len(numbers)) * width], numbers, where)

    def next_file(self, name: str) -> None:
        """Rows come from file `name` from now on; they replace rows of earlier files with the same keys, and two with
        one key in the same file are a reject as ever."""
        if name == self._from:
            return
        if self._from is None:
            fresh, keys = (
                self._connection.execute(_LIKE, (table,)).fetchone()[0] for table in (self._table, self._gone)
            )
            self._connection.execute(fresh.replace(f" {self._table} ", " fresh ", 1))
            self._connection.execute(keys.replace(f" {self._gone} ", " fresh_gone ", 1))
            self._table, self._gone = "fresh", "fresh_gone"
            self._many = self._statement(ROWS_PER_INSERT)
        else:
            self._lay_over()
        self._from = name

    def _lay_over(self) -> None:
        """What the file has brought goes over what earlier ones have."""
        name, key = self._dataset.name, ", ".join(self._dataset.key)
        execute = self._connection.execute
        for table in ("fresh", "fresh_gone"):
            self.replaced += execute(f"DELETE FROM {name} WHERE ({key}) IN (SELECT {key} FROM {table})").rowcount
        execute(f"INSERT INTO {name} SELECT * FROM fresh")
        execute(f"DELETE FROM gone_{name} WHERE ({key}) IN (SELECT {key} FROM fresh)")
        execute(f"INSERT OR IGNORE INTO gone_{name} SELECT * FROM fresh_gone")
        for table in ("fresh", "fresh_gone"):
            execute(f"DELETE FROM {table}")

    def _month(self, *periods: Any) -> None:
        known = [*(self.months or ()), *(period for period in periods if isinstance(period, int))]
        self.months = (min(known), max(known)) if known else None

    def gone(self, columns: Sequence[list[Any]]) -> None:
        """Keys of rows that the source has deleted, as columns in the order of the dataset's key."""
        stored = [
            self._stored(self._kind(name), column) for name, column in zip(self._dataset.key, columns, strict=True)
        ]
        marks = ", ".join("?" * len(stored))
        self._connection.executemany(f"INSERT OR IGNORE INTO {self._gone} VALUES ({marks})", zip(*stored, strict=True))
        self.gone_rows += len(stored[0])

    def _statement(self, rows: int) -> str:
        return f"INSERT INTO {self._table}{self._head}" + ", ".join([self._row] * rows)

    def _stored(self, kind: str, column: list[Any]) -> list[Any]:
        if kind == "code":
            return self._codes.ids(column)
        if kind == "account" and column and isinstance(column[0], str):
            return [self._codes.account(number) for number in column]
        return column

    def _insert(self, statement: str, cells: list[Any], numbers: Sequence[int], where: str) -> None:
        try:
            self._connection.execute(statement, cells)
        except sqlite3.IntegrityError:
            self._one_by_one(cells, numbers, where)

    def _one_by_one(self, cells: list[Any], numbers: Sequence[int], where: str) -> None:
        width, statement = len(self._fields), self._statement(1)
        for i, number in enumerate(numbers):
            row = cells[i * width : (i + 1) * width]
            try:
                self._connection.execute(statement, row)
            except sqlite3.IntegrityError as error:
                self._reject_row(row, number, where, error)

    def _reject_row(self, row: list[Any], number: int, where: str, error: sqlite3.IntegrityError) -> None:
        for i in self._money:
            self._sums[i] -= row[i] or 0
        key = dict(zip(self._fields, row, strict=True))
        if "UNIQUE" in str(error):
            field, reason = " ".join(self._dataset.key), "строка с таким ключом уже была в этой выгрузке"
        else:
            field, reason = str(error).rpartition(".")[2], "пусто, а поле обязательное"
        shown = " ".join(self._shown(name, key.get(name)) for name in self._dataset.key)
        self.reject([Reject(number, shown, field, str(key.get(field, "")), reason, where)], rows=1, know=self._know)

    def _shown(self, name: str, cell: Any) -> str:
        kind = self._dataset.field(name).kind
        return self._codes.shown(kind, cell)

    def reject(self, rejects: Iterable[Reject], *, rows: int, know: Know = _nothing_known) -> None:
        """Keep rejects with what `know` says of their rows; beyond MAX_KEPT_REJECTS they are only counted."""
        self.rejected += rows
        for reject in rejects:
            if self._kept >= MAX_KEPT_REJECTS:
                return
            self._kept += 1
            origin = know(reject.row)
            self._connection.execute(
                f"INSERT INTO rejects VALUES ({', '.join('?' * len(_REJECT + _ORIGIN))})",
                (self._dataset.name, self._kept, *msgspec.structs.astuple(reject), *msgspec.structs.astuple(origin)),
            )

    def finish(self, staged: Staged) -> None:
        """The dataset is whole: its rows and what is said of them become visible together."""
        staged.run = self._run
        if self._from is not None:
            staged.replaced = self._finish_files()
        self._connection.execute(
            "INSERT INTO staged VALUES (?, ?)", (self._dataset.name, msgspec.msgpack.encode(staged))
        )
        self._connection.execute("COMMIT")

    def _finish_files(self) -> int:
        self._lay_over()
        for table in ("fresh", "fresh_gone"):
            self._connection.execute(f"DROP TABLE {table}")
        return self.replaced


def attached(base: Base) -> dict[str, Staged]:
    """What is staged beside the cache of `base`, by dataset."""
    rows = base.execute(f"SELECT dataset, body FROM {base.at.staging}.staged").fetchall()
    return {name: msgspec.msgpack.decode(body, type=Staged) for name, body in rows}


def words(base: Base) -> Words:
    """What the integers mean, beside those of the cache: words that a run has which leaves no trace there."""
    rows = base.execute(f"SELECT dictionary, number, word FROM {base.at.staging}.new_words").fetchall()
    return Words(base, [New(*row) for row in rows])


def taken(base: Base) -> list[TakenFile]:
    """The files that the staged rows came from."""
    rows = base.execute(f"SELECT body FROM {base.at.staging}.taken").fetchall()
    return [msgspec.msgpack.decode(body, type=TakenFile) for (body,) in rows]


def rejects(base: Base) -> list[tuple[Any, ...]]:
    """Rows that could not be taken, as they were kept beside the cache of `base`."""
    return base.execute(
        f"SELECT {', '.join(_REJECT + _ORIGIN)} FROM {base.at.staging}.rejects ORDER BY dataset, position"
    ).fetchall()


def rejected_keys(base: Base) -> list[tuple[str, str]]:
    """(dataset, key) of rows that could not be taken, as far as their keys could be read."""
    sql = f"SELECT DISTINCT dataset, stored_key FROM {base.at.staging}.rejects WHERE stored_key IS NOT NULL"
    return base.execute(sql).fetchall()
