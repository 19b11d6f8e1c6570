"""A row that was not taken is known, tried again and settled, and never counts twice."""

from __future__ import annotations

import json

from tests.flow.conftest import World


def test_a_rejected_row_is_kept_with_its_cells_account_and_key(world: World) -> None:
    for i in range(300):
        world.account(f"{i:09d}")
        world.payment(f"{i:09d}", "П", "1.00")
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
