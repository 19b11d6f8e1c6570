"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from multiprocessing import forkserver
from typing import Any

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


def end_of_fork_server() -> None:
    """It would end by itself once its lifeline is cut, but a process that was forked meanwhile may hold that too."""
    server = forkserver._forkserver
    if server._forkserver_pid is not None:
        os.kill(server._forkserver_pid, signal.SIGKILL)
    server._stop()


@pytest.fixture(scope="session", autouse=True)
def children_of_the_moment() -> Iterator[None]:
    """Children of a pull know the secrets that the test has set. The server that they are forked from keeps the
    environment it began with, so with another one it is begun anew."""
    began: dict[str, str] = {}
    plain = pull._context

    def context(connector: str) -> Any:
        ours = {name: value for name, value in os.environ.items() if name.startswith("LK_")}
        if ours != began:
            end_of_fork_server()
            began.clear()
            began.update(ours)
        return plain(connector)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pull, "_context", context)
        yield
