"""Schema: which tables does the cache have, and in which form does a cell lie in them?

One table per dataset, named as the dataset, keys first, no rowid. Stored forms by kind:
account → integer key (`records.plain_account`, or a negative one from `account_keys`) · code → id in `codes` ·
money, volume, int → integer · month → YYYYMM · bool → 0/1 · text, date, datetime → text.
`run` is the run that last changed the row.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from lk_sync.records import DATASETS, Dataset, Field, Kind
from lk_sync.write_ahead import log_ahead

BUSY_MS: Final = 15_000

_TYPES: Final[dict[Kind, str]] = {
    "account": "BIGINT",
    "code": "BIGINT",
    "text": "TEXT",
    "int": "BIGINT",
    "bool": "SMALLINT",
    "money": "BIGINT",
    "volume": "BIGINT",
    "date": "TEXT",
    "datetime": "TEXT",
    "month": "BIGINT",
}

_BOOKKEEPING: Final = """
CREATE TABLE IF NOT EXISTS codes (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS account_keys (account INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS dataset_state (
    dataset TEXT PRIMARY KEY, source TEXT NOT NULL, run BIGINT NOT NULL, published_at TEXT NOT NULL,
    watermark TEXT, data_version BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS published_runs (run BIGINT PRIMARY KEY, published_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS journal (
    run BIGINT NOT NULL, dataset TEXT NOT NULL, account BIGINT, row_key TEXT NOT NULL,
    act TEXT NOT NULL CHECK (act IN ('load', 'insert', 'update', 'end')), was TEXT, now TEXT);
CREATE INDEX IF NOT EXISTS journal_run ON journal (run, dataset);
CREATE INDEX IF NOT EXISTS journal_account ON journal (account, dataset, run) WHERE account IS NOT NULL;
"""


def _column(field: Field) -> str:
    return f"{field.name} {_TYPES[field.kind]}{' NOT NULL' if field.required else ''}"


def table(dataset: Dataset, schema: str = "main") -> str:
    """CREATE TABLE of a dataset. Staging uses the very same text, so that a first load is copied page by page."""
    columns = [_column(field) for field in dataset.fields]
    columns.append("run BIGINT NOT NULL")
    columns.append(f"PRIMARY KEY ({', '.join(dataset.key)})")
    return f"CREATE TABLE IF NOT EXISTS {schema}.{dataset.name} ({', '.join(columns)}) WITHOUT ROWID"


def create(connection: sqlite3.Connection) -> None:
    """All tables of the cache; safe to repeat."""
    database = Database(connection)
    with database.atomic():
        for statement in _BOOKKEEPING.split(";"):
            database.execute(statement)
        for dataset in DATASETS.values():
            database.execute(table(dataset))


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The one kind of connection that may change the cache. Creates what is missing.

    `synchronous=NORMAL`: a power loss may take the last publication back, whole; the next run brings it again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    created = not path.exists()
    connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
    if created:
        path.chmod(0o600)
    log_ahead(connection, patience_ms=BUSY_MS)
    connection.execute("PRAGMA synchronous = NORMAL")
    create(connection)
    return connection
