"""What is left of an engine that ends while its source keeps silent in the middle of a fetch?"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from demo.postgres import Postgres
from tests.faults.killing import truths
from tests.faults.killing.founding import drop_port, founded, reroute
from tests.faults.killing.victims import Victim, engine
from tests.faults.proxy import CHUNK, Fault, Proxy
from tests.faults.ways import ByDrop, ByOdbc, Way

FAR_INTO_THE_FETCH = 40_000
SECONDS = 30


@contextmanager
def _by_drop(folder: Path) -> Iterator[tuple[Way, Proxy]]:
    with founded(folder / "town", accounts=50) as town, Proxy("127.0.0.1", drop_port(town)) as proxy:
        reroute(town, "sources", port=proxy.port)
        way = ByDrop(town)
        way.change()
        yield way, proxy


@contextmanager
def _by_odbc(folder: Path, server: Postgres) -> Iterator[tuple[Way, Proxy]]:
    with closing(ByOdbc(folder, server, "orphans", accounts=50)) as way, Proxy(server.host, server.port) as proxy:
        way.reroute(proxy.port)
        yield way, proxy


@pytest.fixture(params=["drop", "odbc"])
def silent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Way, Victim]]:
    """An engine that waits for the next byte."""
    of_the_way = _by_drop(tmp_path) if request.param == "drop" else _by_odbc(tmp_path, _server(request))
    with of_the_way as (way, proxy):
        proxy.fault = Fault("silence", at=FAR_INTO_THE_FETCH)
        victim = Victim("engine", tmp_path, engine(way.config, way.environment))
        victim.start()
        try:
            until = time.monotonic() + SECONDS
            while not ("pull" in victim.board.seen and proxy.passed["from_server"] > FAR_INTO_THE_FETCH - CHUNK):
                assert time.monotonic() < until, (tmp_path / "log").read_text()
                time.sleep(0.05)
            yield way, victim
        finally:
            victim.end()


def _server(request: pytest.FixtureRequest) -> Postgres:
    server: Postgres = request.getfixturevalue("postgres")
    return server


def test_nobody_outlives_an_engine_that_is_killed(silent: tuple[Way, Victim]) -> None:
    _, victim = silent
    assert "pull" in victim.kill()


def test_an_engine_that_is_told_to_stop_rolls_back_the_pull_in_hand_and_leaves_nobody(
    silent: tuple[Way, Victim],
) -> None:
    way, victim = silent
    assert victim.stop() == 0
    assert way.shown == truths.NOTHING
    with closing(sqlite3.connect(way.cache.with_name("store.db"))) as store:
        ((state, reason),) = store.execute("SELECT state, error_text FROM runs").fetchall()
    assert (state, reason) == ("broken", "остановлено по требованию; ничего не опубликовано")
    assert not list((way.cache.parent / "staging").iterdir())
