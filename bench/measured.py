"""Measured: what does a program cost, with everything it starts?

Wall clock; CPU (user + system) of the program and its children; the peak of their memory together, each page counted
once (PSS), looked at ten times a second, and never less than the greatest single process had by the kernel's count.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

LOOK_SECONDS: Final = 0.1
TICKS: Final = os.sysconf("SC_CLK_TCK")


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    wall: float
    cpu: float
    peak_mb: float = 0.0
    server_cpu: float = 0.0
    output: str = ""


class Failed(RuntimeError):
    """A program that was measured ended badly; the text is the end of what it said."""


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, server: int | None = None) -> Cost:
    """Run to the end. `server`: process id of a postmaster whose backends' CPU is told apart. Raises Failed."""
    served = cpu_of_ended_children(server)
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peak = _Peak(process.pid)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"{command[0]}: {output[-1500:]}")
    time.sleep(0.2)  # backends end a moment after their clients
    return Cost(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        peak_mb=max(peak.stop(), usage.ru_maxrss / 1024),
        server_cpu=cpu_of_ended_children(server) - served,
        output=output,
    )


class Running:
    """A program that goes on: it reads a line and answers with one."""

    def __init__(self, command: Sequence[str | Path], *, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> tuple[str, float]:
        """The answer, and the peak of memory meanwhile in MB. Raises Failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        peak = _Peak(self._process.pid)
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        memory = peak.stop()
        if not answer:
            raise Failed(f"the program ended with {self._process.wait()}")
        return answer, memory

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def cpu_of_ended_children(process: int | None) -> float:
    """Seconds of CPU of all children that this process has seen end."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICKS


class _Peak:
    """Looks at a process and its descendants until told to stop."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """The peak in MB."""
        self._over.set()
        self._thread.join()
        return self._peak / 1024

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self._peak = max(self._peak, sum(map(_pss, _family(self._root))))


def _family(root: int) -> set[int]:
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    family = {root}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def _pss(process: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
