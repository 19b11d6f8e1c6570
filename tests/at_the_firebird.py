"""A base of the accounting system in a real Firebird, and a source that reads it through its client library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.firebird.settings import FirebirdSettings
from connectors.firebird.source import FirebirdSource
from demo.firebird import Firebird
from lk_sync import config
from tests.at_the_base import PASSWORD, SECRET, Pulls

READER = "LK_READER"


@dataclass
class TheFirebird(Pulls):
    """One base, seen from both sides: `books` runs a script as the accounting system, `source` is ours."""

    server: Firebird
    name: str

    def books(self, script: str) -> str:
        return self.server.run(script, database=self.name)

    def grant(self, *tables: str) -> None:
        self.books("".join(f'GRANT SELECT ON "{table}" TO {READER};' for table in tables) + "COMMIT;")

    def reach(self, **other: Any) -> dict[str, Any]:
        """The `connection` of a YAML file; `other` replaces or adds, None removes."""
        plain = {
            "host": self.server.host,
            "port": self.server.port,
            "database": str(self.server.path(self.name)),
            "username": READER,
            "password": SECRET,
            "wire_crypt": "required",
            "connect_timeout": 5,
            "statement_timeout": 30,
        }
        return {key: value for key, value in (plain | other).items() if value is not None}

    def source(self, **other: Any) -> FirebirdSource:
        return FirebirdSource(config.convert(self.reach(**other), FirebirdSettings, path=Path("source.yaml")))


@pytest.fixture(scope="module")
def bird(firebird: Firebird, request: pytest.FixtureRequest) -> Iterator[TheFirebird]:
    """An empty base for the tests of one module."""
    name = request.module.__name__.rpartition(".")[2]
    firebird.create_database(name)
    firebird.create_reader(name, READER, PASSWORD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LK_BASE_PASSWORD", PASSWORD)
        yield TheFirebird(firebird, name)
