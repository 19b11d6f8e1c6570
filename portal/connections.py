"""Connections: how many may there be, and how long may each of them take?

Limits in all and per address; when one is reached, the connection that has been waiting longest for a request is
dropped, so that idle sockets never keep an honest visitor out. Each phase of a connection has a deadline: the
handshake and the head of the first request, the answer, the pause between requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from lk_sync.config import Portal

KEPT_FILES: Final = 96  # databases, their journals, the mail server, logs, the listening socket
FILES_WANTED: Final = 65_536
PAUSE_SECONDS: Final = 60
ANSWER_SECONDS: Final = 30
SWEEP_SECONDS: Final = 1
LOOK_SECONDS: Final = 0.05


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    connections: int
    per_address: int
    head_seconds: float
    answer_seconds: float
    pause_seconds: float


def limits(portal: Portal, *, files: int) -> Limits:
    """Of one worker. No more connections than files may be open, whatever the settings say."""
    workers = portal.workers
    return Limits(
        connections=max(16, min(portal.max_connections // workers, files - KEPT_FILES)),
        per_address=max(8, -(-portal.max_connections_per_address // workers)),
        head_seconds=portal.head_seconds,
        answer_seconds=portal.body_seconds + ANSWER_SECONDS,
        pause_seconds=PAUSE_SECONDS,
    )


def allow_files() -> int:
    """Raises the limit of open files as far as the system lets us. Returns what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    if soft == resource.RLIM_INFINITY:
        return FILES_WANTED
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, ceiling), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Guest:
    """One connection. `drop` ends it at once, in whichever phase it is."""

    __slots__ = ("address", "deadline", "drop", "in_head")

    def __init__(self, address: str | None, deadline: float, drop: Callable[[], object]) -> None:
        self.address = address
        self.deadline = deadline
        self.drop = drop
        self.in_head = True


class Door:
    """Counts the connections of one worker. `address` None is not counted apart: a proxy of ours."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._guests: dict[Guest, None] = {}
        self._waiting: dict[Guest, None] = {}  # without a request in hand, the longest waiting first
        self._at: dict[str, dict[Guest, None]] = {}

    def __len__(self) -> int:
        return len(self._guests)

    def enter(self, address: str | None, *, now: float, drop: Callable[[], object]) -> Guest | None:
        """Lets a connection in, perhaps in place of one that waits. None: there is no room."""
        if address is not None and len(self._at.get(address, ())) >= self.limits.per_address:
            self._make_room(guest for guest in self._at[address] if guest in self._waiting)
            if len(self._at.get(address, ())) >= self.limits.per_address:
                return None
        if len(self._guests) >= self.limits.connections:
            self._make_room(iter(self._waiting))
            if len(self._guests) >= self.limits.connections:
                return None
        guest = Guest(address, now + self.limits.head_seconds, drop)
        self._guests[guest] = self._waiting[guest] = None
        if address is not None:
            self._at.setdefault(address, {})[guest] = None
        return guest

    def leave(self, guest: Guest) -> None:
        """Safe to repeat."""
        self._guests.pop(guest, None)
        self._waiting.pop(guest, None)
        if guest.address is not None and (others := self._at.get(guest.address)) is not None:
            others.pop(guest, None)
            if not others:
                del self._at[guest.address]

    def head_begins(self, guest: Guest, now: float) -> None:
        """First bytes of a request after a pause."""
        guest.in_head = True
        guest.deadline = now + self.limits.head_seconds

    def request_begins(self, guest: Guest, now: float) -> None:
        self._waiting.pop(guest, None)
        guest.in_head = False
        guest.deadline = now + self.limits.answer_seconds

    def pause_begins(self, guest: Guest, now: float) -> None:
        if guest in self._guests:
            self._waiting[guest] = None
            guest.deadline = now + self.limits.pause_seconds

    def sweep(self, now: float) -> int:
        """Drops every connection whose time is up."""
        late = [guest for guest in self._guests if guest.deadline < now]
        for guest in late:
            self._drop(guest)
        return len(late)

    async def empty_handed(self) -> None:
        """Waits until no request is in hand."""
        while len(self._waiting) < len(self._guests):  # noqa: ASYNC110 - once, at the end of a process
            await asyncio.sleep(LOOK_SECONDS)

    async def keep_sweeping(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep(loop.time())

    def _make_room(self, candidates: Iterator[Guest]) -> None:
        if (guest := next(candidates, None)) is not None:
            self._drop(guest)

    def _drop(self, guest: Guest) -> None:
        self.leave(guest)
        guest.drop()
