"""What is shown before a decision is what happens after it; a run that only tries leaves no trace; a decision is about
what was looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lk_sync import databases
from lk_sync.cache import schema
from lk_sync.errors import SchemaDrift, SettingsError
from lk_sync.flow import picture, publish
from lk_sync.flow.case import Case
from lk_sync.flow.picture import Amount, Mover, Picture
from lk_sync.guards import Guards
from lk_sync.locks import FileHold
from lk_sync.records import DATASETS
from lk_sync.store import audit, rejects, runs
from tests.at_the_store import Kept
from tests.flow.conftest import World
from tests.flow.ledger import NOW, Ledger, Row, balance, charge, payment

Cells = Callable[[str], list[tuple[Any, ...]]]
Books = dict[str, list[Row]]

months = st.sampled_from([202609, 202610, 202611])
services = st.sampled_from(["heating", "hot_water"])
rubles = st.integers(-3, 9)
owed = st.dictionaries(st.tuples(st.integers(1, 5), months, services), rubles, max_size=8)
paid = st.dictionaries(st.tuples(st.integers(1, 5), st.sampled_from("ab")), rubles, max_size=5)
steps = st.tuples(st.booleans(), owed, owed, paid)


def books(balances: Any, charges: Any, payments: Any) -> Books:
    return {
        "balances": [balance(n, month, 0, amount, service) for (n, month, service), amount in balances.items()],
        "charges": [charge(n, month, amount, service) for (n, month, service), amount in charges.items()],
        "payments": [payment(n, ident, amount) for (n, ident), amount in payments.items()],
    }


def drawn(ledger: Ledger, books: Books, **more: Any) -> Picture:
    ledger.run += 1
    with ledger.staged(books, **more) as (base, staged):
        differences = publish.differences(base, staged, source="books")
        guards = {name: Guards() for name in DATASETS}
        return picture.draw(Case(base, staged, guards, differences, source="books", now=NOW))


def sums(ledger: Ledger) -> dict[tuple[str, str, str | None], tuple[int, int]]:
    """Dataset, month, service → rows and money, as published."""
    found: dict[tuple[str, str, str | None], tuple[int, int]] = {}
    for name, field in (("balances", "closing_kopecks"), ("charges", "total_kopecks")):
        joined = f"FROM {name} AS b JOIN codes AS k ON k.id = b.service GROUP BY period, code"
        for period, code, rows, amount in ledger.rows(f"SELECT period, code, COUNT(*), SUM({field}) {joined}"):
            found[name, f"{period // 100}-{period % 100:02d}", code] = (int(rows), int(amount))
    for period, rows, amount in ledger.rows("SELECT period, COUNT(*), SUM(amount_kopecks) FROM payments GROUP BY 1"):
        found["payments", f"{period // 100}-{period % 100:02d}", None] = (int(rows), int(amount))
    return found


def seen(ledger: Ledger) -> Counter[str]:
    """Account number → what its latest month closes with."""
    rows = ledger.rows("SELECT account, period, closing_kopecks FROM balances")
    latest: dict[int, int] = {}
    for account, period, _ in rows:
        latest[account] = max(period, latest.get(account, 0))
    owed: Counter[str] = Counter()
    for account, period, kopecks in rows:
        owed[str(account)[1:]] += kopecks if period == latest[account] else 0
    return owed


@settings(max_examples=40, deadline=None)
@given(first=steps, second=steps)
def test_what_is_shown_is_what_happens(first: Any, second: Any, tmp_path_factory: Any) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("picture"))
    for snapshot, *parts in (first, second):
        mode = "full" if snapshot else "increment"
        sums_before, seen_before = sums(ledger) if ledger.run else {}, seen(ledger) if ledger.run else Counter()
        shown = drawn(ledger, books(*parts), mode=mode)
        published = ledger.publish(books(*parts), mode=mode)
        after = sums(ledger)
        told = {(a.dataset, a.period, a.service): ((a.rows_was, a.was), (a.rows_now, a.now)) for a in shown.amounts}
        for place in sums_before.keys() | after.keys():
            was, now = sums_before.get(place, (0, 0)), after.get(place, (0, 0))
            assert told.pop(place, (was, was)) == (was, now)
        assert not told
        merged = {d.dataset: (d.inserted, d.updated, d.ended) for d in shown.datasets}
        assert merged == {
            name: (done.merged.inserted, done.merged.updated, done.merged.ended)
            for name, done in published.items()
            if done.merged.changed or name in merged
        }
        if shown.movers_of == "balances":
            now = seen(ledger)
            every = seen_before.keys() | now.keys()
            moved = {n: (seen_before[n], now[n]) for n in every if seen_before[n] != now[n]}
            assert {m.account: (m.was, m.now) for m in shown.movers} == moved
            assert [abs(m.now - m.was) for m in shown.movers] == sorted(
                (abs(now - was) for was, now in moved.values()), reverse=True
            )


def test_the_twenty_accounts_that_move_most_are_named_by_number(kept: Kept) -> None:
    ledger = Ledger(kept.folder, kept.cache())
    ledger.publish({"balances": [balance(n, 202610, 0, 1_000) for n in range(30)]})
    new = [balance(n, 202611, 1_000, 1_000 + 10 * n) for n in range(30)]
    shown = drawn(ledger, {"balances": new, "payments": [payment(1, "a", 5)]}, mode="increment")
    assert shown.movers_of == "balances"
    assert shown.movers[:2] == (Mover("029", 100_000, 129_000), Mover("028", 100_000, 128_000))
    assert len(shown.movers) == 20
    assert shown.amounts == (
        Amount(
            dataset="balances", period="2026-11", service="heating", rows_was=0, rows_now=30, was=0, now=3_435_000
        ),
        Amount(dataset="payments", period="2026-11", rows_was=0, rows_now=1, was=0, now=500),
    )  # fmt: skip
    by_lines = drawn(ledger, {"charges": [charge(1, 202610, 70)], "payments": [payment(1, "a", 5)]})
    assert (by_lines.movers_of, by_lines.movers) == ("charges", (Mover("001", 0, 7_000),))
    ledger.publish({"charges": [charge(n, 202610, 100) for n in range(3)]})
    changed = drawn(ledger, {"charges": [charge(0, 202610, 100), charge(1, 202610, 30)]})
    assert changed.movers == (Mover("002", 10_000, 0), Mover("001", 10_000, 3_000))


def _ten(world: World) -> None:
    for i in range(10):
        world.account(f"00{i:07d}")
        world.payment(f"00{i:07d}", f"П{i}", f"{i},{i}5")


def _everything(world: World) -> dict[str, list[Any]]:
    with closing(databases.cache(world.config).open()) as base:
        return {
            name: sorted(map(str, base.execute(f"SELECT * FROM {base.at.cache}.{name}").fetchall()))
            for name in (*schema.KEPT, *DATASETS)
        }


def test_a_run_that_only_tries_shows_all_and_leaves_no_trace(world: World) -> None:
    world.account("001-Ж")
    world.payment("001-Ж", "П", "7", канал="сайт")
    world.payment("001-Ж", "Р", "x")
    tried = world.pull(dry=True)
    assert not any(_everything(world).values())
    assert (tried.kind, tried.state, tried.clean) == ("dry", "unchanged", False)
    assert tried.picture is not None
    assert tried.picture.movers == (Mover("001-Ж", 0, 700),)
    assert [finding.code for finding in tried.findings] == ["rejects"]
    del world.books["payments"]["rows"][1]
    world.pull()
    before = _everything(world)
    world.account("002-Ж")
    world.payment("002-Ж", "П", "8", канал="банк", changed="2026-11-05T00:00:00")
    again = world.pull(dry=True, full=True)
    assert _everything(world) == before
    assert again.clean
    assert again.picture is not None
    assert [(a.was, a.now, a.rows_now) for a in again.picture.amounts] == [(700, 1_500, 2)]
    assert again.picture.movers == (Mover("002-Ж", 0, 800),)
    assert not list((world.config.lk.data_dir / "staging").iterdir())
    stored = {run.run: run for run in world.store.read(runs.recent)}
    assert [(run.kind, run.state) for run in stored.values()] == [
        ("dry", "unchanged"), ("pull", "published"), ("dry", "unchanged"),
    ]  # fmt: skip
    assert world.store.read(runs.last_of_each_job)[0].run == 2
    assert world.store.read(rejects.causes) == []
    assert len(world.store.read(lambda tx: rejects.of_run(tx, 1))) == 1
    assert world.store.read(lambda tx: runs.picture(tx, 3)) == msgspec.json.encode(again.picture).decode()


def test_an_increment_may_begin_earlier_but_not_later_than_what_is_known(world: World) -> None:
    _ten(world)
    for i, row in enumerate(world.books["payments"]["rows"]):
        row["изменён"] = f"2026-11-{i + 1:02d}T12:00:00"
    world.pull()
    assert [d.pulled for d in world.pull(since="2026-11-08").datasets] == [10, 3]
    assert [d.pulled for d in world.pull(since="2026-11-08 12:00").datasets] == [10, 3]
    assert [d.pulled for d in world.pull().datasets] == [10, 1]
    for since, says in (
        ("2026-11-11", "набор payments загружен только по 2026-11-10T12:00:00.000000; изменения между этим"),
        ("вчера", "--since «вчера»: нужны дата или дата и время, например 2026-11-01"),
        ("2026-11-01T00:00:00+03:00", "без часового пояса"),
    ):
        with pytest.raises(SettingsError, match=says):
            world.pull(since=since)


def _held(world: World) -> int:
    _ten(world)
    world.pull()
    world.books["payments"]["rows"] = world.books["payments"]["rows"][:5]
    return world.pull(full=True).run


def test_a_decision_is_written_down_with_who_made_it(world: World) -> None:
    run = _held(world)
    kept = world.store.read(lambda tx: runs.picture(tx, run))
    assert kept is not None
    shown = msgspec.json.decode(kept, type=Picture)
    assert [(d.dataset, d.ended, d.accounts) for d in shown.datasets] == [("payments", 5, 5)]
    assert shown.movers[0] == Mover("000000009", 995, 0)
    world.puller.approve(run, who="ivanov")
    (entry,) = world.store.read(lambda tx: audit.about(tx, object=f"run:{run}"))
    assert (entry.actor, entry.act) == ("ivanov", "run_approved")
    assert "строк стало меньше" in entry.detail


def _bank_publishes(world: World, rows: list[Row]) -> None:
    ledger = Ledger(world.config.lk.data_dir, databases.cache(world.config))
    ledger.run = 49
    ledger.publish({"payments": rows}, source="bank", mode="increment")


def test_a_held_run_is_not_published_onto_other_data_than_were_looked_at(world: World) -> None:
    run = _held(world)
    _bank_publishes(world, [payment(1, "банк", 5)])
    with pytest.raises(SettingsError, match=r"позже опубликован запуск 50 \(payments, источник bank\)"):
        world.puller.approve(run, who="root")
    assert world.store.read(lambda tx: runs.one(tx, run)).state == "held"  # type: ignore[union-attr]  # it is there


def test_a_held_run_is_not_published_when_what_it_differs_from_was_taken_back(world: World) -> None:
    run = _held(world)
    world.puller.revert(1, who="root")
    with pytest.raises(SettingsError, match="отменён запуск, от которого он отличается"):
        world.puller.approve(run, who="root")


def test_a_later_run_that_found_nothing_new_is_no_obstacle_and_can_be_led_back_to(world: World, cells: Cells) -> None:
    _ten(world)
    world.pull()
    whole = world.books["payments"]["rows"]
    world.books["payments"]["rows"] = whole[:5]
    held = world.pull(full=True).run
    world.books["payments"]["rows"] = whole
    assert world.pull().state == "unchanged"
    before = [cells(f"SELECT * FROM {name} ORDER BY 1, 2") for name in ("payments", "dataset_state")]
    assert world.puller.approve(held, who="root").state == "published"
    assert cells("SELECT COUNT(*) FROM payments") == [(5,)]
    world.puller.revert(held, who="root")
    assert [cells(f"SELECT * FROM {name} ORDER BY 1, 2") for name in ("payments", "dataset_state")] == before


def test_an_approval_that_was_killed_after_its_commit_is_written_down(world: World) -> None:
    run = _held(world)
    file = world.config.lk.data_dir / "staging" / f"run-{run:08d}.db"
    with publish.staged_beside_cache(databases.cache(world.config), file, FileHold("books")) as (base, staged):
        publish.publish(base, staged, run=run, source="books", at="2026-12-01T00:00:00.000Z")
    with pytest.raises(SettingsError, match=f"запуск {run} уже опубликован; это не было записано, теперь записано"):
        world.puller.approve(run, who="root")
    stored = {each.run: each.state for each in world.store.read(runs.recent)}
    assert stored[run] == "published"


def test_a_run_of_other_datasets_is_no_obstacle(world: World) -> None:
    run = _held(world)
    ledger = Ledger(world.config.lk.data_dir, databases.cache(world.config))
    ledger.run = 49
    ledger.publish({"charges": [charge(1, 202610, 5)]}, source="bank")
    assert world.puller.approve(run, who="root").state == "published"


def test_a_publication_of_another_source_during_the_check_is_checked_with(
    world: World, monkeypatch: pytest.MonkeyPatch, cells: Cells
) -> None:
    _ten(world)
    world.pull()
    whole, times = publish.publish, []

    def publish_after_the_bank(*args: Any, **more: Any) -> Any:
        times.append(1)
        if len(times) == 1:
            with monkeypatch.context() as undone:
                undone.setattr(publish, "publish", whole)
                _bank_publishes(world, [payment(1, "банк", 5)])
        return whole(*args, **more)

    monkeypatch.setattr(publish, "publish", publish_after_the_bank)
    world.payment("000000001", "новый", "6", changed="2026-12-01T00:00:00")
    assert world.pull().state == "published"
    assert len(times) == 2
    assert cells("SELECT COUNT(*) FROM payments") == [(12,)]


def test_a_column_that_is_not_there_any_more_is_named_before_anything_is_pulled(world: World) -> None:
    _ten(world)
    world.pull()
    before = _everything(world)
    for row in world.books["payments"]["rows"]:
        row["итого"] = row.pop("сумма")
    world.account("000000077")
    with pytest.raises(SchemaDrift, match="payments: нет столбца «сумма»"):
        world.pull(full=True)
    assert _everything(world) == before
    (last,) = world.store.read(runs.last_of_each_job)
    assert (last.state, last.error_kind) == ("failed", "SchemaDrift")
