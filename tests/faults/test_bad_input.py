"""What does the operator read when the accounting system gives nonsense or nothing, and what do subscribers see?

In every case: a sentence and an exit code, the cache as it was, and the next good export published without anybody
having to clear up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from demo.postgres import Postgres
from tests.faults.killing.founding import drop_port, founded, reroute
from tests.faults.proxy import Fault, Proxy
from tests.faults.ways import COLUMN, RENAMED, ByDrop, ByOdbc, Way

ACCOUNTS = 20
UNREACHABLE = 3
AMISS = 1
FAR_INTO_THE_FETCH = 60_000

Reroute = Callable[[int], None]


@pytest.fixture(scope="module")
def by_drop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ByDrop, Proxy]]:
    folder = tmp_path_factory.mktemp("drop") / "town"
    with founded(folder, accounts=ACCOUNTS) as town, Proxy("127.0.0.1", drop_port(town)) as proxy:
        reroute(town, "sources", port=proxy.port)
        yield _begun(ByDrop(town)), proxy


@pytest.fixture(scope="module")
def by_odbc(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[tuple[ByOdbc, Proxy]]:
    way = ByOdbc(tmp_path_factory.mktemp("odbc"), postgres, "faults", accounts=ACCOUNTS)
    with Proxy(postgres.host, postgres.port) as proxy:
        way.reroute(proxy.port)
        yield _begun(way), proxy
    way.close()


def _begun(way: Way) -> Way:
    """The first sync has been."""
    way.change()
    assert way.sync("pull").returncode == 0
    assert way.shown == way.meant
    return way


@pytest.fixture(params=["by_drop", "by_odbc"])
def both(request: pytest.FixtureRequest) -> Iterator[tuple[Way, Proxy]]:
    """Either way; afterwards the trouble is over, and the next pull proves it."""
    way, proxy = request.getfixturevalue(request.param)
    before = way.shown
    yield way, proxy
    assert way.shown == before, "what subscribers see has changed"
    proxy.fault = None
    way.heal()
    done = way.sync("pull")
    assert done.returncode == 0, done.stderr
    assert way.shown == way.meant


def test_a_server_that_is_down_at_the_start_is_said_to_be_unreachable(both: tuple[Way, Proxy]) -> None:
    way, proxy = both
    way.change()
    proxy.fault = Fault("refuse")
    done = way.sync("pull")
    assert done.returncode == UNREACHABLE
    assert f"127.0.0.1:{proxy.port}" in done.stderr


def test_a_server_that_is_gone_in_the_middle_of_a_fetch_changes_nothing(both: tuple[Way, Proxy]) -> None:
    way, proxy = both
    way.change()
    proxy.fault = Fault("reset", at=FAR_INTO_THE_FETCH)
    done = way.sync("pull")
    assert done.returncode == UNREACHABLE
    assert f"127.0.0.1:{proxy.port}" in done.stderr


def test_a_dataset_that_is_suddenly_empty_is_held_for_a_person(both: tuple[Way, Proxy]) -> None:
    way, _ = both
    way.empty()
    done = way.sync("pull")
    assert done.returncode == AMISS
    assert "charges: источник пуст, опубликовано" in done.stdout
    status = way.sync("status")
    assert status.returncode == AMISS
    assert "источник пуст" in status.stdout
    assert "lk-sync approve" in status.stdout


def test_a_renamed_column_is_named_with_the_one_that_is_like_it(both: tuple[Way, Proxy]) -> None:
    way, _ = both
    way.rename()
    done = way.sync("pull")
    assert done.returncode == AMISS
    assert COLUMN in done.stderr
    assert RENAMED in done.stderr


def test_a_column_of_another_type_is_not_taken(both: tuple[Way, Proxy]) -> None:
    way, _ = both
    way.retype()
    done = way.sync("pull")
    assert done.returncode == AMISS
    assert "charges" in done.stderr + done.stdout


def test_a_file_of_another_encoding_is_told_by_its_name(by_drop: tuple[ByDrop, Proxy]) -> None:
    way, _ = by_drop
    before = way.shown
    way.recode()
    done = way.sync("pull")
    assert done.returncode == AMISS
    assert "это не utf-8, похоже на cp1251; укажите encoding" in done.stderr
    assert way.shown == before
    way.heal()
    assert way.sync("pull").returncode == 0
    assert way.shown == way.meant
