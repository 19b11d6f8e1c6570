"""A connector that somebody else ships: the ledger of a small accounting program, an SQLite file of this machine.

Nothing leaves the machine, so the file's own rights are what protects the way: a ledger that others may read or write
is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from lk_sync.contracts import Batch, Channel, Totals, Wanted
from lk_sync.errors import AccessDenied, BadData, SchemaDrift, SettingsError, Unprotected, Unreachable

ROWS_PER_BATCH = 20_000
OTHERS = 0o077


class LedgerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`connection:` of the source."""

    file: Path


class LedgerOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dataset has no options."""


class LedgerSource:
    """Fulfils `lk_sync.contracts.Source`."""

    settings_type: ClassVar[type[msgspec.Struct]] = LedgerSettings
    options_type: ClassVar[type[msgspec.Struct]] = LedgerOptions

    def __init__(self, settings: LedgerSettings) -> None:
        self._file = settings.file

    def channel(self) -> Channel:
        try:
            mode = self._file.stat().st_mode
        except OSError:
            mode = 0o600  # what is not there cannot be read by others; `connect` says that it is not there
        if mode & OTHERS:
            raise Unprotected(f"{self._file}: книгу могут читать посторонние; выполните chmod 600 {self._file}")
        return Channel(peer=str(self._file), protection="файл этой машины, доступен только владельцу")

    @contextmanager
    def connect(self) -> Iterator[LedgerSession]:
        self.channel()
        if not self._file.exists():
            raise Unreachable(f"{self._file}: книги нет; проверьте connection.file и запущена ли программа учёта")
        try:
            with closing(sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=ro", uri=True)) as base:
                base.execute("BEGIN")  # everything that is read belongs to one moment
                base.execute("SELECT 1 FROM sqlite_master").fetchone()
                yield LedgerSession(base)
        except sqlite3.OperationalError as error:
            raise AccessDenied(f"{self._file}: книга не открывается ({error})") from error
        except sqlite3.DatabaseError as error:
            raise BadData(f"{self._file}: это не книга программы учёта ({error})") from error


class LedgerSession:
    """Fulfils `lk_sync.contracts.Session`."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def columns(self, wanted: Wanted) -> None:
        there = {row[1] for row in self._base.execute(f"PRAGMA table_info({_table(wanted)})")}
        asked = [*(field.column or "" for field in wanted.fields), *filter(None, [wanted.watermark])]
        if missing := [name for name in asked if name not in there]:
            raise SchemaDrift(f"{wanted.table}: нет столбцов {', '.join(missing)}; поправьте описание источника")

    def totals(self, wanted: Wanted) -> Totals | None:
        ((rows,),) = self._base.execute(f"SELECT COUNT(*) FROM {_table(wanted)}")
        return Totals(rows=rows)

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
        cells = [_quoted(field.column or "") for field in wanted.fields]
        mark = _quoted(wanted.watermark) if wanted.watermark else "NULL"
        sql, since = f"SELECT {', '.join(cells)}, {mark} FROM {_table(wanted)}", _since(wanted)
        cursor = self._base.execute(sql + (f" WHERE {mark} >= :since" if since else "") + " ORDER BY rowid", since)
        first_row = 1
        while rows := cursor.fetchmany(ROWS_PER_BATCH):
            *columns, marks = (list(column) for column in zip(*rows, strict=True))
            newest = max(filter(None, marks), default=None)
            yield Batch(
                columns=columns,
                rows=len(rows),
                exact=False,  # cells are in the ledger's own words; lk_sync validates them
                first_row=first_row,
                where=wanted.table or "",
                watermark=newest,
            )
            first_row += len(rows)


def _since(wanted: Wanted) -> Mapping[str, Any]:
    """The ledger writes whole seconds; we are asked with microseconds, which as text would be later."""
    return {"since": wanted.since.partition(".")[0]} if wanted.since and wanted.watermark else {}


def _table(wanted: Wanted) -> str:
    if wanted.table is None:
        raise SettingsError(f"{wanted.dataset.name}: книге нужен ключ from (таблица)")
    return _quoted(wanted.table)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
