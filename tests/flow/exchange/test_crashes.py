"""Whatever dies wherever: every reading is in the accounting system's ledger once, and its answer is with us."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo import drop as players
from demo.accountant import Accountant
from lk_sync.errors import LkError
from tests.at_the_drop import PASSWORD, TheDrop
from tests.flow.exchange.conftest import Exchange
from tests.flow.exchange.mortality import Fate, Killed, Line, MortalSink, MortalStore, cutting

SMALL = 2  # rows of a file, so that a few readings make several


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def drop(tmp_path: Path, server_key: asyncssh.SSHKey, line: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[TheDrop]:
    """The drop with a line that can be cut at any request."""
    monkeypatch.setenv("LK_DROP_PASSWORD", PASSWORD)
    visitor = players.Visitor(name="lk", password=PASSWORD)
    with players.running(tmp_path / "drop", key=server_key, visitor=visitor, folders=cutting(line)) as running:
        yield TheDrop(running)


def live(exchange: Exchange, fate: Fate) -> None:
    """One life of the engine: a push that may be killed at any seam of its own."""
    store = MortalStore(exchange.store, fate)
    sink = MortalSink(exchange.drop.sink(), fate)
    exchange.push(sink=sink, store=store, max_rows=SMALL)  # type: ignore[arg-type]


def ledger(exchange: Exchange) -> dict[str, tuple[str, int]]:
    """Item → (status, value) in the accounting system's own books."""
    connection = sqlite3.connect(exchange.drop.root.with_name("accountant.db"))
    try:
        rows = connection.execute("SELECT item, status, value_micro FROM readings").fetchall()
    finally:
        connection.close()
    assert len({item for item, _, _ in rows}) == len(rows)
    return {item: (status, value) for item, status, value in rows}


def settle(exchange: Exchange) -> None:
    """Nothing dies any more: the exchange runs until both sides have nothing left to do."""
    for _ in range(3):
        exchange.push(max_rows=SMALL)
        exchange.accountant.work()


def is_right(exchange: Exchange) -> None:
    """Nothing lost, nothing doubled, nothing left lying about."""
    states = exchange.query("SELECT item, state FROM outbox")
    ours = {item: (state, exchange.submitted[item]) for item, state in states}
    assert set(ours) == set(exchange.submitted)
    assert ledger(exchange) == ours
    assert {state for state, _ in ours.values()} <= {"confirmed", "rejected"}
    accepted = [(item, value) for item, (state, value) in ours.items() if state == "confirmed"]
    assert sorted(set(exchange.booked)) == sorted(accepted)
    numbers = [number for (number,) in exchange.query("SELECT number FROM batches ORDER BY number")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert exchange.query("SELECT COUNT(*) FROM stray_answers") == [(0,)]
    assert exchange.query("SELECT line FROM outbox GROUP BY sink, batch, line HAVING COUNT(*) > 1") == []
    for folder in ("in", "answers"):
        assert [name for name in exchange.drop.names(folder) if not name.endswith(".part")] == []
        assert exchange.drop.names(f"{folder}/error") == []


def test_killed_at_every_seam_of_the_engine_in_turn(exchange: Exchange) -> None:
    counting = Fate()
    exchange.submit(1)
    live(exchange, counting)
    exchange.accountant.work()
    live(exchange, counting)
    assert counting.steps >= 20
    killed = 0
    for at in range(counting.steps):
        exchange.submit(2 + at)
        fate = Fate(at)
        try:
            live(exchange, fate)
            exchange.accountant.work()
            live(exchange, fate)
        except Killed:
            killed += 1
            exchange.reopen()
            exchange.accountant.work()
    assert killed >= counting.steps - 2
    settle(exchange)
    is_right(exchange)


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)  # the cuts are elsewhere: once is enough
def test_cut_at_every_request_to_the_server_in_turn(exchange: Exchange, line: Line) -> None:
    exchange.submit(1)
    line.fate = Fate()
    exchange.push()
    exchange.accountant.work()
    exchange.push()
    requests = line.fate.steps
    assert requests > 50
    cut = 0
    for at in range(requests):
        exchange.submit(2 + at)
        line.fate = Fate(at)
        try:
            exchange.push()
            exchange.accountant.work()
            exchange.push()
        except LkError:
            cut += 1
            line.fate = Fate()
            exchange.accountant.work()
    line.fate = Fate()
    assert cut > requests * 3 // 4  # a lost goodbye is not an error
    settle(exchange)
    is_right(exchange)


LIVES = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(1, 5)),
        st.tuples(st.just("killed"), st.integers(0, 40)),
        st.tuples(st.just("cut"), st.integers(0, 120)),
        st.tuples(st.just("accountant"), st.just(0)),
        st.tuples(st.just("accountant dies"), st.integers(0, 3)),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)  # as above; every seam is cut on both
@given(lives=LIVES)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)
def test_after_any_history_of_deaths_the_ledger_is_what_was_submitted(
    exchange: Exchange, line: Line, lives: list[tuple[str, int]]
) -> None:
    line.fate = Fate()
    exchange.begin_anew()
    for what, number in lives:
        _live_through(exchange, line, what, number)
    line.fate = Fate()
    exchange.submit(1)
    settle(exchange)
    is_right(exchange)


def _live_through(exchange: Exchange, line: Line, what: str, number: int) -> None:
    line.fate = Fate(number) if what == "cut" else Fate()
    match what:
        case "submit":
            for each in range(number):
                exchange.submit(len(exchange.submitted), meter=f"М{each % 2}")
        case "killed":
            try:
                live(exchange, Fate(number))
            except Killed:
                exchange.reopen()
        case "cut":
            try:
                exchange.push(max_rows=SMALL)
            except LkError:
                exchange.reopen()
        case "accountant":
            exchange.accountant.work()
        case _:
            _die_while_booking(exchange, number)


def _die_while_booking(exchange: Exchange, readings: int) -> None:
    """The accounting system is killed when it has booked so many readings."""

    def mortal(**reading: Any) -> None:
        nonlocal readings
        readings -= 1
        if readings < 0:
            raise Killed
        exchange.book(**reading)

    try:
        Accountant(exchange.drop.root, on_reading=mortal).work()
    except Killed:
        return
