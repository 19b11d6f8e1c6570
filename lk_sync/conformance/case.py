"""Case: what does the author of a connector tell the suite of its peer, and how is a broken promise told?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar
from unittest import SkipTest

import msgspec

from lk_sync.contracts import Sink, Source, Wanted
from lk_sync.errors import LkError

T = TypeVar("T")


class BrokenPromise(AssertionError):
    """A promise that the connector does not keep, in words for its author."""


class Increment(msgspec.Struct, frozen=True):
    """`rows` rows of the peer, one at least, have a watermark of `since` or later; best if not all have."""

    since: str
    rows: int


class SourceCase(msgspec.Struct, frozen=True, kw_only=True):
    """A source, and what its author knows of the peer behind it. Each callable builds a new source; what is left out
    is not tried (pytest shows it as skipped).

    `wanted`: wishes that together use every kind of column the connector can read, all without `since`. `rows`: how
    many rows the peer has of each dataset, more than none. `increments`: one for every dataset whose wish has a
    watermark. `unprotected`: its settings leave the channel open or the peer unverified. `impostor`: the peer
    answers, but is not the one the settings name. `secrets`: texts that no error may show.
    """

    make: Callable[[], Source]
    wanted: tuple[Wanted, ...]
    rows: Mapping[str, int]
    increments: Mapping[str, Increment] = {}
    unprotected: Callable[[], Source]
    impostor: Callable[[], Source] | None = None
    unreachable: Callable[[], Source] | None = None
    denied: Callable[[], Source] | None = None
    secrets: tuple[str, ...] = ()


class Peer(Protocol):
    """The accounting system's side of a sink, empty at first."""

    def offered(self) -> Mapping[str, bytes]:
        """The files that the accounting system would take now, manifests among them, by name."""

    def take(self) -> None:
        """Take them as the accounting system does; nothing is offered afterwards."""

    def answer(self, name: str, body: bytes) -> None:
        """Lay a finished answer file. Answers are laid in the order of their names."""

    def unfinished_answer(self, name: str, body: bytes) -> None:
        """Lay an answer file that is still being written."""

    def torn_answer(self, name: str, body: bytes) -> None:
        """Lay an answer file whose bytes are not those that its manifest speaks of."""


class SinkCase(msgspec.Struct, frozen=True, kw_only=True):
    """A sink and its peer; the other names mean what they mean in `SourceCase`. Used for one promise only."""

    make: Callable[[], Sink]
    peer: Peer
    unprotected: Callable[[], Sink]
    impostor: Callable[[], Sink] | None = None
    unreachable: Callable[[], Sink] | None = None
    denied: Callable[[], Sink] | None = None
    secrets: tuple[str, ...] = ()


Case = SourceCase | SinkCase


def given(part: T | None, name: str) -> T:
    """What the case says of `name`. Raises SkipTest when it says nothing: such a promise is not tried."""
    if part is None:
        raise SkipTest(f"the case has no `{name}`")
    return part


def keep(kept: bool, promise: str) -> None:
    if not kept:
        raise BrokenPromise(promise)


def refused(case: Case, kind: type[LkError], what: str, act: Callable[[], object]) -> LkError:
    """The error of `kind` that `act` raises; it shows no secret."""
    expected = kind.__name__
    try:
        act()
    except kind as error:
        keep(bool(str(error).strip()), f"{what}: {expected} says what is wrong")
        keep(not shows_secret(str(error), case), f"{what}: the error shows no secret")
        return error
    except Exception as error:
        raise BrokenPromise(f"{what} raises {expected}, not {type(error).__name__}: {error}") from error
    raise BrokenPromise(f"{what} raises {expected}")


def shows_secret(text: str, case: Case) -> bool:
    return any(secret in text for secret in case.secrets)
