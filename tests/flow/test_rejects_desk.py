"""A row that was not taken is known, tried again and settled, and never counts twice."""

from __future__ import annotations

import json

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
    sql = world.store._reader.execute
    bad_sum, bad_account = sql(
        "SELECT account, stored_key, cells FROM rejects WHERE run = ? ORDER BY position", (run,)
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
    assert world.store._reader.execute("SELECT DISTINCT settled_by, cells FROM rejects WHERE run = 1").fetchall() == [
        (f"запуск {second}", None)
    ]


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
    world.puller.approve(2)
    assert len(world.store.read(rejects.unsettled_accounts)) == 10
