"""Schema: which tables does the cache have, and in which form does a cell lie in them?

One table per dataset, named as the dataset, keys first, no rowid. Stored forms by kind:
account → integer key (`records.plain_account`, or a negative one from `account_keys`) · code → id in `codes` ·
money, volume, int → integer · month → YYYYMM · bool → 0/1 · text, date, datetime → text.
After its fields every row has `extra` (a JSON object of what the supplier labels himself, label → text), `origin`
(whose row it is, an id of `sources`) and `run` (who changed it last).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from lk_sync.cache.base import SqliteBase
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
CREATE TABLE IF NOT EXISTS {at}codes (id BIGINT PRIMARY KEY, code TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS {at}account_keys (account BIGINT PRIMARY KEY, number TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS {at}sources (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS {at}dataset_state (
    dataset TEXT NOT NULL, source TEXT NOT NULL, run BIGINT NOT NULL, published_at TEXT NOT NULL,
    watermark TEXT, gone_watermark TEXT, data_version BIGINT NOT NULL, PRIMARY KEY (dataset, source));
CREATE TABLE IF NOT EXISTS {at}published_runs (
    run BIGINT PRIMARY KEY, published_at TEXT NOT NULL, source TEXT NOT NULL, datasets TEXT NOT NULL,
    state_before TEXT NOT NULL, reverts BIGINT);
CREATE TABLE IF NOT EXISTS {at}journal (
    run BIGINT NOT NULL, dataset TEXT NOT NULL, account BIGINT, row_key TEXT NOT NULL,
    act TEXT NOT NULL CHECK (act IN ('load', 'insert', 'update', 'end')), was TEXT, now TEXT);
CREATE TABLE IF NOT EXISTS {at}taken_files (
    source TEXT NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, version TEXT,
    state TEXT NOT NULL, report TEXT, mapping TEXT NOT NULL, run BIGINT NOT NULL,
    PRIMARY KEY (source, dataset, name, sha256));
CREATE TABLE IF NOT EXISTS {at}besides (
    dataset TEXT NOT NULL, source TEXT NOT NULL, beside TEXT NOT NULL, match TEXT NOT NULL, match_days BIGINT NOT NULL,
    PRIMARY KEY (dataset, source));
CREATE INDEX IF NOT EXISTS journal_run ON {on}journal (run, dataset);
CREATE INDEX IF NOT EXISTS journal_load ON {on}journal (dataset, run) WHERE act = 'load';
CREATE INDEX IF NOT EXISTS journal_account ON {on}journal (account, dataset, run) WHERE account IS NOT NULL;
"""
INDICES: Final = ("CREATE INDEX IF NOT EXISTS accounts_building ON {on}accounts (building) WHERE building IS NOT NULL",)
KEPT: Final = (
    "codes",
    "account_keys",
    "sources",
    "dataset_state",
    "published_runs",
    "journal",
    "taken_files",
    "besides",
    *(f"aside_{name}" for name in DATASETS),
)
LAYOUT: Final = 9  # of the tables; a cache of another layout is emptied, the next run fills it


def _column(field: Field) -> str:
    return f"{field.name} {_TYPES[field.kind]}{' NOT NULL' if field.required else ''}"


def columns(dataset: Dataset) -> tuple[str, ...]:
    """Every column of the dataset's table, in order."""
    return (*dataset.columns, "extra", "origin", "run")


def table(dataset: Dataset, schema: str = "main") -> str:
    """CREATE TABLE of a dataset. Staging uses the very same text, so that a first load is copied page by page."""
    cells = [_column(field) for field in dataset.fields]
    cells += ["extra TEXT", "origin BIGINT NOT NULL", "run BIGINT NOT NULL"]
    cells.append(f"PRIMARY KEY ({', '.join(dataset.key)})")
    return f"CREATE TABLE IF NOT EXISTS {schema}.{dataset.name} ({', '.join(cells)})"


def gone_table(dataset: Dataset, schema: str = "main") -> str:
    """CREATE TABLE of the keys whose rows the source has deleted."""
    keys = ", ".join(_column(dataset.field(name)) for name in dataset.key)
    return f"CREATE TABLE {schema}.gone_{dataset.name} ({keys}, PRIMARY KEY ({', '.join(dataset.key)}))"


def aside(dataset: Dataset) -> str:
    """The name of the table of rows that are left out, for a row of another source is the same thing."""
    return f"aside_{dataset.name}"


def aside_table(dataset: Dataset, schema: str = "main") -> str:
    """CREATE TABLE of these rows; sources do not share keys there."""
    made = table(dataset, schema).replace(f"{schema}.{dataset.name} (", f"{schema}.{aside(dataset)} (", 1)
    return made.replace("PRIMARY KEY (", "PRIMARY KEY (origin, ", 1)


def tables(schema: str) -> list[str]:
    """The statements that make the cache in a schema of PostgreSQL."""
    bookkeeping = _BOOKKEEPING.format(at=f"{schema}.", on=f"{schema}.").split(";")
    return (
        [text.strip() for text in bookkeeping if text.strip()]
        + [made(each, schema) for each in DATASETS.values() for made in (table, aside_table)]
        + [index.format(on=f"{schema}.") for index in INDICES]
    )


def in_sqlite(table: str) -> str:
    """SQLite keeps rows in their primary key, without a number of its own."""
    return f"{table} WITHOUT ROWID"


def create(connection: sqlite3.Connection) -> None:
    """All tables of the cache; safe to repeat."""
    if connection.execute("PRAGMA user_version").fetchone() == (LAYOUT,):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("PRAGMA user_version").fetchone() != (LAYOUT,):  # nobody has done it meanwhile
            _empty(connection)
        for statement in _BOOKKEEPING.format(at="main.", on="").split(";"):
            connection.execute(statement)
        for dataset in DATASETS.values():
            connection.execute(in_sqlite(table(dataset)))
            connection.execute(in_sqlite(aside_table(dataset)))
        for index in INDICES:
            connection.execute(index.format(on=""))
        connection.execute(f"PRAGMA user_version = {LAYOUT}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _empty(connection: sqlite3.Connection) -> None:
    """Tables of another layout go; whoever opens the cache meanwhile sees the former ones or those that follow."""
    for name in (*KEPT, *DATASETS):
        connection.execute(f"DROP TABLE IF EXISTS main.{name}")


def open_for_writing(path: Path) -> SqliteBase:
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
    return SqliteBase(connection)
