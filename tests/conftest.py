"""Fixtures that several rooms share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.postgres import Postgres, throw_away


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A throw-away PostgreSQL over TLS for the whole run. Make a base of your own: `postgres.create_database(…)`."""
    with throw_away() as server:
        yield server
