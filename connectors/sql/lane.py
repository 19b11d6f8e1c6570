"""Lane: how do we call a driver that may never return?

All calls of one connection run on one thread of their own, in order, and no call is waited for beyond a deadline.
A peer that falls silent leaves psqlODBC inside `recv` for good (keepalives do not help while the peer's kernel still
answers); then the thread is abandoned with its connection, and the process is expected to end soon.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, ParamSpec, TypeVar

from lk_sync.errors import Unreachable

P = ParamSpec("P")
T = TypeVar("T")
LOOK_SECONDS: Final = 1.0


class Lane:
    """One thread that does calls in the order they came."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._busy_since: float | None = None
        self.stuck = self.closed = False
        # A daemon: the end of the process must not wait for a call that never returns.
        Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            self._busy_since = time.monotonic()
            call()
            self._busy_since = None

    def submit(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do it when its turn comes. Whatever it raises comes out of `wait`."""
        future: Future[T] = Future()
        self._calls.put(lambda: _fulfil(future, lambda: call(*args, **kwargs)))
        return future

    def wait(self, future: Future[T], *, seconds: float) -> T:
        """The result. Raises Unreachable when a call lasts longer than `seconds`, this one or one before it; from
        then on the lane is stuck and good for nothing."""
        while not future.done():
            try:
                return future.result(min(LOOK_SECONDS, seconds))
            except TimeoutError:
                since = self._busy_since
                if not future.done() and since is not None and time.monotonic() - since > seconds:
                    self.stuck = True
                    raise Unreachable(f"сервер молчит дольше {seconds:.0f} с") from None
        return future.result()

    def close(self) -> None:
        """No call that comes later is done."""
        self.closed = True
        self._calls.put(None)


def _fulfil(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # it is the waiting thread that must learn of it
        future.set_exception(error)
