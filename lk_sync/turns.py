"""Turns: which of several engines walks the timetable, and what do the others do?

Beside the files of one machine a second engine leaves with a message. Where several machines share a store it stands by
and takes over within seconds when the first one ends, dies or is cut off from the store.
"""

from __future__ import annotations

import signal
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from typing import Final

from lk_sync import databases, logs, supervisor
from lk_sync.config import Config
from lk_sync.errors import Busy, Unreachable
from lk_sync.locks import Hold

STANDBY_SECONDS: Final = 2.0


class Signals:
    """The stop signals that have come."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._queue: SimpleQueue[int] = SimpleQueue()  # unlike an Event it may be set from a signal handler
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: self._queue.put(number))

    def within(self, seconds: float) -> bool:
        """Whether one has come, or comes within that time."""
        with suppress(Empty):
            self.received = self.received or signal.Signals(self._queue.get(timeout=seconds))
        return self.received is not None


def take(config: Config, held: ExitStack, signals: Signals) -> Hold | None:
    """The right to walk the timetable, until `held` is closed. None: told to stop while standing by. Raises Busy when
    another engine of this machine has it."""
    told = None
    while True:
        try:
            return held.enter_context(databases.lock(config, "engine"))
        except (Busy, Unreachable) as error:
            if databases.server(config) is None:
                raise
            if type(error) is not told:
                logs.get().info("standing by", reason=str(error))
            told = type(error)
        supervisor.tell("READY=1\nWATCHDOG=1")  # whoever stands by does what he shall
        if signals.within(STANDBY_SECONDS):
            return None
