"""What do subscribers read when the portal itself is in trouble, and is anything half written?"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from demo.cached import fill
from demo.supplier import Plan, Supplier
from demo.supplier.oddities import Oddity
from tests.faults.disks import SmallDisk, mounted
from tests.portal.pages.cast import NUMBER, enter
from tests.portal.pages.test_readings import fields_of, form_on, last, typed
from tests.portal.world import World
from tests.portal.world import world as open_world

SUBSCRIBER = NUMBER[Oddity.ORDINARY]
WRITTEN = ("submitted_readings", "outbox", "audit", "registrations", "sessions")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("town") / "cache.db"
    fill(path, Supplier(Plan(seed=1, accounts=60, today=date(2026, 11, 23))), published_at=datetime.now(UTC))
    return path


@pytest.fixture
async def on_small_disk(tmp_path: Path, cache: Path) -> AsyncIterator[tuple[World, SmallDisk]]:
    with mounted(tmp_path / "config", megabytes=24) as disk:
        async with open_world(tmp_path / "config", cache=cache, background=False) as world:
            yield world, disk


def _written(world: World) -> dict[str, int]:
    with closing(sqlite3.connect(world.config.lk.store_path)) as store:
        return {name: store.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in WRITTEN}


async def test_a_reading_for_which_there_is_no_room_is_refused_whole_and_taken_once_when_there_is(
    on_small_disk: tuple[World, SmallDisk],
) -> None:
    world, disk = on_small_disk
    browser = enter(world, SUBSCRIBER)
    fields = fields_of(await form_on(browser), value=typed(last(Oddity.ORDINARY) + 2_000_000))
    before = _written(world)
    with disk.without_room(world.config.lk.store_path):
        refused = await browser.post("/readings", fields)
        assert refused.status == 503
        assert (await browser.get("/")).status == 200
    assert _written(world) == before
    taken = [await browser.post("/readings", fields) for _ in range(2)]
    assert [page.location for page in taken] == [f"/readings/{fields['submission-1']}"] * 2
    after = _written(world)
    assert {name: after[name] - before[name] for name in ("submitted_readings", "outbox", "audit")} == {
        "submitted_readings": 1,
        "outbox": 1,
        "audit": 1,
    }


async def test_who_registers_or_logs_in_meanwhile_is_asked_to_come_back(
    on_small_disk: tuple[World, SmallDisk],
) -> None:
    world, disk = on_small_disk
    before = _written(world)
    stranger = world.browser()
    with disk.without_room(world.config.lk.store_path):
        answers = [await stranger.log_in(SUBSCRIBER), await stranger.register(SUBSCRIBER)]
    assert [page.status for page in answers] == [503, 503]
    assert all("Retry-After" in page.headers for page in answers)
    assert _written(world) == before
    assert (await stranger.register(SUBSCRIBER)).location == "/register/sent"
