"""A base of the accounting system in a real MariaDB, and a source that reads it through its ODBC driver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.odbc.settings import OdbcSettings
from connectors.odbc.source import OdbcSource
from demo.mariadb import MariaDb
from lk_sync import config
from lk_sync.contracts import Batch, Totals, Wanted
from tests.at_the_base import PASSWORD, READER, SECRET


@dataclass
class TheMariaDb:
    """One base, seen from both sides: `books` runs a script as the accounting system, `source` is ours."""

    server: MariaDb
    name: str

    def books(self, script: str) -> str:
        return self.server.run(script, database=self.name)

    def reach(self, **other: Any) -> dict[str, Any]:
        """The `connection` of a YAML file; `other` replaces or adds, None removes."""
        plain = {
            "dialect": "mariadb",
            "host": self.server.host,
            "port": self.server.port,
            "database": self.name,
            "username": READER,
            "password": SECRET,
            "tls": "verify-full",
            "ca": str(self.server.ca),
            "connect_timeout": 5,
            "statement_timeout": 30,
        }
        return {key: value for key, value in (plain | other).items() if value is not None}

    def source(self, **other: Any) -> OdbcSource:
        return OdbcSource(config.convert(self.reach(**other), OdbcSettings, path=Path("source.yaml")))

    def pull(self, wanted: Wanted, **other: Any) -> list[Batch]:
        with self.source(**other).connect() as session:
            session.columns(wanted)
            return list(session.pull(wanted))

    def totals(self, wanted: Wanted) -> Totals | None:
        with self.source().connect() as session:
            return session.totals(wanted)


@pytest.fixture(scope="module")
def maria(mariadb: MariaDb, request: pytest.FixtureRequest) -> Iterator[TheMariaDb]:
    """An empty base for the tests of one module."""
    name = request.module.__name__.rpartition(".")[2]
    mariadb.create_database(name)
    mariadb.create_reader(name, READER, PASSWORD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LK_BASE_PASSWORD", PASSWORD)
        yield TheMariaDb(mariadb, name)
