"""Fixtures that several rooms share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from demo import firebird as firebird_
from demo import mariadb as mariadb_
from demo.firebird import Firebird
from demo.mariadb import MariaDb
from demo.postgres import Postgres, throw_away
from lk_sync.flow import pull
from tests.at_the_store import kept as kept
from tests.at_the_store import server as server
from tests.at_the_store import shared as shared
from tests.children import Context

# A busy machine is no fault of the code: examples have no deadline, every failure prints how to repeat it.
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A throw-away PostgreSQL over TLS for the whole run. Make a base of your own: `postgres.create_database(…)`."""
    with throw_away() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """A throw-away MariaDB over TLS for the whole run. Make a base of your own: `mariadb.create_database(…)`."""
    with mariadb_.throw_away() as server:
        yield server


@pytest.fixture(scope="session")
def firebird() -> Iterator[Firebird]:
    """A throw-away Firebird that demands encryption, for the whole run. Make a base: `firebird.create_database(…)`."""
    with firebird_.throw_away() as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def children_of_the_moment() -> Iterator[None]:
    """Children of a pull know the secrets that the test has set."""
    plain = pull._context
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pull, "_context", lambda connector: Context(plain(connector)))
        yield
