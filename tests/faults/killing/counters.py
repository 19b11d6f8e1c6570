"""Counters: where does the accounting system show its books, and what did each showing hold?

By files in the drop, a set at a time, or by the tables of a base, a transaction at a time. What a showing holds is
noted before anybody can see it; whoever sees anything else has seen something torn. Both may be killed and begun anew
at any moment: the journal of the books says what has happened.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec
import psycopg

from demo import snapshot
from demo.bookkeeper import AnyEntry, Bookkeeper, PaymentBooked, Recalculated
from demo.sql_base import Desk
from tests.faults.killing import truths
from tests.faults.killing.town import Town

SETS_KEPT: Final = 8
SHOWN: Final = "CREATE TABLE IF NOT EXISTS shown (entries integer NOT NULL)"


class Counter(Protocol):
    def show(self) -> str:
        """The books as they are now can be seen from now on; the stamp of this showing."""


@contextmanager
def opened(town: Town) -> Iterator[Counter]:
    if town.base is None:
        yield Files(town)
        return
    with psycopg.connect(town.base, autocommit=True) as connection:
        yield Tables(town, connection)


class Files:
    """Sets of files, the last few of them kept."""

    def __init__(self, town: Town) -> None:
        self._town = town

    def show(self) -> str:
        out, books, moment = self._town.drop / "out", self._town.books, datetime.now(UTC)
        note(self._town, books, moment)
        stamp = snapshot.write(out, books, moment)
        snapshot.prune(out, SETS_KEPT)
        return stamp


class Tables:
    """A loaded base. How far in the journal it is stands in the base itself."""

    def __init__(self, town: Town, connection: psycopg.Connection[Any]) -> None:
        self._town = town
        self._connection = connection
        connection.execute(SHOWN)
        self._books = Bookkeeper(town.supplier)
        self._entries = self._shown()
        for entry in entries(town)[: self._entries]:
            self._books.book(entry)
        self._desk = Desk(connection, self._books)

    def _shown(self) -> int:
        found = self._connection.execute("SELECT entries FROM shown").fetchone()
        if found is None:
            self._connection.execute("INSERT INTO shown VALUES (0)")
        return int(found[0]) if found else 0

    def show(self) -> str:
        new, moment = entries(self._town)[self._entries :], datetime.now(UTC)
        with self._connection.transaction():
            for entry in new:
                self._desk.book(entry)
            self._entries += len(new)
            self._connection.execute("UPDATE shown SET entries = %s", (self._entries,))
            return note(self._town, self._books, moment)


def entries(town: Town) -> list[AnyEntry]:
    """The journal of the books."""
    if not town.journal.exists():
        return []
    return [msgspec.json.decode(line, type=AnyEntry) for line in town.journal.read_bytes().splitlines()]


def note(town: Town, books: Bookkeeper, moment: datetime) -> str:
    """What a showing of the books will hold, noted before anybody can see it; its stamp."""
    stamp = snapshot.stamp(moment)
    (town.truths / stamp).write_text(truths.of_every_book(books), "utf-8")
    return stamp


def book_something(books: Bookkeeper, chance: random.Random) -> None:
    found = next(books.every(index := chance.randrange(books.supplier.plan.accounts), index + 1))
    account, at = found["accounts"][0][0], datetime.now(UTC).isoformat()
    last = found["bills"][-1][1]
    charged = [row for row in found["charges"] if row[1] == last]
    if charged and chance.random() < 0.5:
        amount = chance.randrange(-50_000, 50_000)
        books.book(
            Recalculated(
                account=account, at=at, service=charged[0][2], amount_kopecks=amount, reason="по заявлению абонента"
            )
        )
    else:
        books.book(
            PaymentBooked(
                account=account,
                at=at,
                payment=f"К-{chance.getrandbits(60)}",
                paid_on="2026-11-21",
                amount_kopecks=chance.randrange(1, 900_000),
            )
        )
