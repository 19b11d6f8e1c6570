"""Two machines, one store: each job is walked once, and when one engine dies the other takes over where it was."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lk_sync.store import runs
from tests.at_the_store import Kept, Server
from tests.core.conftest import Office
from tests.core.engines import Running, engines_of, until

# Its seconds of waiting pass as tenths.
HASTY = """
from lk_sync import cli, engine, turns
turns.STANDBY_SECONDS = engine.TICK_SECONDS = 0.2
cli.main(["run"])
"""


class Machines:
    """Two computers with folders of their own. Their books are the same script."""

    def __init__(self, folder: Path, kept: Kept, stack: ExitStack) -> None:
        self.kept, self.site = kept, str(folder / "site")
        self.offices = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            office = Office(folder / name, kept.environment)
            office.timetable({"jobs": {"books": {"pull": "books", "every": "1s", "deadline_minutes": 1}}})
            stack.callback(office.store.close)
            self.offices.append(office)
        self.starts = [stack.enter_context(engines_of(office)) for office in self.offices]

    @property
    def store(self) -> Any:
        return self.offices[0].store

    def start(self, number: int) -> Running:
        return self.starts[number](sys.executable, "-c", HASTY, PYTHONPATH=self.site)

    def keep_books(self) -> None:
        self.offices[1].books = self.offices[0].books
        for office in self.offices:
            office.keep_books()

    def payments(self) -> list[Any]:
        return self.kept.cells(Path(), "SELECT payment, amount_kopecks FROM payments ORDER BY payment")

    def journal(self, act: str) -> list[Any]:
        found = self.kept.cells(Path(), f"SELECT row_key FROM journal WHERE dataset = 'payments' AND act = '{act}'")
        return sorted(json.loads(key)[1] for (key,) in found)

    def ended(self) -> list[tuple[int, str]]:
        return sorted((run.run, run.state) for run in self.store.read(runs.recent) if run.state != "running")


@pytest.fixture
def machines(tmp_path: Path, shared: Kept, third_party: None) -> Iterator[Machines]:
    with ExitStack() as stack:
        made = Machines(tmp_path, shared, stack)
        for i in range(10):
            made.offices[0].account(f"00{i:07d}")
            made.offices[0].payment(f"00{i:07d}", f"П{i}", f"{i},{i}5")
        made.keep_books()
        yield made


def test_each_job_is_walked_by_one_of_two_engines_and_the_other_takes_over(machines: Machines) -> None:
    first = machines.start(0)
    first.wait_for("published")
    second = machines.start(1)
    third = machines.start(1)
    third.wait_for("standing by")
    code, seconds = third.end(signal.SIGTERM)
    assert (code, seconds < 2) == (0, True)
    (waiting,) = second.wait_for("standing by")
    assert "«engine» уже выполняется другим процессом" in waiting["reason"]
    first.wait_for("unchanged", 2)
    code, _ = first.end(signal.SIGTERM)
    assert code == 0
    second.wait_for("unchanged")
    walked = [event["run"] for engine in (first, second) for event in engine.events() if "rows" in event]
    assert walked == sorted(set(walked))  # nobody walks what the other one has
    assert [run for run, _ in machines.ended()][: len(walked)] == walked
    assert second.events("published") == []
    code, seconds = second.end(signal.SIGTERM)
    assert (code, seconds < 5) == (0, True)


def test_an_engine_that_is_killed_in_the_middle_of_a_run_is_replaced_at_once(machines: Machines) -> None:
    books = machines.offices[0].books
    books["payments"]["act"] = "hang"
    machines.keep_books()
    first = machines.start(0)
    staging = machines.offices[0].config.lk.data_dir / "staging"
    until(lambda: list(staging.glob("run-*.db")))
    second = machines.start(1)
    second.wait_for("standing by")
    del books["payments"]["act"]
    machines.keep_books()
    first.end(signal.SIGKILL)
    killed = time.monotonic()
    second.wait_for("published")
    assert time.monotonic() - killed < 10
    assert second.events("unfinished, starts at once")[0]["job"] == "books"
    assert machines.ended()[:2] == [(1, "broken"), (2, "published")]
    assert len(machines.payments()) == 10
    assert machines.journal("insert") == []


def test_an_engine_that_loses_its_right_stops_before_it_publishes(machines: Machines, server: Server) -> None:
    first = machines.start(0)
    first.wait_for("published")
    with server.postgres.connect() as admin:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%lock engine%'"
        ).fetchall()
    assert ended == [(True,)]
    first.wait_for("stopping")
    first.wait_for("timetable started", 2)
    first.wait_for("unchanged", 2)


def test_whenever_engines_are_killed_nothing_is_lost_and_nothing_doubled(machines: Machines) -> None:
    lead = machines.start(0)
    lead.wait_for("published")
    other = machines.start(1)
    books, dice = machines.offices[0].books["payments"]["rows"], random.Random(7)  # noqa: S311 - a die of the test
    for step in range(4):
        changed = f"2026-11-02T00:00:{step:02d}"
        machines.offices[0].payment("000000001", f"Н{step}", "1.00", changed=changed)
        books[step] |= {"сумма": f"{100 + step}.00", "изменён": changed}
        machines.keep_books()
        time.sleep(dice.uniform(0.1, 1.3))
        lead.end(signal.SIGKILL)
        lead, other = _leads(other, machines.start(step % 2))
    expected = sorted((row["ид"], round(float(row["сумма"].replace(",", ".")) * 100)) for row in books)
    until(lambda: machines.payments() == expected)
    assert machines.journal("insert") == [f"Н{step}" for step in range(4)]
    assert machines.journal("update") == [f"П{step}" for step in range(4)]
    assert other.process.poll() is None


def _leads(*engines: Running) -> list[Running]:
    """The one that has taken over, and the other."""
    until(lambda: any(engine.events("timetable started") for engine in engines))
    return sorted(engines, key=lambda engine: not engine.events("timetable started"))
