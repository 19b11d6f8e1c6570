"""The timetable in a process of its own: it walks, fails, recovers and stops as it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lk_sync import databases
from lk_sync.clock import now
from lk_sync.store import runs
from tests.core.conftest import LK_SYNC, PATIENCE_SECONDS, Office

STOP_SECONDS = 5
HASTY = "from lk_sync import cli, engine; engine.RETRY_MINUTES = (1/60, 1/30); cli.main(['run'])"  # seconds for minutes
Event = dict[str, Any]


class Running:
    """An engine at work, and what it has said so far."""

    def __init__(self, office: Office, *program: str) -> None:
        self._log = office.folder / f"engine-{time.monotonic_ns()}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                program or [LK_SYNC, "run"],
                cwd=office.folder,
                env=office.environment | {"LK_LOG": "json"},
                stdout=log,
                stderr=log,
                start_new_session=True,  # whatever it starts is found by the session
            )

    @property
    def said(self) -> str:
        return self._log.read_text("utf-8")

    def events(self, name: str | None = None) -> list[Event]:
        events: list[Event] = []
        for line in self.said.splitlines():
            with suppress(json.JSONDecodeError):  # a line that is being written
                events.append(json.loads(line))
        return [event for event in events if name in (None, event["event"])]

    def wait_for(self, name: str, times: int = 1) -> list[Event]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found := self.events(name)) < times:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)
        return found

    def end(self, number: signal.Signals) -> tuple[int, float]:
        """Its exit code, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS), time.monotonic() - began

    def left(self) -> list[int]:
        """Processes that it started and that still live."""
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if self._is_of_session(path)]

    def _is_of_session(self, stat: Path) -> bool:
        try:
            state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return int(session) == self.process.pid and state != "Z"


Start = Callable[..., Running]


@pytest.fixture
def start(office: Office) -> Iterator[Start]:
    started: list[Running] = []

    def begin(*program: str) -> Running:
        started.append(Running(office, *program))
        return started[-1]

    yield begin
    for running in started:
        for process in running.left():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        running.process.wait()


def _every_second(office: Office, **job: Any) -> None:
    office.timetable({"jobs": {"books": {"pull": "books", "every": "1s"} | job}})


def _gone(running: Running) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while running.left() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not running.left()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_timetable_is_walked_until_a_signal_and_nothing_is_left(
    office: Office, start: Start, number: signal.Signals
) -> None:
    _every_second(office)
    engine = start()
    engine.wait_for("published")
    office.payment("000000003", "новый", "5", changed="2026-12-01T00:00:00")
    office.keep_books()
    changed = engine.wait_for("published", 2)[-1]
    assert (changed["job"], changed["changed"]) == ("books", 1)
    engine.wait_for("unchanged", 2)
    code, seconds = engine.end(number)
    assert code == 0
    assert seconds < STOP_SECONDS
    assert engine.events()[-1]["event"] == "stopped"
    assert _gone(engine)


def test_a_pull_in_hand_is_rolled_back_within_seconds(office: Office, start: Start) -> None:
    office.books["payments"]["act"] = "hang"
    office.keep_books()
    _every_second(office)
    engine = start()
    staging = office.config.lk.data_dir / "staging"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not list(staging.glob("run-*.db")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(2.5)  # the next starts come and are passed over
    assert len(office.store.read(runs.recent)) == 1
    code, seconds = engine.end(signal.SIGTERM)
    assert code == 0
    assert seconds < STOP_SECONDS
    assert "остановлено по требованию" in engine.events("rolled back")[0]["reason"]
    assert engine.events("failed") == []
    assert _gone(engine)
    assert list(staging.iterdir()) == []


def test_an_engine_that_is_killed_takes_its_children_along(office: Office, start: Start) -> None:
    office.books["payments"]["act"] = "hang"
    office.keep_books()
    _every_second(office)
    engine = start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(engine.left()) < 3:  # itself, the fork server and the pull
        assert time.monotonic() < deadline
        time.sleep(0.05)
    engine.end(signal.SIGKILL)
    assert _gone(engine)


def test_a_second_engine_leaves_with_a_message(office: Office, start: Start) -> None:
    _every_second(office)
    start().wait_for("published")
    second = office.lk_sync("run")
    assert second.code == 1
    assert second.err == "Ошибка: «engine» уже выполняется другим процессом; дождитесь его конца\n"


def test_a_source_that_fails_is_told_once_and_once_when_it_is_well(office: Office, start: Start) -> None:
    office.books["payments"]["act"] = "BadData"
    office.keep_books()
    _every_second(office)
    engine = start()
    engine.wait_for("failed")
    _until(lambda: _failed_runs(office) >= 3)
    office.books["payments"]["act"] = "AccessDenied"
    office.keep_books()
    engine.wait_for("failed", 2)
    del office.books["payments"]["act"]
    office.keep_books()
    engine.wait_for("well again")
    engine.wait_for("unchanged", 2)
    assert [(event["kind"], event["job"]) for event in engine.events("failed")] == [
        ("BadData", "books"), ("AccessDenied", "books"),
    ]  # fmt: skip
    assert len(engine.events("well again")) == 1


def _failed_runs(office: Office) -> int:
    return sum(run.state == "failed" for run in office.store.read(runs.recent))


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_source_that_cannot_be_reached_is_tried_again_before_its_hour(office: Office, start: Start) -> None:
    office.books["payments"]["act"] = "Unreachable"
    office.keep_books()
    engine = start(sys.executable, "-c", HASTY)
    engine.wait_for("failed")
    _until(lambda: _failed_runs(office) >= 3)
    del office.books["payments"]["act"]
    office.keep_books()
    engine.wait_for("well again")
    assert len(engine.events("failed")) == 1
    walked = len(office.store.read(runs.recent))
    time.sleep(2.5)
    assert len(office.store.read(runs.recent)) == walked  # the retry is forgotten, the next walk is in an hour


def test_a_source_in_other_hands_is_walked_when_it_is_free(office: Office, start: Start) -> None:
    with databases.lock(office.config, "books"):
        engine = start(sys.executable, "-c", HASTY)
        (failed,) = engine.wait_for("failed")
        assert (failed["kind"], failed["level"]) == ("Busy", "warning")
    engine.wait_for("well again")
    assert len(engine.events("failed")) == 1


def test_a_start_that_was_missed_is_made_up_for(office: Office, start: Start) -> None:
    missed = datetime.now(UTC) - timedelta(minutes=5)
    cron = f"{missed.minute} {missed.hour} * * *"
    office.timetable({"time_zone": "UTC", "jobs": {"books": {"pull": "books", "cron": cron}}})
    office.store.write_now(
        lambda tx: runs.open_run(tx, job="books", source="x", started_by="hand", now=now() - timedelta(days=1))
    )
    engine = start()
    engine.wait_for("published")
    assert [event["job"] for event in engine.events("overdue, starts at once")] == ["books"]


def test_an_engine_does_not_start_with_a_source_that_nothing_protects(office: Office) -> None:
    source = office.folder / "config" / "sources" / "books.yaml"
    source.write_text(source.read_text("utf-8").replace("json}", "json, protected: false}"), "utf-8")
    said = office.lk_sync("run")
    assert (said.code, said.err) == (2, "Ошибка: канал не защищён\n")
