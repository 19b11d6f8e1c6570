"""An engine in a process of its own, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.core.conftest import LK_SYNC, PATIENCE_SECONDS, Office

# Minutes between retries pass as half seconds.
HASTY = """
from datetime import timedelta
from lk_sync import cli, patience
patience.MINUTE = timedelta(seconds=0.5)
cli.main(["run"])
"""
Event = dict[str, Any]


class Running:
    """An engine at work, and what it has said so far."""

    def __init__(self, office: Office, *program: str | Path, **environment: str) -> None:
        self._log = office.folder / f"engine-{time.monotonic_ns()}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                program or [LK_SYNC, "run"],
                cwd=office.folder,
                env=office.environment | {"LK_LOG": "json"} | environment,
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


@contextmanager
def engines_of(office: Office) -> Iterator[Start]:
    """Starts engines of the office; whatever they leave is ended with the block."""
    started: list[Running] = []

    def begin(*program: str | Path, **environment: str) -> Running:
        started.append(Running(office, *program, **environment))
        return started[-1]

    try:
        yield begin
    finally:
        for running in started:
            for process in running.left():
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            running.process.wait()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
