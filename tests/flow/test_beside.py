"""Two sources of one dataset: nothing is there twice, nothing is missing, whoever comes first."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lk_sync.cache.codes import Codes
from lk_sync.contracts import GroupTotal, Totals
from lk_sync.flow import publish, tally
from lk_sync.flow.publish import Published
from lk_sync.flow.stage import Staged, Staging
from lk_sync.flow.validate import Validated
from lk_sync.guards import Guards
from lk_sync.locks import FileHold
from lk_sync.records import DATASETS
from tests.at_the_store import Kept

PAYMENTS = DATASETS["payments"]
DAYS = 2
Paid = tuple[str, str, int]  # key, day, kopecks
MATCH = {"beside": "books", "match": ("account", "paid_on", "amount_kopecks"), "match_days": DAYS}


class Two:
    """A cache into which the books and the bank are published."""

    def __init__(self, kept: Kept, **match: Any) -> None:
        self._kept, self.cache, self._runs, self._match = kept, kept.cache(), count(1), MATCH | match

    def books(self, *paid: Paid, **more: Any) -> Published:
        return self.publish("books", paid, **more)

    def bank(self, *paid: Paid, **more: Any) -> Published:
        return self.publish("bank", paid, **(self._match | more))

    def publish(self, source: str, paid: Sequence[Paid], gone: Sequence[str] = (), **more: Any) -> Published:
        run = next(self._runs)
        path = self._kept.folder / f"run-{run}.db"
        with closing(self.cache.open()) as base:
            staging = Staging(path, run=run, source=source, codes=Codes(base))
            stage = staging.begin(PAYMENTS, PAYMENTS.columns[:6])
            rows = [(1_001, key, day, 202611, amount, "bank") for key, day, amount in paid]
            columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in PAYMENTS.columns[:6]]
            numbers = range(1, len(rows) + 1)
            stage.add(Validated(columns=columns, numbers=numbers, rejects=[], rejected_rows=0), where="x")
            stage.gone([[1_001] * len(gone), list(gone)])
            mode = more.pop("mode", "full")
            said = more.pop("said", None)
            what = Staged(dataset="payments", mode=mode, pulled=len(rows), sums=stage.sums, source=said, **more)
            stage.finish(what)
            staging.close()
        with publish.staged_beside_cache(self.cache, path, FileHold(source)) as (base, staged):
            found = publish.differences(base, staged, source=source)
            found = publish.differences(base, staged, source=source)  # arranged anew, as when somebody else was quicker
            self.told = [each.text for each in tally.findings(base, staged["payments"], Guards())]
            done = publish.publish(base, staged, run=run, source=source, at=f"2026-11-{run:02d}", found=found)
        path.unlink()
        return done["payments"]

    def query(self, sql: str) -> list[Any]:
        return self._kept.cells(self._kept.folder / "cache.db", sql)

    @property
    def paid(self) -> dict[str, str]:
        return dict(
            self.query("SELECT payment, s.name FROM payments AS p JOIN sources AS s ON s.id = origin ORDER BY payment")
        )


@pytest.fixture
def two(kept: Kept) -> Two:
    return Two(kept)


def test_a_row_that_the_first_source_has_is_left_out_and_comes_back_when_it_is_gone_there(two: Two) -> None:
    two.books(("a", "2026-11-03", 100), ("b", "2026-11-04", 200))
    done = two.bank(("x", "2026-11-01", 100), ("y", "2026-11-04", 300))
    assert (done.merged.inserted, two.paid) == (1, {"a": "books", "b": "books", "y": "bank"})
    done = two.books(("b", "2026-11-04", 200))
    assert (done.merged.inserted, done.merged.ended) == (1, 1)
    assert two.paid == {"b": "books", "x": "bank", "y": "bank"}
    assert two.query("SELECT run, act, row_key FROM journal WHERE run = 3 ORDER BY act") == [
        (3, "end", '[1001,"a"]'),
        (3, "insert", '[1001,"x"]'),
    ]
    ((now,),) = two.query("SELECT now FROM journal WHERE run = 3 AND act = 'insert'")
    assert json.loads(now)["run"] == 3


def test_a_row_of_the_second_source_ends_when_the_first_brings_it_later(two: Two) -> None:
    two.bank(("x", "2026-11-01", 100), ("y", "2026-11-01", 300))
    done = two.books(("a", "2026-11-02", 100))
    assert (done.merged.inserted, done.merged.ended) == (1, 1)
    assert two.paid == {"a": "books", "y": "bank"}


def test_two_equal_payments_of_a_day_are_two(two: Two) -> None:
    two.books(("a", "2026-11-01", 100))
    two.bank(("x", "2026-11-01", 100), ("y", "2026-11-01", 100))
    assert list(two.paid.values()) == ["books", "bank"]
    two.books(("a", "2026-11-01", 100), ("b", "2026-11-01", 100))
    assert two.paid == {"a": "books", "b": "books"}


def test_the_nearest_day_is_the_same_thing(two: Two) -> None:
    two.books(("a", "2026-11-01", 100), ("b", "2026-11-03", 100))
    two.bank(("x", "2026-11-03", 100))
    two.books(("a", "2026-11-01", 100))
    assert two.paid == {"a": "books"}
    two.books(("b", "2026-11-06", 100))
    assert two.paid == {"b": "books", "x": "bank"}


def test_days_are_counted_over_the_ends_of_months_and_years(two: Two) -> None:
    two.books(("a", "2027-01-01", 100), ("b", "2028-03-01", 200), ("c", "2026-03-02", 300))
    two.bank(("x", "2026-12-30", 100), ("y", "2028-02-28", 200), ("z", "2026-02-27", 300))
    assert two.paid == {"a": "books", "b": "books", "c": "books", "z": "bank"}


def test_files_of_changes_are_not_forgotten_when_the_first_source_takes_its_row_away(two: Two) -> None:
    changes: dict[str, Any] = {"mode": "increment", "absent_ends": False}
    two.books(("a", "2026-11-01", 100), ("b", "2026-11-01", 200))
    two.bank(("x", "2026-11-01", 100), **changes)
    two.bank(("y", "2026-11-02", 200), **changes)
    assert two.paid == {"a": "books", "b": "books"}
    two.books()
    assert two.paid == {"x": "bank", "y": "bank"}
    two.bank(("x", "2026-11-01", 150), gone=("y",), **changes)
    assert two.query("SELECT payment, amount_kopecks FROM payments") == [("x", 150)]
    two.books(("a", "2026-11-01", 150), mode="increment")
    assert two.paid == {"a": "books"}
    two.bank(gone=("x",), **changes)
    two.books(gone=("a",), mode="increment")
    assert two.paid == {}


def test_a_row_with_the_same_key_is_the_same_thing_and_the_first_source_counts(two: Two) -> None:
    two.bank(("k", "2026-11-01", 100))
    two.books(("k", "2026-11-20", 900))
    assert two.query("SELECT amount_kopecks FROM payments") == [(900,)]
    two.bank(("k", "2026-11-01", 100))
    assert two.paid == {"k": "books"}
    two.books()
    assert two.query("SELECT amount_kopecks FROM payments") == [(100,)]


def test_a_source_that_stands_beside_nobody_any_more_brings_all_its_rows(two: Two) -> None:
    two.books(("a", "2026-11-01", 100))
    two.bank(("x", "2026-11-01", 100), mode="increment")
    two.publish("bank", [("y", "2026-11-02", 50)], mode="increment")
    assert two.paid == {"a": "books", "x": "bank", "y": "bank"}


def test_without_a_day_in_the_match_days_do_not_count(kept: Kept) -> None:
    two = Two(kept, match=("account", "amount_kopecks"), match_days=0)
    two.books(("a", "2026-01-01", 100))
    two.bank(("x", "2026-11-01", 100), ("y", "2026-11-01", 100))
    assert two.paid == {"a": "books", "y": "bank"}


def test_what_a_reverted_run_brought_does_not_come_back(two: Two) -> None:
    two.books(("a", "2026-11-01", 100))
    two.bank(("x", "2026-11-01", 100), mode="increment")
    with closing(two.cache.open()) as base:
        base.execute(f"UPDATE {base.at.cache}.published_runs SET reverts = 2 WHERE run = 1")
    two.books()
    assert two.paid == {}


def test_totals_by_groups_are_those_of_what_was_brought(two: Two) -> None:
    two.books(("a", "2026-11-01", 100))
    total = Totals(rows=2, groups=(GroupTotal(period=202611, rows=2, sums={"amount_kopecks": 300}),))
    two.bank(("x", "2026-11-01", 100), ("y", "2026-11-01", 200), said=total)
    assert two.told == []
    assert two.paid == {"a": "books", "y": "bank"}
    two.books(said=Totals(rows=0, groups=()))
    two.books(("c", "2026-11-01", 7), said=Totals(rows=1, groups=(GroupTotal(period=202611, rows=2),)))
    assert two.told == ["по месяцам и услугам: 2026-11: строк в источнике 2, получено 1"]


def _are_as_they_should_be(two: Two, books: dict[str, Paid], bank: dict[str, Paid]) -> None:
    """Every row of the books; of the bank's every one that is not paired, and none whose like is free."""
    paid = two.paid
    assert {key for key, whose in paid.items() if whose == "books"} == set(books)
    shown = [bank[key] for key, whose in paid.items() if whose == "bank"]
    assert len(shown) == len(paid) - len(books)
    hidden = [row for key, row in bank.items() if key not in paid]
    amounts = {row[2] for row in (*books.values(), *bank.values())}
    for amount in amounts:
        ours = sorted(_day(row) for row in books.values() if row[2] == amount)
        left_out = sorted(_day(row) for row in hidden if row[2] == amount)
        free = _unpaired(ours, left_out)
        assert free is not None, "a row is left out that no row of the books stands for"
        assert Counter(row[2] for row in shown)[amount] + len(left_out) == sum(
            row[2] == amount for row in bank.values()
        )
    everything_paired(two, books, bank, hidden)


def everything_paired(two: Two, books: dict[str, Paid], bank: dict[str, Paid], hidden: list[Paid]) -> None:
    """As many are left out as would be by hand: the nearest first."""
    expected = 0
    for amount in {row[2] for row in bank.values()}:
        ours = Counter(_day(row) for row in books.values() if row[2] == amount)
        theirs = Counter(_day(row) for row in bank.values() if row[2] == amount)
        for away in [0, *(sign * n for n in range(1, DAYS + 1) for sign in (1, -1))]:
            for day in sorted(theirs):
                both = min(theirs[day], ours[day + away])
                theirs[day] -= both
                ours[day + away] -= both
                expected += both
    assert len(hidden) == expected


def _unpaired(ours: list[int], theirs: list[int]) -> list[int] | None:
    """Days of ours that stay free when each of theirs gets one in reach; None when one gets none."""
    free = list(ours)
    for day in theirs:
        near = next((each for each in free if abs(each - day) <= DAYS), None)
        if near is None:
            return None
        free.remove(near)
    return free


def _day(row: Paid) -> int:
    return date.fromisoformat(row[1]).toordinal()


ROWS = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 2)), max_size=6)
STEPS = st.lists(
    st.tuples(st.sampled_from(["books", "bank", "more", "gone", "books-more"]), ROWS), min_size=2, max_size=6
)


@settings(max_examples=10, deadline=None)
@given(steps=STEPS)
def test_whatever_comes_in_whatever_order_nothing_is_doubled_and_nothing_lost(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        two, numbers = Two(Kept(Path(folder))), count(1)
        books: dict[str, Paid] = {}
        bank: dict[str, Paid] = {}
        for who, rows in steps:
            prefix = "k" if who.startswith("books") else "b"
            laid = {
                f"{prefix}{n}": (f"{prefix}{n}", f"2026-11-{day:02d}", 100 * amount)
                for day, amount in rows
                for n in [next(numbers)]
            }
            match who:
                case "books":
                    books = laid
                    two.books(*laid.values())
                case "books-more":
                    books |= laid
                    two.books(*laid.values(), mode="increment")
                case "bank":
                    bank = laid
                    two.bank(*laid.values())
                case "more":
                    bank |= laid
                    two.bank(*laid.values(), mode="increment", absent_ends=False)
                case "gone":
                    away = list(bank)[: len(rows)]
                    bank = {key: row for key, row in bank.items() if key not in away}
                    two.bank(gone=away, mode="increment", absent_ends=False)
            _are_as_they_should_be(two, books, bank)
