"""A run that is taken back leaves the rows of the cache as they were, to the last column; the past can still be told,
and the next increment brings the data again."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lk_sync import databases
from lk_sync.clock import now
from lk_sync.errors import SettingsError
from lk_sync.flow import revert
from lk_sync.records import DATASETS
from lk_sync.store import audit, runs
from tests.at_the_store import Kept
from tests.flow.conftest import World
from tests.flow.ledger import Ledger, Row, balance, payment

Cells = Callable[[str], list[tuple[Any, ...]]]
TABLES = ("payments", "balances")

keys = st.tuples(st.integers(1, 4), st.sampled_from(["a", "b"]))
paid = st.dictionaries(keys, st.integers(0, 3), max_size=6)
owed = st.dictionaries(st.integers(1, 4), st.integers(0, 3), max_size=4)
steps = st.lists(
    st.tuples(st.sampled_from(["books", "bank"]), st.booleans(), paid, st.none() | owed, st.booleans()),
    min_size=1,
    max_size=6,
)  # fmt: skip


def books(paid: dict[tuple[int, str], int], owed: dict[int, int] | None) -> dict[str, list[Row]]:
    """Amounts of 3 rubles have other information beside them."""
    rows = [payment(n, ident, rubles) for (n, ident), rubles in paid.items()]
    told: dict[str, list[Row]] = {
        "payments": [row | ({"extra": '{"Банк": "А"}'} if row["amount_kopecks"] == 300 else {}) for row in rows]
    }
    if owed is not None:
        told["balances"] = [balance(n, 202610, 0, rubles) for n, rubles in owed.items()]
    return told


def take_back(ledger: Ledger, target: int) -> None:
    ledger.run += 1
    with closing(ledger.cache.open()) as base:
        revert.revert(base, target, run=ledger.run, at=f"2026-11-{ledger.run:02d}T00:00:00.000Z")


def state(ledger: Ledger, source: str) -> dict[str, list[Any]]:
    """Every row of the tables, and where the datasets of the source are."""
    found = {name: ledger.rows(f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in TABLES}
    where = f"SELECT * FROM dataset_state WHERE source = '{source}' ORDER BY dataset"
    return found | {"state": ledger.rows(where)}


def of_datasets(found: dict[str, list[Any]], datasets: set[str]) -> dict[str, list[Any]]:
    """A run that found nothing cannot be taken back, and what it says of other datasets stands."""
    return found | {"state": [row for row in found["state"] if row[0] in datasets]}


def before(ledger: Ledger, run: int) -> dict[str, list[Any]]:
    """The tables before `run`, from those of today and the journal alone."""
    rows = {name: {_key(name, row): row for row in ledger.rows(f"SELECT * FROM {name}")} for name in TABLES}
    journal = f"SELECT dataset, row_key, act, was FROM journal WHERE run >= {run} ORDER BY run DESC"
    for name, row_key, act, was in ledger.rows(journal):
        if act == "load":
            rows[name].clear()
        elif was is None:
            del rows[name][tuple(json.loads(row_key))]
        else:
            rows[name][tuple(json.loads(row_key))] = tuple(json.loads(was).values())
    return {name: sorted(found.values()) for name, found in rows.items()}


def _key(name: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    return row[: len(DATASETS[name].key)]


@settings(max_examples=40, deadline=None)
@given(steps=steps)
@example(steps=[("books", False, {}, None, False), ("books", False, {}, {}, False)])
@example(
    steps=[("books", False, {}, {}, False), ("bank", False, {(1, "a"): 0}, None, False), ("bank", False, {}, {}, False)]
)
def test_runs_that_are_taken_back_last_first_leave_nothing_behind(steps: list[Any], tmp_path_factory: Any) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("revert"))
    with closing(ledger.cache.open()):
        pass
    known = []
    for source, snapshot, payments, balances, watermark in steps:
        more = {"mode": "full" if snapshot else "increment", "watermark": f"{ledger.run}" if watermark else None}
        was = state(ledger, source)
        ledger.publish(books(payments, balances), source, **more)
        if ledger.rows(f"SELECT 1 FROM journal WHERE run = {ledger.run}"):  # a first load of no rows is one as well
            known.append((ledger.run, source, {"payments"} | ({"balances"} if balances is not None else set()), was))
    for run, source, datasets, was in reversed(known):
        take_back(ledger, run)
        assert of_datasets(state(ledger, source), datasets) == of_datasets(was, datasets)
    for run, _, _, was in known:
        assert before(ledger, run) == {name: sorted(was[name]) for name in TABLES}


@settings(max_examples=40, deadline=None)
@given(steps=steps, chosen=st.integers(1, 6))
def test_a_run_is_taken_back_out_of_turn_only_if_no_later_one_touched_its_rows(
    steps: list[Any], chosen: int, tmp_path_factory: Any
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("revert"))
    for source, snapshot, payments, balances, _ in steps:
        ledger.publish(books(payments, balances), source, mode="full" if snapshot else "increment")
    target = min(chosen, len(steps))
    touched = ledger.rows(f"SELECT dataset, row_key, was FROM journal WHERE run = {target}")
    loads = {name for name, row_key, _ in touched if not row_key}
    later = [
        run
        for run, name, row_key in ledger.rows(f"SELECT run, dataset, row_key FROM journal WHERE run > {target}")
        if name in loads or any((name, row_key) == place[:2] for place in touched)
    ]
    rows = state(ledger, "")
    if later or not touched:
        says = f"сначала lk-sync revert {max(later)}$" if later else "ничего не изменил"
        with pytest.raises(SettingsError, match=says):
            take_back(ledger, target)
        assert state(ledger, "") == rows
        return
    take_back(ledger, target)
    for name in TABLES:
        expected = {} if name in loads else {_key(name, row): row for row in rows[name]}
        for dataset, row_key, was in touched:
            if dataset == name and row_key:
                expected.pop(tuple(json.loads(row_key)), None)
                if was is not None:
                    expected[tuple(json.loads(row_key))] = tuple(json.loads(was).values())
        assert sorted(expected.values()) == sorted(state(ledger, "")[name])
    with pytest.raises(SettingsError, match=f"запуск {target} уже отменён запуском {ledger.run}"):
        take_back(ledger, target)


def test_runs_out_of_turn_never_lead_the_next_increment_past_what_is_missing(kept: Kept) -> None:
    ledger = Ledger(kept.folder, kept.cache())
    ledger.publish({"payments": [payment(1, "a", 1)]}, watermark="10")
    for mark, ident in (("20", "b"), ("30", "c"), ("40", "d")):
        ledger.publish({"payments": [payment(1, ident, 1)]}, mode="increment", watermark=mark)
    watermark = "SELECT watermark FROM dataset_state"
    take_back(ledger, 3)
    assert ledger.rows(watermark) == [("20",)]
    take_back(ledger, 4)
    assert ledger.rows(watermark) == [("20",)]
    take_back(ledger, 2)
    assert ledger.rows(watermark) == [("10",)]
    take_back(ledger, 1)
    assert ledger.rows(watermark) == []
    assert ledger.rows("SELECT COUNT(*) FROM payments") == [(0,)]
    with pytest.raises(SettingsError, match="запуск 8 сам отменил запуск 1"):
        take_back(ledger, 8)
    with pytest.raises(SettingsError, match="запуска 77 нет в нынешнем кэше"):
        take_back(ledger, 77)


def _ten(world: World) -> None:
    for i in range(10):
        world.account(f"00{i:07d}")
        world.payment(f"00{i:07d}", f"П{i}", f"{i},{i}5")


def _rows(cells: Cells) -> list[Any]:
    return [cells(f"SELECT * FROM {name} ORDER BY 1, 2") for name in ("accounts", "payments", "dataset_state")]


def test_the_next_increment_brings_again_what_was_taken_back(world: World, cells: Cells) -> None:
    _ten(world)
    world.pull()
    first = _rows(cells)
    world.books["payments"]["rows"][4] |= {"сумма": "99.00", "изменён": "2026-11-02T00:00:00"}
    world.payment("000000001", "новый", "-5", changed="2026-11-02T00:00:01")
    bad = world.pull()
    assert world.pull().state == "unchanged"
    report = world.puller.revert(bad.run, who="root")
    assert (report.run, report.state) == (4, "published")
    assert [(d.dataset, d.inserted, d.updated, d.ended) for d in report.datasets] == [
        ("accounts", 0, 0, 0),
        ("payments", 0, 1, 1),
    ]
    assert _rows(cells)[1:] == first[1:]
    stored = {run.run: run for run in world.store.read(runs.recent)}
    assert (stored[4].kind, stored[4].reverts, stored[2].reverted_by, stored[2].state) == ("revert", 2, 4, "published")
    (entry,) = world.store.read(lambda tx: audit.about(tx, object="run:2"))
    assert (entry.actor, entry.act) == ("root", "run_reverted")
    assert world.store.read(runs.last_of_each_job)[0].run == 3

    again = world.pull()
    assert [(d.mode, d.inserted, d.updated) for d in again.datasets] == [("full", 0, 0), ("increment", 1, 1)]
    assert cells("SELECT amount_kopecks FROM payments WHERE payment = 'новый'") == [(-500,)]
    assert cells("SELECT watermark FROM dataset_state WHERE dataset = 'payments'") == [("2026-11-02T00:00:01",)]


def test_a_first_load_is_taken_back_whole_and_can_be_loaded_again(world: World, cells: Cells) -> None:
    _ten(world)
    run = world.pull().run
    world.puller.revert(run, who="root")
    assert _rows(cells) == [[], [], []]
    assert len(cells("SELECT 1 FROM journal WHERE act = 'end' AND account IS NOT NULL")) == 20
    again = world.pull()
    assert [(d.mode, d.inserted) for d in again.datasets] == [("full", 10), ("full", 10)]


def test_what_cannot_be_taken_back_is_refused_without_a_run(world: World) -> None:
    _ten(world)
    world.pull()
    world.pull()
    for run, says in ((9, "запуска 9 не было"), (2, "запуск 2 ничего не изменил")):
        with pytest.raises(SettingsError, match=says):
            world.puller.revert(run, who="root")
    world.books["payments"]["rows"] = []
    held = world.pull(full=True)
    with pytest.raises(SettingsError, match="запуска 3 нет в нынешнем кэше: он не был опубликован"):
        world.puller.revert(held.run, who="root")
    assert len(world.store.read(runs.recent)) == 3


def test_a_revert_that_was_killed_after_its_commit_is_found_published(world: World) -> None:
    _ten(world)
    run = world.pull().run
    number = world.store.write_now(
        lambda tx: runs.open_run(
            tx, job="books", source="books", started_by="hand", now=now(), kind="revert", reverts=run
        )
    )
    with closing(databases.cache(world.config).open()) as base:
        revert.revert(base, run, run=number, at="2026-11-30T00:00:00.000Z")
    world.pull()
    stored = {run.run: run for run in world.store.read(runs.recent)}
    assert (stored[number].state, stored[run].reverted_by) == ("published", number)
