"""Walks: how far has each of those come that look through accounts or users for something to tell?

A walk goes from `done` to `goal` place by place, and what it tells is committed with the place. Whoever goes on names
the place where he thinks it is: of several engines one goes on, and after a crash the walk goes on where it was.
"""

from __future__ import annotations

import msgspec

from lk_sync.store.database import Tx


class Overtaken(Exception):
    """Somebody else walks it; what was to be told with this step is not."""


class Walk(msgspec.Struct, frozen=True):
    """`goal` None: it rests."""

    walk: str
    done: str
    goal: str | None
    place: str


def find(tx: Tx, *, walk: str) -> Walk | None:
    row = tx.row("walks.find", walk=walk)
    return None if row is None else Walk(walk, *row)


def known(tx: Tx, *, beginning: str) -> list[str]:
    """Names that begin so."""
    beyond = beginning[:-1] + chr(ord(beginning[-1]) + 1)
    return [str(row[0]) for row in tx.rows("walks.known", first=beginning, beyond=beyond)]


def begin(tx: Tx, *, walk: str, done: str) -> None:
    """There is nothing to tell up to `done`. Changes nothing when the walk is known."""
    tx.change("walks.begin", walk=walk, done=done)


def aim(tx: Tx, walk: Walk, goal: str) -> Walk:
    """Raises Overtaken, as those below."""
    _ours(tx.change("walks.aim", walk=walk.walk, done=walk.done, goal=goal))
    return msgspec.structs.replace(walk, goal=goal, place="")


def step(tx: Tx, walk: Walk, place: str) -> Walk:
    _ours(tx.change("walks.step", walk=walk.walk, done=walk.done, goal=walk.goal, was=walk.place, place=place))
    return msgspec.structs.replace(walk, place=place)


def arrive(tx: Tx, walk: Walk) -> None:
    _ours(tx.change("walks.arrive", walk=walk.walk, done=walk.done, goal=walk.goal, was=walk.place))


def forget(tx: Tx, *, walk: str) -> None:
    tx.change("walks.forget", walk=walk)


def _ours(changed: int) -> None:
    if changed != 1:
        raise Overtaken
