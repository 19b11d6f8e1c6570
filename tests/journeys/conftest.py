"""One stage and one browser for all journeys; each has subscribers of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from demo.postgres import Postgres
from tests.journeys.stage import Stage, set_up
from tests.journeys.visitor import chromium


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Stage]:
    with set_up(tmp_path_factory.mktemp("stage"), postgres) as stage:
        yield stage


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser
