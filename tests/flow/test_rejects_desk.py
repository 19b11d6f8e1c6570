"""A row that was not taken is known, tried again and settled, and never counts twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lk_sync.config import Config
from lk_sync.errors import SettingsError
from lk_sync.flow.run import RunReport
from lk_sync.store import rejects
from tests.flow.conftest import World


def many(world: World) -> None:
    """So many good payments that a few bad ones hold nothing."""
    for i in range(300):
        world.account(f"{i:09d}")
        world.payment(f"{i:09d}", "П", "1.00")


def open_rows(world: World) -> list[str]:
    return [row.row_key for row in world.store.read(rejects.unsettled)]


def test_a_rejected_row_is_kept_with_its_cells_account_and_key(world: World) -> None:
    many(world)
    world.books["payments"]["rows"][100]["сумма"] = "1.005"
    world.books["payments"]["rows"][101]["ЛС"] = "?"
    run = world.pull().run
    sql = world.store.reading._connection.execute
    bad_sum, bad_account = sql(
        f"SELECT account, stored_key, cells FROM rejects WHERE run = {run} ORDER BY position"
    ).fetchall()
    assert bad_sum[:2] == ("000000100", '[1000000100,"П"]')
    kept = json.loads(bad_sum[2])
    assert kept["exact"] is False
    assert kept["fields"]["amount_kopecks"] == ["сумма", "1.005"]
    assert kept["fields"]["account"] == ["ЛС", "000000100"]
    assert bad_account[:2] == (None, None)
    assert json.loads(bad_account[2])["fields"]["account"] == ["ЛС", "?"]


def test_a_snapshot_settles_what_came_before_it(world: World) -> None:
    many(world)
    rows = world.books["payments"]["rows"]
    rows[100]["сумма"] = rows[101]["сумма"] = "1.005"
    world.pull()
    assert open_rows(world) == ["000000100 П", "000000101 П"]
    rows[100]["сумма"] = "2.00"
    second = world.pull(full=True).run
    (left,) = world.store.read(rejects.unsettled)
    assert (left.row_key, left.run) == ("000000101 П", second)  # of the new run; the old ones are settled
    assert world.store.reading._connection.execute(
        "SELECT DISTINCT settled_by, cells FROM rejects WHERE run = 1"
    ).fetchall() == [(f"запуск {second}", None)]


def test_an_increment_settles_what_it_has_taken_or_rejected_again(world: World) -> None:
    many(world)
    rows = world.books["payments"]["rows"]
    rows[100]["сумма"] = rows[101]["сумма"] = rows[102]["сумма"] = "1.005"
    world.pull()
    rows[100] |= {"сумма": "2.00", "изменён": "2026-11-05T00:00:00"}
    rows[101] |= {"сумма": "2.005", "изменён": "2026-11-05T00:00:00"}
    rows[102] |= {"изменён": "2026-10-05T00:00:00"}  # is not among what was changed
    world.payment("000000200", "П2", "7.00", changed="2026-11-05T00:00:00")
    for i in range(300):
        world.payment(f"{i:09d}", "П3", "7.00", changed="2026-11-05T00:00:00")
    assert world.pull().datasets[1].mode == "increment"
    left = world.store.read(rejects.unsettled)
    assert [(row.row_key, row.run, row.value) for row in left] == [
        ("000000102 П", 1, "1.005"),
        ("000000101 П", 2, "2.005"),
    ]


def test_what_a_held_run_has_rejected_is_on_the_desk_but_touches_no_account(world: World) -> None:
    many(world)
    world.pull()
    rows = world.books["payments"]["rows"]
    for row in rows[:10]:
        row["сумма"] = "x"
    assert world.pull(full=True).state == "held"
    assert len(open_rows(world)) == 10
    assert world.store.read(rejects.unsettled_accounts) == []
    world.puller.approve(2, who="root")
    assert len(world.store.read(rejects.unsettled_accounts)) == 10


# Tried again

Cells = Callable[[str], list[tuple[Any, ...]]]


def mend(world: World, old: str, new: str) -> None:
    """The mapping after somebody has corrected it."""
    source = world.config.folder / "sources" / "books.yaml"
    text = source.read_text("utf-8")
    assert old in text
    source.write_text(text.replace(old, new), "utf-8")
    world.config = Config(world.config.folder, world.config.environment)


def replayed(world: World, *, run: int = 1) -> RunReport:
    return world.puller.replay("books", run, world.store.read(lambda tx: rejects.unsettled(tx, run=run)))


def with_an_unknown_channel(world: World) -> None:
    mend(world, "channel: {column: канал}", "channel: {column: канал, values: {касса: касса}}")
    many(world)
    for row in world.books["payments"]["rows"][100:103]:
        row["канал"] = "терминал"
    world.pull()
    assert len(open_rows(world)) == 3


def test_rows_are_taken_once_the_mapping_is_mended(world: World, cells: Cells) -> None:
    with_an_unknown_channel(world)
    before = cells("SELECT * FROM payments")
    state = cells("SELECT watermark, published_at FROM dataset_state WHERE dataset = 'payments'")
    mend(world, "{касса: касса}", "{касса: касса, терминал: банк}")
    report = replayed(world)
    (payments,) = report.datasets
    assert (report.state, payments.mode, payments.pulled, payments.inserted, payments.ended) == (
        "published", "increment", 3, 3, 0,
    )  # fmt: skip
    assert open_rows(world) == []
    assert set(before) < set(cells("SELECT * FROM payments"))
    assert cells("SELECT COUNT(*) FROM payments") == [(300,)]
    assert cells("SELECT watermark FROM dataset_state WHERE dataset = 'payments'") == [state[0][:1]]
    assert world.pull().state == "unchanged"


def test_what_is_rejected_again_lies_on_the_desk_as_the_new_runs(world: World, cells: Cells) -> None:
    with_an_unknown_channel(world)
    report = replayed(world)
    assert report.state == "unchanged"
    left = world.store.read(rejects.unsettled)
    assert {(row.run, row.value) for row in left} == {(report.run, "терминал")}
    assert [row.row_number for row in left] == [101, 102, 103]  # of the source, as they were
    mend(world, "{касса: касса}", "{касса: касса, терминал: банк}")
    assert replayed(world, run=report.run).datasets[0].inserted == 3
    assert cells("SELECT COUNT(*) FROM payments") == [(300,)]


def test_what_was_published_after_a_row_was_rejected_is_newer_and_stays(world: World, cells: Cells) -> None:
    with_an_unknown_channel(world)
    old = world.store.read(rejects.unsettled)
    row = world.books["payments"]["rows"][100]
    row |= {"канал": "касса", "сумма": "77.00", "изменён": "2026-11-05T00:00:00"}
    world.pull()
    mend(world, "{касса: касса}", "{касса: касса, терминал: банк}")
    report = world.puller.replay("books", 1, old)
    assert report.datasets[0].inserted == 2
    assert cells("SELECT amount_kopecks FROM payments WHERE account = 1000000100") == [(7700,)]


def test_a_column_that_was_not_kept_is_named(world: World) -> None:
    with_an_unknown_channel(world)
    for row in world.books["payments"]["rows"]:
        row["способ"] = "касса"
    mend(world, "channel: {column: канал, ", "channel: {column: способ, ")
    with pytest.raises(SettingsError, match="столбец «способ» для поля channel не был сохранён"):
        replayed(world)
    assert len(open_rows(world)) == 3


def test_a_lookup_is_read_anew_from_the_source(world: World, cells: Cells) -> None:
    channels = {"rows": [{"код": "касса", "имя": "Касса"}]}
    world.books["payments.channel"] = channels
    mend(
        world,
        "channel: {column: канал}",
        "channel: {lookup: {from: каналы, column: канал, key: код, value: имя}}",
    )
    many(world)
    world.books["payments"]["rows"][100]["канал"] = "терминал"
    world.pull()
    assert open_rows(world) == ["000000100 П"]
    channels["rows"].append({"код": "терминал", "имя": "Терминал"})
    world.script.write_text(json.dumps(world.books), "utf-8")
    assert replayed(world).datasets[0].inserted == 1
    assert cells("SELECT code FROM codes JOIN payments ON id = channel WHERE account = 1000000100") == [("Терминал",)]
