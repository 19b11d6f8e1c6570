"""Locks of all machines: one holder, freed with his session; one who lost his publishes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from lk_sync.cache.codes import Codes
from lk_sync.errors import Busy, Unreachable
from lk_sync.flow import publish
from lk_sync.flow.stage import Staged, Staging
from lk_sync.flow.validate import Validated
from lk_sync.postgresql.locks import of_all_machines
from lk_sync.records import DATASETS
from tests.at_the_store import Kept, Server

BILLS = DATASETS["bills"]


@pytest.fixture
def held(shared: Kept) -> Iterator[ExitStack]:
    """Locks that are held until the end of the test."""
    with ExitStack() as stack:
        yield stack


def _lose(server: Server, kept: Kept, name: str) -> None:
    """The server ends the session that holds the lock; its holder knows nothing."""
    assert kept.address is not None
    with server.postgres.connect() as admin:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE %s"
            " AND datname = %s",
            (f"%lock {name} %", kept.address.peer.rpartition("/")[2]),
        ).fetchall()
    assert ended == [(True,)]


def test_a_lock_has_one_holder_and_is_free_after_him(shared: Kept) -> None:
    assert shared.address is not None
    with of_all_machines(shared.address, "books") as hold:
        assert not hold.is_lost()
        with pytest.raises(Busy, match=r"«books» уже выполняется другим процессом \(\S+:\d+\)"):
            of_all_machines(shared.address, "books").__enter__()
        with of_all_machines(shared.address, "bank"):
            pass
    with of_all_machines(shared.address, "books"):
        pass


def test_one_who_lost_a_lock_learns_of_it(shared: Kept, server: Server, held: ExitStack) -> None:
    assert shared.address is not None
    hold = held.enter_context(of_all_machines(shared.address, "books"))
    _lose(server, shared, "books")
    assert hold.is_lost()


def _staged(kept: Kept, folder: Path, run: int) -> Path:
    path = folder / f"run-{run}.db"
    with closing(kept.cache().open()) as base:
        staging = Staging(path, run=run, source="books", codes=Codes(base))
        stage = staging.begin(BILLS, BILLS.columns)
        row = (1_001, 202610, str(run), "2026-11-01", "2026-11-15", None, 5, "issued")
        columns = [[cell] for cell in row]
        stage.add(Validated(columns=columns, numbers=range(1, 2), rejects=[], rejected_rows=0), where="x")
        stage.finish(Staged(dataset="bills", mode="increment", pulled=1, sums=stage.sums))
        staging.close()
    return path


def test_one_who_lost_his_lock_publishes_nothing(shared: Kept, server: Server, held: ExitStack, tmp_path: Path) -> None:
    assert shared.address is not None
    hold = held.enter_context(of_all_machines(shared.address, "books"))
    cache = shared.cache()
    with publish.staged_beside_cache(cache, _staged(shared, tmp_path, 1), hold) as (base, staged):
        publish.publish(base, staged, run=1, source="books", at="a")
        _lose(server, shared, "books")
        held.enter_context(of_all_machines(shared.address, "books"))
        with pytest.raises(Unreachable, match="работу взял другой компьютер"):
            publish.publish(base, staged, run=2, source="books", at="b")
        assert not publish.is_published(cache, 2)
    assert shared.cells(tmp_path, "SELECT number, run FROM bills") == [("1", 1)]


def test_who_takes_a_lock_waits_for_the_publication_of_the_one_who_lost_it(
    shared: Kept, server: Server, held: ExitStack, tmp_path: Path
) -> None:
    assert shared.address is not None
    address, cache = shared.address, shared.cache()
    hold = held.enter_context(of_all_machines(address, "books"))
    taken, seen = threading.Event(), []

    def take() -> None:
        with of_all_machines(address, "books"):
            seen.append(publish.is_published(cache, 1))
            taken.set()

    with publish.staged_beside_cache(cache, _staged(shared, tmp_path, 1), hold) as (base, _):
        with base.exclusively("publication"):
            _lose(server, shared, "books")
            other = threading.Thread(target=take)
            other.start()
            assert not taken.wait(0.5)
            base.execute("INSERT INTO cache.published_runs VALUES (1, 'a', 'books', '[]', '[]', NULL)")
        other.join(10)
    assert seen == [True]
