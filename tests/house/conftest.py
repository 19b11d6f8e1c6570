"""A base of a real PostgreSQL with the tables of store and cache."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from demo.postgres import Postgres


@pytest.fixture(scope="session")
def house_base(postgres: Postgres) -> Iterator[psycopg.Connection]:
    """An empty base, in which every test rolls back what it does."""
    postgres.create_database("house")
    with postgres.connect("house") as connection:
        yield connection
