"""Merge: which statements turn a staged dataset into the published one, journalling every change?

The SQL is made from `records.DATASETS` (names of ours only, never of a source) and is set-based throughout.
A first load into an empty table is copied whole and journalled as one line; later merges find the differing
keys once, in a scratch table of the dataset, and work from that.

A source ends and changes its own rows; a row of another source with the same key becomes its own. The journal has at
most one line per run and key, and a line holds every stored column.
"""

from __future__ import annotations

import msgspec

from lk_sync.cache import schema
from lk_sync.cache.base import Base
from lk_sync.records import Dataset


def differing(dataset: Dataset) -> str:
    """The scratch table of keys that differ, with their act."""
    return f"differing_{dataset.name}"


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    inserted: int = 0
    updated: int = 0
    ended: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.inserted or self.updated or self.ended)


def is_empty(base: Base, table: str) -> bool:
    return base.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None


def is_new(base: Base, dataset: Dataset) -> bool:
    """Whether the dataset was never loaded. One that was and is empty now has a past, so each of its rows is journalled
    from then on."""
    if not is_empty(base, f"{base.at.cache}.{dataset.name}"):
        return False
    loads = f"SELECT 1 FROM {base.at.cache}.journal WHERE dataset = :dataset AND act = 'load' LIMIT 1"
    return base.execute(loads, {"dataset": dataset.name}).fetchone() is None


def count(base: Base, table: str) -> int:
    found: int = base.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
    return found


def is_shorter(base: Base, table: str, rows: int) -> bool:
    """Whether the table has fewer rows, without counting all of a long one."""
    return count(base, f"(SELECT 1 AS one FROM {table} LIMIT {rows:d}) AS few") < rows


def find_differences(base: Base, dataset: Dataset, *, origin: int, vanished: bool, also: str | None = None) -> Merged:
    """Fill the dataset's scratch table with the keys that differ and their act; says how many of each.

    `vanished`: rows of this source that are not staged end. Those that the source says are gone end in any case.
    `also`: a table of keys of rows of whatever source that end.
    """
    sql = Statements(base, dataset)
    base.execute(f"DROP TABLE IF EXISTS {sql.scratch}")
    base.execute(sql.make_scratch)
    base.execute(sql.differing)
    base.execute(sql.vanished if vanished else sql.gone, {"origin": origin})
    if also is not None:
        base.execute(sql.also(also))
    found = dict(base.execute(f"SELECT act, COUNT(*) FROM {sql.scratch} GROUP BY act").fetchall())
    return Merged(inserted=found.get("insert", 0), updated=found.get("update", 0), ended=found.get("end", 0))


def load(base: Base, dataset: Dataset, *, run: int) -> Merged:
    """Copy the staged table into the empty published one."""
    at = base.at
    base.execute(f"INSERT INTO {at.cache}.{dataset.name} SELECT * FROM {at.staging}.{dataset.name}")
    rows = count(base, f"{at.cache}.{dataset.name}")
    base.execute(
        f"INSERT INTO {at.cache}.journal (run, dataset, account, row_key, act, was, now)"
        " VALUES (:run, :dataset, NULL, '', 'load', NULL, :now)",
        {"run": run, "dataset": dataset.name, "now": f'{{"rows":{rows}}}'},
    )
    return Merged(inserted=rows)


def apply(base: Base, dataset: Dataset, *, run: int) -> int:
    """Journal and carry out the differences found before. How many rows are not as they should be afterwards: none."""
    sql = Statements(base, dataset)
    for statement in (sql.journal_written, sql.journal_ended):
        base.execute(statement, {"run": run})
    base.execute(sql.end)
    base.execute(sql.write)
    unwritten: int = base.execute(sql.unwritten).fetchone()[0]
    base.execute(f"DROP TABLE {sql.scratch}")
    return unwritten


class Statements:
    """The statements of one dataset."""

    def __init__(self, base: Base, dataset: Dataset) -> None:
        self._base, self._name = base, dataset.name
        self._key, self._columns = dataset.key, schema.columns(dataset)
        self._compared = (*dataset.values, "extra", "origin")
        self._cache = cache = f"{base.at.cache}.{dataset.name}"
        self._staged = staged = f"{base.at.staging}.{dataset.name}"
        self.scratch = scratch = f"{base.at.scratch}.{differing(dataset)}"
        self.key = key = ", ".join(dataset.key)
        first = f"c.{dataset.key[0]}"
        absent = f"NOT EXISTS (SELECT 1 FROM {staged} AS s WHERE {self._same('c', 's')})"
        differs = f"({self._cells('c', self._compared)}) IS DISTINCT FROM ({self._cells('s', self._compared)})"
        empty = f"SELECT {key}, '' AS act FROM {cache} WHERE 1 = 0"
        self.make_scratch = f"CREATE TEMP TABLE {differing(dataset)} AS {empty}"
        self.differing = (
            f"INSERT INTO {scratch} SELECT {self._cells('s', self._key)},"
            f" CASE WHEN {first} IS NULL THEN 'insert' ELSE 'update' END"
            f" FROM {staged} AS s LEFT JOIN {cache} AS c ON {self._same('c', 's')}"
            f" WHERE {first} IS NULL OR {differs}"
        )
        ending = f"INSERT INTO {scratch} SELECT {self._cells('c', self._key)}, 'end' FROM {cache} AS c"
        self.vanished = f"{ending} WHERE c.origin = :origin AND {absent}"
        # By the few keys that are gone, not by the many rows that are there: SQLite would scan these for a join.
        self.gone = (
            f"{ending} WHERE ({self._cells('c', self._key)}) IN"
            f" (SELECT {key} FROM {base.at.staging}.gone_{dataset.name}) AND c.origin = :origin AND {absent}"
        )
        self.journal_written = self._journal("act <> 'end'", now=True)
        self.journal_ended = self._journal("act = 'end'", now=False)
        self.end = f"DELETE FROM {cache} WHERE ({key}) IN (SELECT {key} FROM {scratch} WHERE act = 'end')"
        assign = ", ".join(f"{column} = excluded.{column}" for column in self._columns if column not in self._key)
        self.write = (
            f"INSERT INTO {cache} ({', '.join(self._columns)}) SELECT {self._cells('s', self._columns)}"
            f" FROM {scratch} AS d JOIN {staged} AS s ON {self._same('d', 's')} WHERE d.act <> 'end'"
            f" ON CONFLICT ({key}) DO UPDATE SET {assign}"
        )
        self.unwritten = (
            f"SELECT COUNT(*) FROM {scratch} AS d LEFT JOIN {staged} AS s ON {self._same('d', 's')}"
            f" LEFT JOIN {cache} AS c ON {self._same('d', 'c')}"
            f" WHERE (d.act = 'end' AND {first} IS NOT NULL) OR (d.act <> 'end' AND ({first} IS NULL OR {differs}))"
        )

    def also(self, table: str) -> str:
        """The statement that ends rows with the keys of `table`, unless they end already."""
        return (
            f"INSERT INTO {self.scratch} SELECT {self.key}, 'end' FROM {self._cache}"
            f" WHERE ({self.key}) IN (SELECT {self.key} FROM {table}) AND ({self.key}) NOT IN"
            f" (SELECT {self.key} FROM {self.scratch})"
        )

    @staticmethod
    def _cells(alias: str, names: tuple[str, ...]) -> str:
        return ", ".join(f"{alias}.{name}" for name in names)

    def _same(self, left: str, right: str) -> str:
        return " AND ".join(f"{left}.{name} = {right}.{name}" for name in self._key)

    def _journal(self, which: str, *, now: bool) -> str:
        account = "d.account" if self._key[0] == "account" else "NULL"
        row_key = self._base.array([f"d.{name}" for name in self._key])
        was = f"CASE WHEN c.{self._key[0]} IS NULL THEN NULL ELSE {self._object('c')} END"
        staged = f"LEFT JOIN {self._staged} AS s ON {self._same('d', 's')}" if now else ""
        return (
            f"INSERT INTO {self._base.at.cache}.journal (run, dataset, account, row_key, act, was, now)"
            f" SELECT :run, '{self._name}', {account}, {row_key}, d.act, {was},"
            f" {self._object('s') if now else 'NULL'} FROM {self.scratch} AS d"
            f" LEFT JOIN {self._cache} AS c ON {self._same('d', 'c')} {staged} WHERE d.{which}"
        )

    def _object(self, alias: str) -> str:
        return self._base.object({name: f"{alias}.{name}" for name in self._columns})
