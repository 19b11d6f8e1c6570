"""What an engine does when others fail, when it is started anew, and when somebody sets the clock."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lk_sync.clock import moment, now
from lk_sync.store import pushes, runs
from tests.core.conftest import PATIENCE_SECONDS, Office
from tests.core.engines import HASTY, Start, engines_of, until

LIBFAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.fixture
def start(office: Office) -> Iterator[Start]:
    with engines_of(office) as begin:
        yield begin


def _act(office: Office, act: str | None) -> None:
    office.books["payments"].pop("act", None)
    if act:
        office.books["payments"]["act"] = act
    office.keep_books()


def test_an_outage_outlives_the_engine_and_its_length_is_told_at_its_end(office: Office, start: Start) -> None:
    office.timetable({"jobs": {"books": {"pull": "books", "every": "1h", "retry_minutes": [1, 2]}}})
    _act(office, "Unreachable")
    engine = start(sys.executable, "-c", HASTY)
    engine.wait_for("failed")
    engine.end(signal.SIGKILL)
    until(lambda: not engine.left())
    (outage,) = office.store.read(runs.outages)
    second = start(sys.executable, "-c", HASTY)
    until(lambda: office.store.read(runs.outages)[0].times > outage.times)  # tried again, and not told a second time
    _act(office, None)
    (over,) = second.wait_for("well again")
    assert second.events("failed") == []
    assert datetime.fromisoformat(over["since"]) == moment(outage.since)
    assert over["peer"] == "books"
    assert over["minutes"] >= 0
    assert office.store.read(runs.outages) == []


def test_an_outage_is_told_once_for_all_jobs_of_its_source(office: Office, start: Start) -> None:
    jobs = {name: {"pull": "books", "every": "1h", "retry_minutes": [1]} for name in ("hourly", "nightly")}
    office.timetable({"jobs": jobs})
    _act(office, "Unreachable")
    engine = start(sys.executable, "-c", HASTY)
    until(lambda: {run.job for run in office.store.read(runs.recent) if run.state == "failed"} == set(jobs))
    _act(office, None)
    until(lambda: not office.store.read(runs.failing))
    engine.wait_for("well again")
    assert [event["kind"] for event in engine.events("failed") if event["kind"] != "Busy"] == ["Unreachable"]
    assert len([event for event in engine.events("well again") if event.get("kind") != "Busy"]) == 1


def test_an_engine_that_is_started_anew_tries_what_was_refused_once_more(office: Office, start: Start) -> None:
    office.timetable({"jobs": {"books": {"pull": "books", "every": "1s"}}})
    _act(office, "AccessDenied")
    engine = start()
    engine.wait_for("failed")
    assert engine.end(signal.SIGTERM)[0] == 0
    _act(office, None)
    start().wait_for("well again")


def test_a_sink_that_fails_is_remembered(office: Office) -> None:
    def failed(text: str) -> None:
        office.store.write_now(lambda tx: pushes.failed(tx, sink="files", kind="Unreachable", text=text, now=now()))

    failed("раз")
    (first,) = office.store.read(pushes.of_all_sinks)
    failed("два")
    (second,) = office.store.read(pushes.of_all_sinks)
    assert (second.failures, second.failing_since, second.error_text) == (2, first.tried_at, "два")
    office.store.write_now(lambda tx: pushes.done(tx, sink="files", now=now()))
    (well,) = office.store.read(pushes.of_all_sinks)
    assert (well.failures, well.failing_since, well.error_kind, well.done, well.failed) == (0, None, None, 1, 2)


@pytest.mark.skipif(LIBFAKETIME is None, reason="libfaketime is not installed")
def test_a_clock_that_is_set_back_does_not_stop_the_timetable(office: Office, start: Start) -> None:
    office.timetable({"jobs": {"books": {"pull": "books", "every": "2s"}}})
    hands = office.folder / "hands"
    hands.write_text("+0")
    faked = {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(hands),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    engine = start(**faked)
    engine.wait_for("published")
    hands.write_text("-1d")
    (moved,) = engine.wait_for("the clock was set")
    assert -86_500 < moved["seconds"] < -86_300
    yesterday = now() - timedelta(hours=12)
    until(lambda: sum(moment(run.started_at) < yesterday for run in office.store.read(runs.recent)) >= 2)
    hands.write_text("+0")
    engine.wait_for("the clock was set", 2)
    office.payment("000000003", "новый", "5", changed="2026-11-15T00:00:00")  # the watermark is the source's own
    office.keep_books()
    changed = engine.wait_for("published", 2)[-1]
    assert (changed["changed"], changed["rejected"]) == (1, 0)
    assert engine.end(signal.SIGTERM)[0] == 0


def test_each_line_of_a_run_carries_its_number_also_from_the_child(office: Office, start: Start) -> None:
    _act(office, "say")
    engine = start()
    (said,) = engine.wait_for("так велел сценарий")
    (published,) = engine.wait_for("published")
    assert (said["job"], said["run"], said["level"]) == ("books", 1, "warning")
    assert (published["job"], published["run"]) == ("books", 1)
    assert engine.end(signal.SIGTERM)[0] == 0
    assert "run" not in engine.events("stopped")[0]


def test_systemd_hears_that_the_engine_is_ready_alive_and_stopping(office: Office, start: Start) -> None:
    address = str(office.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(PATIENCE_SECONDS)
        engine = start(NOTIFY_SOCKET=address)
        assert systemd.recv(100) == b"READY=1"
        assert systemd.recv(100) == b"WATCHDOG=1"
        assert engine.end(signal.SIGTERM)[0] == 0
        said = b""
        while said != b"STOPPING=1":
            said = systemd.recv(100)


def test_a_journal_gets_the_gravity_of_each_line_and_no_time_of_ours(office: Office) -> None:
    log = office.folder / "journal"
    with log.open("wb") as journal:
        ours = os.fstat(journal.fileno())
        program = "from lk_sync import logs; logs.configure(); logs.get(job='x').error('a'); logs.get().info('b')"
        stream = f"{ours.st_dev}:{ours.st_ino}"
        environment = office.environment | {"JOURNAL_STREAM": stream, "LK_LOG": "text"}
        subprocess.run([sys.executable, "-c", program], stderr=journal, check=True, env=environment)
    assert log.read_text().splitlines() == ["<3>level=error event=a job=x", "<6>level=info event=b"]
