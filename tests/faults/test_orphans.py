"""What is left of an engine that ends while its source keeps silent in the middle of a file?"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo import snapshot
from tests.faults.killing import truths
from tests.faults.killing.founding import drop_port, founded, reroute
from tests.faults.killing.town import Town
from tests.faults.killing.victims import Victim, engine
from tests.faults.proxy import Fault, Proxy

FAR_INTO_A_FILE = 30_000


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with founded(tmp_path / "town", accounts=50) as town:
        snapshot.write(town.drop / "out", town.books, datetime.now(UTC))
        yield town


@pytest.fixture
def hanging(town: Town) -> Iterator[Victim]:
    """An engine that waits for the next byte of a file."""
    with Proxy("127.0.0.1", drop_port(town)) as proxy:
        reroute(town, "sources", port=proxy.port)
        proxy.fault = Fault("silence", at=FAR_INTO_A_FILE)
        victim = Victim("engine", town.folder, engine(town))
        victim.start()
        try:
            _until(lambda: "pull" in victim.board.seen and proxy.passed["from_server"] >= FAR_INTO_A_FILE)
            yield victim
        finally:
            victim.end()


def _until(done, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_nobody_outlives_an_engine_that_is_killed(hanging: Victim) -> None:
    assert "pull" in hanging.kill()


def test_an_engine_that_is_told_to_stop_rolls_the_pull_in_hand_back_and_leaves_nobody(
    town: Town, hanging: Victim
) -> None:
    assert hanging.stop() == 0
    assert truths.of_cache(town.cache) == truths.NOTHING
    with closing(sqlite3.connect(town.store)) as store:
        ((state, reason),) = store.execute("SELECT state, error_text FROM runs").fetchall()
    assert (state, reason) == ("failed", "остановлено по требованию; ничего не опубликовано")
    assert not list((town.cache.parent / "staging").iterdir())
