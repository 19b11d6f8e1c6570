"""Victims: how is a process started so that it can be killed at any moment and leaves no orphans unseen?

Every victim leads a session of its own, which its children belong to: whoever is left in that session after the kill
has outlived its parent.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from tests.faults.killing.phases import Board, Phase

ROOT: Final = Path(__file__).parents[3]
ORPHAN_SECONDS: Final = 3.0
STOP_SECONDS: Final = 30.0
FORKS: Final = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.killing.trades"])


class Life(Protocol):
    """One life of a victim."""

    pid: int | None

    def kill(self) -> None: ...
    def terminate(self) -> None: ...


class Victim:
    """A process that lives, dies and lives again. `born` starts a life and is given the file of the board."""

    def __init__(self, name: str, folder: Path, born: Callable[[Path], Life]) -> None:
        self.name = name
        self._file = folder / f"{name}.board"
        self.board = Board(self._file)
        self._born = born
        self._life: Life | None = None

    def start(self) -> None:
        self.board.clear()
        self._life = self._born(self._file)

    @property
    def pid(self) -> int:
        assert self._life is not None
        assert self._life.pid is not None
        return self._life.pid

    @property
    def alive(self) -> bool:
        return self._life is not None and _exit_code(self._life) is None

    def kill(self) -> frozenset[Phase]:
        """SIGKILL; what it was doing. Raises AssertionError if it was dead already or left somebody behind."""
        assert self._life is not None
        assert self.alive, f"{self.name} ended by itself with code {_exit_code(self._life)}"
        self._life.kill()
        _wait(self._life)
        doing = self.board.seen
        leave_no_orphans(self.pid)
        self._life = None
        return doing

    def end(self) -> None:
        """No more lives, whatever state it is in."""
        if self.alive:
            self.kill()

    def stop(self) -> int | None:
        """SIGTERM, as an operator's init system does; the exit code."""
        assert self._life is not None
        self._life.terminate()
        _wait(self._life)
        leave_no_orphans(self.pid)
        code = _exit_code(self._life)
        self._life = None
        return code


def fork(trade: Callable[..., None], *args: Any) -> Callable[[Path], Life]:
    """A life that begins in milliseconds, for its modules are loaded already."""

    def born(board: Path) -> Life:
        process = FORKS.Process(target=_lead, args=(trade, board, *args))
        process.start()
        return process

    return born


def engine(config: Path, environment: Mapping[str, str] | None = None) -> Callable[[Path], Life]:
    """A life that begins as the operator begins it, with a new interpreter: `lk-sync run`."""
    words = [sys.executable, "-m", "tests.faults.killing.engine", "--config", str(config)]
    known = os.environ | (environment or {})

    def born(board: Path) -> Life:
        with (board.parent / "log").open("ab") as log:
            return subprocess.Popen(
                [*words, str(board)], stdout=log, stderr=log, cwd=ROOT, env=known, start_new_session=True
            )

    return born


def _lead(trade: Callable[..., None], board: Path, *args: Any) -> None:
    os.setsid()
    with (board.parent / "log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    trade(Board(board), *args)


def _exit_code(life: Any) -> int | None:
    code: int | None = life.poll() if isinstance(life, subprocess.Popen) else life.exitcode
    return code


def _wait(life: Any) -> None:
    if isinstance(life, subprocess.Popen):
        life.wait(STOP_SECONDS)
    else:
        life.join(STOP_SECONDS)


def leave_no_orphans(session: int) -> None:
    """Raises AssertionError with the command lines of those who are still there after a while."""
    until = time.monotonic() + ORPHAN_SECONDS
    while left := members(session):
        assert time.monotonic() < until, f"outlived their parent: {left}"
        time.sleep(0.01)


def members(session: int) -> dict[int, str]:
    """Living processes of a session."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, _, _, of = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(of) == session and state != "Z":
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found
