"""The timetable in a process of its own: it walks, fails, recovers and stops as it says."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lk_sync import databases
from lk_sync.clock import now
from lk_sync.store import runs
from tests.core.conftest import PATIENCE_SECONDS, Office
from tests.core.engines import HASTY, Running, Start, engines_of, until

STOP_SECONDS = 5


@pytest.fixture
def start(office: Office) -> Iterator[Start]:
    with engines_of(office) as begin:
        yield begin


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
    until(lambda: _failed_runs(office) >= 3)
    office.books["payments"]["act"] = "AccessDenied"
    office.keep_books()
    assert engine.wait_for("failed", 2)[-1]["waits_for_person"] is True
    walked = len(office.store.read(runs.recent))
    time.sleep(2.5)
    assert len(office.store.read(runs.recent)) == walked  # a wrong password is not tried again and again
    del office.books["payments"]["act"]
    office.keep_books()
    assert office.lk_sync("pull", "books").code == 0  # a person has looked
    engine.wait_for("well again")
    engine.wait_for("unchanged", 2)
    assert [(event["kind"], event["job"]) for event in engine.events("failed")] == [
        ("BadData", "books"), ("AccessDenied", "books"),
    ]  # fmt: skip
    assert len(engine.events("well again")) == 1


def _failed_runs(office: Office) -> int:
    return sum(run.state == "failed" for run in office.store.read(runs.recent))


def test_a_source_that_cannot_be_reached_is_tried_again_before_its_hour(office: Office, start: Start) -> None:
    office.books["payments"]["act"] = "Unreachable"
    office.keep_books()
    engine = start(sys.executable, "-c", HASTY)
    engine.wait_for("failed")
    until(lambda: _failed_runs(office) >= 3)
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
