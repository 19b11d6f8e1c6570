"""One walk of a pull job, from the source's words to what subscribers see, and everything that stops it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from lk_sync import databases
from lk_sync.clock import now
from lk_sync.errors import BadData, Busy, SettingsError, Unreachable
from lk_sync.flow import run as run_
from lk_sync.store import rejects, runs
from tests.flow.conftest import World

Cells = Callable[[str], list[tuple[Any, ...]]]


def _ten(world: World) -> None:
    for i in range(10):
        world.account(f"00{i:07d}")
        world.payment(f"00{i:07d}", f"П{i}", f"{i},{i}5")


def test_the_first_pull_publishes_exact_money(world: World, cells: Cells) -> None:
    _ten(world)
    report = world.pull()
    assert report.state == "published"
    assert cells("SELECT account, amount_kopecks, run FROM payments ORDER BY account")[3] == (1000000003, 335, 1)
    assert cells("SELECT dataset, source, run FROM dataset_state ORDER BY 1") == [
        ("accounts", "books", 1),
        ("payments", "books", 1),
    ]
    assert cells("SELECT act, now FROM journal ORDER BY dataset") == [("load", '{"rows":10}')] * 2


def test_nothing_changed_is_a_run_that_changes_nothing(world: World, cells: Cells) -> None:
    _ten(world)
    world.pull()
    before = cells("SELECT * FROM payments")
    report = world.pull()
    assert report.state == "unchanged"
    assert [d.mode for d in report.datasets] == ["full", "increment"]
    assert cells("SELECT * FROM payments") == before
    assert cells("SELECT DISTINCT data_version FROM dataset_state") == [(1,)]


def test_an_increment_brings_only_what_changed_and_journals_was_and_now(world: World, cells: Cells) -> None:
    _ten(world)
    world.pull()
    world.books["payments"]["rows"][4] |= {"сумма": "99.00", "изменён": "2026-11-02T00:00:00"}
    world.payment("000000001", "новый", "-5", changed="2026-11-02T00:00:01")
    report = world.pull()
    payments = report.datasets[1]
    assert (payments.mode, payments.inserted, payments.updated, payments.ended) == ("increment", 1, 1, 0)
    journal = cells("SELECT act, account, was, now FROM journal WHERE run = 2 ORDER BY act")
    assert [(act, account) for act, account, _, _ in journal] == [("insert", 1000000001), ("update", 1000000004)]
    assert json.loads(journal[1][2])["amount_kopecks"] == 445
    assert json.loads(journal[1][3])["amount_kopecks"] == 9900
    assert journal[0][2] is None


def test_what_vanished_from_a_snapshot_ends_and_stays_in_the_journal(world: World, cells: Cells) -> None:
    _ten(world)
    world.pull()
    del world.books["payments"]["rows"][9]
    report = world.pull(full=True)
    assert report.datasets[1].ended == 1
    assert cells("SELECT COUNT(*) FROM payments") == [(9,)]
    ((act, was),) = cells("SELECT act, was FROM journal WHERE run = 2")
    assert act == "end"
    assert json.loads(was)["amount_kopecks"] == 995


def test_bad_rows_are_rejected_with_row_field_and_reason_and_the_rest_is_published(world: World, cells: Cells) -> None:
    for i in range(300):
        world.account(f"{i:09d}")
        world.payment(f"{i:09d}", "П", "1.00")
    world.books["payments"]["rows"][100]["сумма"] = "1.005"
    world.payment("000000007", "П", "2.00")
    report = world.pull()
    assert not report.clean
    found = world.store.read(lambda tx: rejects.of_run(tx, report.run))
    assert [(r.row_number, r.field, r.value) for r in found] == [
        (101, "amount_kopecks", "1.005"),
        (301, "account payment", ""),
    ]
    assert "больше 2 знаков" in found[0].reason
    assert "ключом" in found[1].reason
    assert found[1].row_key == "000000007 П"
    assert cells("SELECT COUNT(*) FROM payments") == [(299,)]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda books: books["payments"].update(rows=[]), "источник пуст, опубликовано 10"),
        (lambda books: books["payments"].update(rows=books["payments"]["rows"][:5]), "меньше на 50.0 %"),
        (lambda books: books["payments"].update(totals={"rows": 11}), "строк в источнике 11, получено 10"),
        (
            lambda books: books["payments"].update(totals={"rows": 10, "sums": {"amount_kopecks": 1}}),
            "контрольная сумма amount_kopecks: в источнике 0.01 ₽, получено 50.00 ₽",
        ),
        (lambda books: [row.update(сумма="x") for row in books["payments"]["rows"][:3]], "не принято строк: 3 из 10"),
        (lambda books: [row.update(код="другой") for row in books["accounts"]["rows"]], "сменился абонент у 10"),
    ],
)
def test_a_suspicious_run_is_held_and_yesterdays_data_stay(
    world: World, cells: Cells, spoil: Callable[[Any], None], says: str
) -> None:
    _ten(world)
    world.pull()
    tables = ("payments", "accounts", "dataset_state")
    before = [cells(f"SELECT * FROM {table}") for table in tables]
    spoil(world.books)
    report = world.pull(full=True)
    assert report.state == "held"
    assert says in "; ".join(f.text for f in report.findings if f.holds)
    assert before == [cells(f"SELECT * FROM {table}") for table in tables]


def test_a_held_run_is_published_when_a_person_approves_it(world: World, cells: Cells) -> None:
    _ten(world)
    world.pull()
    world.books["payments"]["rows"] = world.books["payments"]["rows"][:5]
    held = world.pull(full=True)
    report = world.puller.approve(held.run, who="root")
    assert report.state == "published"
    assert cells("SELECT COUNT(*) FROM payments") == [(5,)]
    stored = world.store.read(lambda tx: runs.one(tx, held.run))
    assert stored is not None
    assert stored.state == "published"
    with pytest.raises(SettingsError, match="не задержан"):
        world.puller.approve(held.run, who="root")


def test_a_held_run_cannot_overwrite_a_later_publication(world: World) -> None:
    _ten(world)
    world.pull()
    rows = world.books["payments"]["rows"]
    world.books["payments"]["rows"] = rows[:5]
    held = world.pull(full=True)
    world.books["payments"]["rows"] = rows
    world.payment("000000001", "ещё", "1", changed="2026-12-01T00:00:00")
    assert world.pull(full=True).state == "published"
    with pytest.raises(SettingsError, match="позже опубликован запуск 3"):
        world.puller.approve(held.run, who="root")


@pytest.mark.parametrize(
    ("act", "error", "says"),
    [("crash", Unreachable, "SIGSEGV"), ("BadData", BadData, "сценарий"), ("Unreachable", Unreachable, "сценарий")],
)
def test_a_source_that_breaks_half_way_changes_nothing(
    world: World, cells: Cells, act: str, error: type[Exception], says: str
) -> None:
    _ten(world)
    world.pull()
    before = cells("SELECT * FROM payments")
    world.books["payments"]["act"] = act
    world.payment("000000001", "новый", "1", changed="2026-12-01T00:00:00")
    with pytest.raises(error, match=says):
        world.pull(full=True)
    assert cells("SELECT * FROM payments") == before
    assert world.store.read(runs.last_of_each_job)[0].state == "failed"
    assert not list((world.config.lk.data_dir / "staging").iterdir())


def test_a_source_that_hangs_is_ended_at_once_when_the_engine_stops(world: World) -> None:
    _ten(world)
    world.books["payments"]["act"] = "hang"
    threading.Timer(0.5, world.stop.set).start()
    with pytest.raises(Unreachable, match="остановлено по требованию"):
        world.pull()


def test_a_second_process_does_not_walk_the_same_source(world: World) -> None:
    with databases.lock(world.config, "books"), pytest.raises(Busy, match="другим процессом"):
        world.pull()


def test_a_run_killed_before_its_publication_is_found_broken_and_after_it_published(world: World) -> None:
    _ten(world)
    world.pull()
    for _ in range(2):
        world.store.write_now(lambda tx: runs.open_run(tx, job="books", source="books", started_by="hand", now=now()))
    with closing(databases.cache(world.config).open()) as base:
        base.execute(f"INSERT INTO {base.at.cache}.published_runs VALUES (3, 'x', 'books', '[]', '[]', NULL)")
    world.pull()
    states = [(run.run, run.state) for run in world.store.read(runs.recent)]
    assert states == [(4, "unchanged"), (3, "published"), (2, "broken"), (1, "published")]


def test_an_unprotected_channel_is_refused_before_anything_is_pulled(world: World) -> None:
    connection = dict(world.config.sources["books"].connection)
    assert connection
    source = world.config.folder / "sources" / "books.yaml"
    source.write_text(source.read_text("utf-8").replace("json}", "json, protected: false}"), "utf-8")
    world.config = run_.Config(world.config.folder, world.config.environment)
    with pytest.raises(run_.LkError, match="канал не защищён"):
        world.pull()


@pytest.mark.parametrize("kept", ["postgresql"], indirect=True)
def test_a_publication_whose_answer_was_lost_on_its_way_is_known_as_published(
    world: World, cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lk_sync.cache.server_base import PostgresBase

    _ten(world)
    world.pull()
    world.payment("000000001", "новый", "-5", changed="2026-11-02T00:00:01")
    execute = PostgresBase.execute
    said: list[str] = []

    def losing(base: PostgresBase, sql: str, parameters: Any = None) -> Any:
        found = execute(base, sql, parameters)
        said.append(sql)
        if sql == "COMMIT" and said[-2].startswith("UPDATE cache.edition"):
            raise Unreachable("соединение оборвалось")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(PostgresBase, "execute", losing)
        with pytest.raises(Unreachable):
            world.pull()
    assert [(run.run, run.state) for run in world.store.read(runs.recent)] == [(2, "published"), (1, "published")]
    assert cells("SELECT COUNT(*) FROM payments") == [(11,)]
    assert world.pull().state == "unchanged"
