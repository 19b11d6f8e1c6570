"""A base of the accounting system in a real PostgreSQL, and a source that reads it through its ODBC driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest

from connectors.odbc.settings import OdbcSettings
from connectors.odbc.source import OdbcSource
from demo.postgres import Postgres
from lk_sync import config
from lk_sync.contracts import Batch, FieldMap, Source, Totals, Wanted
from lk_sync.flow.validate import Reject, Validator
from lk_sync.records import DATASETS

READER = "lk_reader"
PASSWORD = "п};SERVER=127.0.0.2;PWD={'\\"  # hostile to whoever pastes it into a connection string
SECRET = {"secret": "BASE_PASSWORD"}


class Pulls(ABC):
    """A base of the accounting system, as our source sees it."""

    @abstractmethod
    def source(self, **other: Any) -> Source: ...

    def pull(self, wanted: Wanted, **other: Any) -> list[Batch]:
        with self.source(**other).connect() as session:
            session.columns(wanted)
            return list(session.pull(wanted))

    def totals(self, wanted: Wanted) -> Totals | None:
        with self.source().connect() as session:
            return session.totals(wanted)


class ByOdbc(Pulls):
    """One that an ODBC driver reaches."""

    dialect: ClassVar[str]
    server: Any
    name: str

    def reach(self, **other: Any) -> dict[str, Any]:
        """The `connection` of a YAML file; `other` replaces or adds, None removes."""
        plain = {
            "dialect": self.dialect,
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


@dataclass
class TheBase(ByOdbc):
    """One base, seen from both sides: `books` is the accounting system's, `source` ours."""

    dialect: ClassVar[str] = "postgresql"
    server: Postgres
    name: str
    books: psycopg.Connection[Any]


@pytest.fixture(scope="module")
def base(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[TheBase]:
    """An empty base for the tests of one module."""
    name = request.module.__name__.rpartition(".")[2]
    postgres.create_database(name)
    postgres.create_reader(name, READER, PASSWORD)
    with pytest.MonkeyPatch.context() as patch, postgres.connect(name) as books:
        patch.setenv("LK_BASE_PASSWORD", PASSWORD)
        yield TheBase(postgres, name, books)


def wanted(dataset: str, columns: Mapping[str, str], **other: Any) -> Wanted:
    """A wish for the fields that `columns` names; `values` holds the words of a field under its name."""
    values: Mapping[str, Mapping[str, str]] = other.pop("values", {})
    fields = tuple(
        FieldMap(
            name=field.name,
            kind=field.kind,
            required=field.required,
            column=columns[field.name],
            words=field.words,
            values=values.get(field.name, {}),
        )
        for field in DATASETS[dataset].fields
        if field.name in columns
    )
    return Wanted(dataset=DATASETS[dataset], fields=fields, **({"time_zone": "Europe/Moscow"} | other))


def taken(wish: Wanted, batches: list[Batch]) -> tuple[list[tuple[Any, ...]], list[Reject]]:
    """The rows in the record's form and the rejects, after validation, as the flow would have them."""
    validate = Validator(wish)
    parts = [validate(batch) for batch in batches]
    rows = [row for part in parts for row in zip(*part.columns, strict=True)]
    return rows, [reject for part in parts for reject in part.rejects]
