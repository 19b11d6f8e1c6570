"""Children: which programs does the demo run, and how is it certain that none of them outlives it?

Each child has a session of its own: Ctrl-C at the terminal reaches the demo alone, which then ends its children in
order. The kernel ends a child whose parent is gone, however it went (`setpriv --pdeathsig`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

STOP_SECONDS: Final = 20
LAST_LINES: Final = 15


class Fallen(RuntimeError):
    """A child ended that should not have; the text says which, how, and what it said last."""


class Child:
    """A running program. Its output goes to `log`, or to the terminal if there is none."""

    def __init__(self, title: str, command: list[str], environment: Mapping[str, str], log: Path | None) -> None:
        self.title = title
        self._log = log
        output: IO[bytes] | None = log.open("wb") if log else None
        try:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
            )
        finally:
            if output:
                output.close()

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        return self._process.wait()

    def check(self) -> None:
        """Raise Fallen if it runs no more."""
        if self.code is not None:
            raise Fallen(f"{self.title}: программа остановилась (код {self.code}).\n{self.last_lines()}")

    def last_lines(self) -> str:
        if self._log is None:
            return ""
        lines = self._log.read_text("utf-8", errors="replace").splitlines()[-LAST_LINES:]
        return f"Последние строки {self._log}:\n" + "\n".join(f"    {line}" for line in lines)

    def stop(self) -> None:
        """Ask it to end, wait, and end what is left of its session. Safe to repeat."""
        if self.code is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def wait_until(ready: Callable[[], bool], child: Child, seconds: float) -> None:
    """Wait for `ready` while the child lives. Raises Fallen when it ends or takes longer."""
    deadline = time.monotonic() + seconds
    while not ready():
        child.check()
        if time.monotonic() > deadline:
            raise Fallen(f"{child.title}: не отвечает {seconds:.0f} с.\n{child.last_lines()}")
        time.sleep(0.1)
