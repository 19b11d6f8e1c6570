"""Merge: which statements turn a staged dataset into the published one, journalling every change?

The SQL is made from `records.DATASETS` (names of ours only, never of a source) and is set-based throughout.
A first load into an empty table is copied whole and journalled as one line; later merges find the differing
keys once, in a scratch table, and work from that.
"""

from __future__ import annotations

import sqlite3
from typing import Final

import msgspec

from lk_sync.records import Dataset

_SCRATCH: Final = "temp.differing"


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    inserted: int = 0
    updated: int = 0
    ended: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.inserted or self.updated or self.ended)


def is_empty(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None


def count(connection: sqlite3.Connection, table: str) -> int:
    found: int = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
    return found


def find_differences(connection: sqlite3.Connection, dataset: Dataset, *, snapshot: bool) -> Merged:
    """Fill the scratch table with the keys that differ and their act; says how many of each."""
    sql = _Sql(dataset)
    connection.execute(f"DROP TABLE IF EXISTS {_SCRATCH}")
    connection.execute(f"CREATE TEMP TABLE differing AS SELECT {sql.key}, '' AS act FROM main.{dataset.name} WHERE 0")
    connection.execute(sql.differing)
    if snapshot:
        connection.execute(sql.vanished)
    found = dict(connection.execute(f"SELECT act, COUNT(*) FROM {_SCRATCH} GROUP BY act"))
    return Merged(inserted=found.get("insert", 0), updated=found.get("update", 0), ended=found.get("end", 0))


def load(connection: sqlite3.Connection, dataset: Dataset, *, run: int) -> Merged:
    """Copy the staged table into the empty published one."""
    connection.execute(f"INSERT INTO main.{dataset.name} SELECT * FROM staging.{dataset.name}")
    rows = count(connection, f"main.{dataset.name}")
    connection.execute(
        "INSERT INTO journal (run, dataset, account, row_key, act, was, now) VALUES (?, ?, NULL, '', 'load', NULL, ?)",
        (run, dataset.name, f'{{"rows":{rows}}}'),
    )
    return Merged(inserted=rows)


def apply(connection: sqlite3.Connection, dataset: Dataset, *, run: int) -> None:
    """Journal and carry out the differences found before."""
    sql = _Sql(dataset)
    for statement in (sql.journal_written, sql.journal_ended):
        connection.execute(statement, {"run": run})
    connection.execute(sql.end)
    connection.execute(sql.write)
    connection.execute(f"DROP TABLE {_SCRATCH}")


class _Sql:
    """The statements of one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        self._name = name = dataset.name
        self._key, self._values = dataset.key, dataset.values
        self.key = ", ".join(self._key)
        columns = ", ".join((*dataset.columns, "run"))
        differs = f"({self._cells('c', self._values)}) IS DISTINCT FROM ({self._cells('s', self._values)})"
        self.differing = (
            f"INSERT INTO {_SCRATCH} SELECT {self._cells('s', self._key)},"
            f" CASE WHEN c.{self._key[0]} IS NULL THEN 'insert' ELSE 'update' END"
            f" FROM staging.{name} AS s LEFT JOIN main.{name} AS c ON {self._same('c', 's')}"
            f" WHERE c.{self._key[0]} IS NULL OR {differs}"
        )
        self.vanished = (
            f"INSERT INTO {_SCRATCH} SELECT {self._cells('c', self._key)}, 'end' FROM main.{name} AS c"
            f" WHERE NOT EXISTS (SELECT 1 FROM staging.{name} AS s WHERE {self._same('c', 's')})"
        )
        self.journal_written = self._journal("act <> 'end'", now=True)
        self.journal_ended = self._journal("act = 'end'", now=False)
        self.end = (
            f"DELETE FROM main.{name} WHERE ({self.key}) IN (SELECT {self.key} FROM {_SCRATCH} WHERE act = 'end')"
        )
        assign = ", ".join(f"{column} = excluded.{column}" for column in (*self._values, "run"))
        self.write = (
            f"INSERT INTO main.{name} ({columns}) SELECT {self._cells('s', (*dataset.columns, 'run'))}"
            f" FROM {_SCRATCH} AS d JOIN staging.{name} AS s ON {self._same('d', 's')} WHERE d.act <> 'end'"
            f" ON CONFLICT ({self.key}) DO UPDATE SET {assign}"
        )

    @staticmethod
    def _cells(alias: str, names: tuple[str, ...]) -> str:
        return ", ".join(f"{alias}.{name}" for name in names)

    def _same(self, left: str, right: str) -> str:
        return " AND ".join(f"{left}.{name} = {right}.{name}" for name in self._key)

    def _journal(self, which: str, *, now: bool) -> str:
        account = "d.account" if self._key[0] == "account" else "NULL"
        was = f"CASE WHEN c.{self._key[0]} IS NULL THEN NULL ELSE {self._object('c')} END"
        staged = f"LEFT JOIN staging.{self._name} AS s ON {self._same('d', 's')}" if now else ""
        return (
            "INSERT INTO journal (run, dataset, account, row_key, act, was, now)"
            f" SELECT :run, '{self._name}', {account}, json_array({self._cells('d', self._key)}), d.act, {was},"
            f" {self._object('s') if now else 'NULL'} FROM {_SCRATCH} AS d"
            f" LEFT JOIN main.{self._name} AS c ON {self._same('d', 'c')} {staged} WHERE d.{which}"
        )

    def _object(self, alias: str) -> str:
        return "json_object(" + ", ".join(f"'{name}', {alias}.{name}" for name in self._values) + ")"
