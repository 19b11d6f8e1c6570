"""The portal over the demo supplier's cast of accounts, each odd in its own way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from demo.cached import fill
from demo.supplier import Plan, Supplier
from tests.portal.pages.cast import PUBLISHED_AT
from tests.portal.world import World
from tests.portal.world import world as open_world


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("town") / "cache.db"
    fill(path, Supplier(Plan(seed=1, accounts=60, today=date(2026, 11, 23))), published_at=PUBLISHED_AT)
    return path


@pytest.fixture
async def world(tmp_path: Path, town: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path / "config", cache=town, background=False) as made:
        yield made
