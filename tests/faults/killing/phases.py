"""Phases: what was a process doing at the very moment it was killed?

A board is a file mapped into the memory of the process that may be killed and of the one that kills: a byte for each
phase, how many threads are in it. SIGKILL takes the process, not the bytes.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final, Literal, get_args

from lk_sync.flow import acknowledge, export, publish, run

Phase = Literal["pull", "publish", "export", "acknowledge", "submit", "book", "write"]
PHASES: Final[tuple[Phase, ...]] = get_args(Phase)


class Board:
    """The phases of one process. Made by the one who kills, opened anew by each life of the victim."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(bytes(len(PHASES)))
        with file.open("r+b") as handle:
            self._bytes = mmap.mmap(handle.fileno(), len(PHASES))
        self._lock = threading.Lock()

    def clear(self) -> None:
        self._bytes[:] = bytes(len(PHASES))

    @property
    def seen(self) -> frozenset[Phase]:
        return frozenset(phase for phase, inside in zip(PHASES, self._bytes[:], strict=True) if inside)

    @contextmanager
    def inside(self, phase: Phase) -> Iterator[None]:
        self._step(phase, 1)
        try:
            yield
        finally:
            self._step(phase, -1)

    def _step(self, phase: Phase, by: int) -> None:
        with self._lock:
            self._bytes[PHASES.index(phase)] += by

    def around(self, phase: Phase, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self.inside(phase):
                return work(*args, **kwargs)

        return watched

    def watch_the_flow(self) -> None:
        """From now on the flow of this process tells its phases. It does nothing else than before."""
        run.pull = self.around("pull", run.pull)
        publish.publish = self.around("publish", publish.publish)
        export.push = self.around("export", export.push)
        collect = self.around("acknowledge", acknowledge.collect)

        def after_the_files(*args: Any, **kwargs: Any) -> Any:
            self._step("export", -1)
            try:
                return collect(*args, **kwargs)
            finally:
                self._step("export", 1)

        acknowledge.collect = after_the_files
