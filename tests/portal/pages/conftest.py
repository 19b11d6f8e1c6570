"""The portal over the demo supplier's cast of accounts, each odd in its own way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from demo.cached import fill
from demo.supplier import Plan, Supplier
from tests.portal.pages.cast import PUBLISHED_AT
from tests.portal.pages.phone import Phone, held
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


@pytest.fixture(scope="session")
def town_of_today(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Supplier]:
    path = tmp_path_factory.mktemp("today") / "cache.db"
    supplier = Supplier(Plan(seed=1, accounts=60, today=date.today()))  # noqa: DTZ011 - a browser's day is the machine's
    fill(path, supplier, published_at=datetime.now(UTC))
    return path, supplier


@pytest.fixture
async def phone(tmp_path: Path, town_of_today: tuple[Path, Supplier]) -> AsyncIterator[Phone]:
    async with held(tmp_path / "config", town_of_today) as made:
        yield made
