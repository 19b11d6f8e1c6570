"""A store or a cache that is being made: by several processes at once, by one that is killed, by a newer program."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lk_sync.cache import schema
from lk_sync.errors import SettingsError
from lk_sync.store.database import Store, migrations
from tests.faults.killing import truths

TOGETHER = 6
TIMES = 15
LASTS_SECONDS = 0.06
FORKS = multiprocessing.get_context("fork")


def _open(path: Path) -> None:
    Store(path).close()


def _open_cache(path: Path) -> None:
    schema.open_for_writing(path).close()


def _together(work: Callable[[Path], None], path: Path) -> list[int | None]:
    """How processes ended that did the work at the same moment."""
    gate = FORKS.Barrier(TOGETHER)

    def opener() -> None:
        gate.wait()
        work(path)

    openers = [FORKS.Process(target=opener) for _ in range(TOGETHER)]
    for each in openers:
        each.start()
    for each in openers:
        each.join()
    return [each.exitcode for each in openers]


def _state(path: Path) -> tuple[list[str], bool]:
    """The migrations that it has seen, and whether it is sound."""
    with closing(sqlite3.connect(path)) as store:
        tables = {name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        seen = [name for (name,) in store.execute("SELECT name FROM migrations")] if "migrations" in tables else []
        assert bool(seen) == ("outbox" in tables), "half of a migration is there"
        return seen, store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_several_processes_may_open_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    for time_ in range(TIMES):
        path = tmp_path / f"store-{time_}.db"
        assert _together(_open, path) == [0] * TOGETHER
        assert _state(path) == ([name for name, _ in migrations()], True)


def test_several_processes_may_open_a_cache_that_is_not_there_yet(tmp_path: Path) -> None:
    for time_ in range(TIMES):
        path = tmp_path / f"cache-{time_}.db"
        assert _together(_open_cache, path) == [0] * TOGETHER
        assert truths.of_cache(path) == truths.NOTHING


def test_a_process_killed_while_it_makes_the_store_leaves_nothing_half_made(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311 - repeatable by seed
    for time_ in range(TIMES):
        path = tmp_path / f"store-{time_}.db"
        opener = FORKS.Process(target=_open, args=(path,))
        opener.start()
        time.sleep(chance.uniform(0, LASTS_SECONDS))
        assert opener.pid is not None
        os.kill(opener.pid, signal.SIGKILL)
        opener.join()
        if path.exists():
            assert _state(path)[1]
        Store(path).close()
        assert _state(path) == ([name for name, _ in migrations()], True)


def test_a_store_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Store(path).close()
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("INSERT INTO migrations VALUES ('9999_from_the_future', '2030-01-01T00:00:00.000Z')")
    before = path.read_bytes()
    with pytest.raises(SettingsError, match=r"создано более новой версией программы.*9999_from_the_future"):
        Store(path)
    assert path.read_bytes() == before
