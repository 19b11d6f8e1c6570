"""Connection: how is a server asked and left, when any call to its driver may fail or never return?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Final, ParamSpec, Protocol, TypeVar

from connectors.sql.dialect import Ask, Row
from connectors.sql.faults import Fault, Meaning
from connectors.sql.lane import Lane
from lk_sync.errors import Unreachable

P = ParamSpec("P")
T = TypeVar("T")
CONNECT_GRACE_SECONDS: Final = 5
ANSWER_GRACE_SECONDS: Final = 15  # the server ends a question at its deadline; this long its word may take to arrive
CLOSE_SECONDS: Final = 5


class Wire(Ask, Protocol):
    """An open connection of a driver. Used on the thread of its lane only. Raises Fault."""

    def close(self) -> None:
        """Give the snapshot back. A connection that is broken already needs no goodbye: raises nothing."""


class Explains(Protocol):
    """Whoever knows what complaints of this server's driver mean."""

    def connecting(self, said: Fault) -> Meaning: ...

    def asking(self, said: Fault) -> Meaning: ...


class Connection:
    """A connection with its own thread; whatever goes wrong comes out in the operator's words.

    `ask` may be used only by calls that were handed to `start` or `do`.
    """

    def __init__(
        self,
        opening: Callable[[], Wire],
        *,
        peer: str,
        explains: Explains,
        connect_timeout: int,
        statement_timeout: int,
    ) -> None:
        """Call `opening`, which connects and verifies. Raises what it raises, and Unreachable when it never returns."""
        self._peer, self._explains = peer, explains
        self._seconds = statement_timeout
        self._lane = Lane(f"sql {peer}")
        self.ask = self._open(opening, connect_timeout)

    def _open(self, opening: Callable[[], Wire], seconds: int) -> Wire:
        try:
            return self._lane.wait(self._lane.submit(opening), seconds=seconds + CONNECT_GRACE_SECONDS)
        except Fault as said:
            self._lane.close()
            raise self._explains.connecting(said).error(peer=self._peer, said=said) from None
        except Unreachable as error:
            raise Unreachable(f"{self._peer}: {error}. Проверьте host, port и сеть") from None

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._lane.submit(call, *args, **kwargs)

    def wait(self, future: Future[T]) -> T:
        try:
            return self._lane.wait(future, seconds=self._seconds + ANSWER_GRACE_SECONDS)
        except Fault as said:
            raise self._explains.asking(said).error(peer=self._peer, said=said) from None
        except Unreachable as error:
            raise Unreachable(f"{self._peer}: {error}; загрузка прервана, данные прежние") from None

    def do(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Start it and wait."""
        return self.wait(self.start(call, *args, **kwargs))

    def each(self, rows: Iterator[list[Row]]) -> Iterator[list[Row]]:
        """What a generator of the connection's thread yields; it is closed there in the end, whatever happens."""
        try:
            while (portion := self.do(next, rows, None)) is not None:
                yield portion
        finally:
            self._leave(rows)

    def _leave(self, rows: Iterator[list[Row]]) -> None:
        """What ended the reading matters, not that its cursor is gone with it. A reader that is forgotten may be
        collected long after the connection was closed."""
        if not self._lane.stuck and not self._lane.closed:
            closing = self._lane.submit(rows.close)  # type: ignore[attr-defined] # a generator
            try:
                self._lane.wait(closing, seconds=CLOSE_SECONDS)
            except (Fault, Unreachable):
                return

    def close(self) -> None:
        """A connection whose thread is stuck is left to the end of the process. Safe to repeat."""
        if self._lane.stuck or self._lane.closed:
            return
        try:
            self._lane.wait(self._lane.submit(self.ask.close), seconds=CLOSE_SECONDS)
        except Unreachable:
            return
        self._lane.close()
