"""Where cache and store are kept: in files, or in a base of a real PostgreSQL that two machines may share.

A test that takes `kept` runs on both. In PostgreSQL it has a base of its own, which belongs to an ordinary role.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from psycopg import sql

from demo.postgres import Postgres
from lk_sync.cache import schema
from lk_sync.cache.places import CachePlace, PostgresCache, SqliteCache
from lk_sync.postgresql import address
from lk_sync.postgresql.address import Address
from lk_sync.postgresql.connection import connect
from lk_sync.store.database import Store

OWNER = "lk_engine"
PASSWORD = "п@роль:/?#%&'\\ 1"  # hostile to whoever pastes it into a URL
TEMPLATE = "lk_template"
_numbers = itertools.count(1)


@dataclass
class Kept:
    """`environment` is what a process needs to find it; nothing for files."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> Address | None:
        return address.from_environment(self.environment)

    def store(self) -> Store:
        return Store(self.address or self.folder / "store.db")

    def cache(self) -> CachePlace:
        return PostgresCache(self.address) if self.address else SqliteCache(self.folder / "cache.db")

    def cells(self, file: Path, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the cache, which is in `file` unless it is on the server."""
        if self.address:
            with connect(self.address, "test", {"search_path": "cache"}) as server:
                return server.execute(sql).fetchall()
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    def empty(self) -> None:
        """Nothing was ever stored. All stores are closed."""
        for path in self.folder.glob("store.db*"):
            path.unlink()
        if self.address:
            with connect(self.address, "test", {"search_path": "store"}) as connection:
                found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'store'").fetchall()
                tables = ", ".join(sorted({name for (name,) in found} - {"migrations"}))
                connection.execute(f"TRUNCATE {tables}")


@dataclass
class Server:
    """A server with an empty store and cache to be copied from."""

    postgres: Postgres
    spare: str = ""

    def url(self, database: str, *, user: str = OWNER, password: str = PASSWORD, **other: str) -> str:
        reach = {"sslmode": "verify-full", "sslrootcert": str(self.postgres.ca)} | other
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        where = f"{reach.pop('host', self.postgres.host)}:{reach.pop('port', self.postgres.port)}"
        return f"postgresql://{who}@{where}/{database}?{urlencode(reach)}"

    def environment(self, database: str, **other: str) -> dict[str, str]:
        return {address.SETTING: self.url(database, **other)}

    def create(self, name: str, template: str) -> None:
        with self.postgres.connect() as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' OWNER {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), sql.Identifier(template), sql.Identifier(OWNER)
                )
            )

    def drop(self, name: str) -> None:
        with self.postgres.connect() as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def give(self) -> str:
        """The name of a base in which nothing was ever stored. One that was given back is given again."""
        if not self.spare:
            self.spare = f"lk_{next(_numbers)}"
            self.create(self.spare, TEMPLATE)
        name, self.spare = self.spare, ""
        return name

    def take_back(self, name: str) -> None:
        with self.postgres.connect(name) as admin:
            layout = admin.execute("SELECT to_regclass('cache.edition')").fetchone()
            if layout == (None,) or admin.execute("SELECT layout FROM cache.edition").fetchone() != (schema.LAYOUT,):
                return  # the test was about that; nobody wants it any more
            admin.execute("SET session_replication_role = replica")  # no order of tables is needed
            found = admin.execute(
                "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('cache', 'store')"
            ).fetchall()
            tables = {table for (table,) in found} - {"store.migrations", "cache.edition"}
            admin.execute("; ".join(f"DELETE FROM {table}" for table in sorted(tables)))
        self.spare = name


@pytest.fixture(scope="session")
def server(postgres: Postgres) -> Server:
    return made(postgres)


def made(postgres: Postgres) -> Server:
    """The server with the owner of our bases, and an empty one."""
    server = Server(postgres)
    with postgres.connect() as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(OWNER), sql.Literal(PASSWORD)))
    server.create(TEMPLATE, "template0")
    kept = Kept(Path(), server.environment(TEMPLATE))
    kept.store().close()
    kept.cache().open().close()
    return server


@pytest.fixture
def shared(server: Server, tmp_path: Path) -> Iterator[Kept]:
    """Cache and store in a base of PostgreSQL."""
    name = server.give()
    yield Kept(tmp_path, server.environment(name))
    server.take_back(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Cache and store, in either."""
    if request.param == "sqlite":
        return Kept(tmp_path)
    shared: Kept = request.getfixturevalue("shared")
    return shared
