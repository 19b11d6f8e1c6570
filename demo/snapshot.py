"""Snapshot: how does the accounting system hand out its books as files?

One set of CSV files, one for each dataset, all of one stamp: `charges-20261123T101500.csv` with its manifest
`charges-20261123T101500.csv.ok` (rows, SHA-256, sums of money columns). Files are written as `.part` and renamed;
manifests come last, so a set without all of its manifests is not finished. Written as a stream of accounts.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from demo.accounting import TABLES, Table, cells, rubles
from demo.bookkeeper import Bookkeeper
from demo.supplier import Books
from lk_sync.records import DATASETS

Row = tuple[Any, ...]
PORTION: Final = 25
"""Accounts whose rows are turned into cells together."""


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong on the accounting system's side, for tests: datasets without rows, columns renamed."""

    emptied: frozenset[str] = frozenset()
    renamed: Mapping[str, Mapping[str, str]] = {}


NO_QUIRKS: Final = Quirks()


class HashingFile(io.RawIOBase):
    """Passes bytes on to a file and keeps their SHA-256."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        return self._file.write(data)

    def close(self) -> None:
        super().close()
        self._file.close()


class DatasetFile:
    """One CSV file of a set while it is written."""

    def __init__(self, folder: Path, stamp: str, table: Table, quirks: Quirks) -> None:
        self.path = folder / f"{table.dataset}-{stamp}.csv"
        self._table = table
        self._renamed = quirks.renamed.get(table.dataset, {})
        self._emptied = table.dataset in quirks.emptied
        self._rows = 0
        self._sums: Counter[str] = Counter()
        self._file = _part(self.path).open("wb")
        self._hashing = HashingFile(self._file)
        self._text = io.TextIOWrapper(io.BufferedWriter(self._hashing, 1 << 16), "utf-8", newline="")
        self._csv = csv.writer(self._text, delimiter=";", lineterminator="\r\n")
        self._csv.writerow(self._renamed.get(column, column) for column in table.heading)

    def add(self, rows: list[Row]) -> None:
        if self._emptied or not rows:
            return
        self._csv.writerows(cells(self._table, rows))
        self._rows += len(rows)
        names = DATASETS[self._table.dataset].columns
        for field in DATASETS[self._table.dataset].totals:
            position = names.index(field)
            self._sums[field] += sum(row[position] for row in rows)

    def finish(self) -> None:
        """On the disk and under its own name."""
        self._text.flush()
        os.fsync(self._file.fileno())
        self.close()
        _part(self.path).rename(self.path)

    def manifest(self) -> None:
        columns = {field: column for column, field in self._table.columns.items()}
        told = {
            "file": self.path.name,
            "rows": self._rows,
            "sha256": self._hashing.sha256.hexdigest(),
            "sums": {
                self._renamed.get(columns[field], columns[field]): rubles(self._sums[field])
                for field in DATASETS[self._table.dataset].totals
            },
            "snapshot": True,
        }
        manifest = manifest_of(self.path)
        _part(manifest).write_text(json.dumps(told, ensure_ascii=False, indent=1), "utf-8")
        _part(manifest).rename(manifest)

    def close(self) -> None:
        self._text.close()


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def manifest_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.ok")


def stamp(moment: datetime) -> str:
    """Sorts as it reads; milliseconds keep two sets apart."""
    return moment.strftime("%Y%m%dT%H%M%S") + f"{moment.microsecond // 1000:03d}"


def write(folder: Path, books: Bookkeeper, moment: datetime, quirks: Quirks = NO_QUIRKS) -> str:
    """Write a set into `folder` and return its stamp. Memory does not grow with the number of accounts."""
    mark = stamp(moment)
    with ExitStack() as stack:
        files = {name: DatasetFile(folder, mark, table, quirks) for name, table in TABLES.items()}
        for file in files.values():
            stack.callback(file.close)
        for name, rows in books.supplier.common().items():
            files[name].add(rows)
        for portion in portions(books.every()):
            for name, rows in portion.items():
                files[name].add(rows)
        for file in files.values():
            file.finish()
        for file in reversed(files.values()):  # a reader looks for the first one first
            file.manifest()
    return mark


def portions(books: Iterator[Books], size: int = PORTION) -> Iterator[Books]:
    """Books of many accounts, dataset by dataset, `size` accounts at a time."""
    while some := list(islice(books, size)):
        yield {name: _rows(some, name) for name in some[0]}


def _rows(some: Iterable[Books], name: str) -> list[Row]:
    return list(chain.from_iterable(books[name] for books in some))


def prune(folder: Path, keep: int) -> None:
    """Remove all but the last `keep` sets."""
    for name in TABLES:
        for path in sorted(folder.glob(f"{name}-*.csv"))[:-keep]:
            manifest_of(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
