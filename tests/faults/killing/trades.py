"""Trades: what does each process of a kill test do for as long as it lives?

They call what the engine and the portal call, again and again without a pause, so that hardly a moment of their lives
is idle and a kill at a random moment is a kill at a random point of the work. None of them tidies up: a life ends by
SIGKILL, or by itself when the process that wanted it is gone.
"""

from __future__ import annotations

import random
import socketserver
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import msgspec

from demo import drop
from demo.accountant import Accountant
from demo.bookkeeper import ReadingTaken
from lk_sync import engine, schedules
from lk_sync.clock import now
from lk_sync.errors import LkError
from lk_sync.flow.acceptance import Accepted
from lk_sync.flow.submit import submit
from lk_sync.records import month_number
from lk_sync.store.database import Store
from tests.faults.killing.counters import book_something, opened
from tests.faults.killing.phases import Board
from tests.faults.killing.town import VISITOR, Town

BREATH_SECONDS: Final = 0.01


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A reading as a subscriber sends it: the UUID of the form, and what was typed."""

    submission: str
    user_code: str
    account: str
    meter: str
    serial: str
    period: int
    value_micro: int


def _wanted() -> Iterator[None]:
    """Once per round, until whoever started this process is gone."""
    parent = parent_process()
    while parent is None or parent.is_alive():
        yield
        time.sleep(BREATH_SECONDS)


def walk(board: Board, town: Town, job: str) -> None:
    """The engine's walks of one job, one after the other."""
    board.watch_the_flow()
    config = town.config
    timetable = schedules.load(town.timetable, sources=config.sources, sinks=config.sinks)
    store = Store(config.lk.store_path)
    for _ in _wanted():
        try:
            engine.walk(config, store, job, timetable.jobs[job], clock=now, stop=threading.Event())
        except LkError as error:
            town.note(f"{job}: {type(error).__name__}: {error}")


def take_readings(board: Board, town: Town) -> None:
    """The portal's way of taking a reading, behind a socket: a form in a line, the answer in a line."""
    store = Store(town.config.lk.store_path)

    class Desk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                with board.inside("submit"):
                    answer = store.write_now(partial(hand_in, form=msgspec.json.decode(line, type=Form)))
                self.wfile.write(msgspec.json.encode(answer) + b"\n")

    town.door.unlink(missing_ok=True)
    with socketserver.ThreadingUnixStreamServer(str(town.door), Desk) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in _wanted():
            time.sleep(1)


def hand_in(tx: Any, *, form: Form) -> Any:
    """Accepted as it is: what may be handed in is another matter."""
    reading = Accepted(value_micro=form.value_micro, period=form.period, taken_on="2026-11-20", flags=())
    return submit(
        tx,
        submission=form.submission,
        user_code=form.user_code,
        account=form.account,
        meter=form.meter,
        serial=form.serial,
        reading=reading,
        address="127.0.0.1",
        now=now(),
    )


def keep_accounts(board: Board, town: Town) -> None:
    """The accounting system's clerk: takes the files, judges, books and answers."""
    books = town.books

    def book(*, item: str, period: str, **reading: Any) -> None:
        entry = ReadingTaken(reading=item, period=month_number(period), at=datetime.now(UTC).isoformat(), **reading)
        books.book(entry)

    accountant = Accountant(town.drop, town.ledger, on_reading=book)
    for _ in _wanted():
        if any((town.drop / "in").glob("*.ok")):
            with board.inside("book"):
                accountant.work()


def export_books(board: Board, town: Town, seed: int) -> None:
    """The accounting system itself: something is booked, and shown to whoever asks."""
    chance = random.Random(seed)  # noqa: S311 - repeatable by seed
    with opened(town) as counter:
        for _ in _wanted():
            for _ in range(chance.randrange(1, 4)):
                book_something(town.books, chance)
            with board.inside("write"):
                counter.show()
            time.sleep(chance.uniform(0.1, 0.4))


def serve_the_drop(_: Board, root: Path, key: Path, visitor: str, said: Connection) -> None:
    """The SFTP server between both sides."""
    with drop.running(root, key=drop.host_key(key), visitor=drop.Visitor(name=VISITOR, key=visitor)) as served:
        said.send(served.port)
        for _ in _wanted():
            time.sleep(1)
