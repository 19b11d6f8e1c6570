"""Papers of the demo supplier's people, and the typesetter in this process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from demo.cached import fill
from demo.supplier import Plan, Supplier
from lk_sync.cache.reader import CacheReader
from lk_sync.config import Config
from lk_sync.formats import Formats
from portal.bills import typesetting
from portal.bills.template import Template
from portal.bills.wire import folder_in
from tests.portal.bills.printed import CONFIG
from tests.portal.pages.cast import PUBLISHED_AT

PEOPLE = 230


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("books") / "cache.db"
    fill(path, Supplier(Plan(seed=3, accounts=PEOPLE, months=14, today=date(2026, 11, 23))), published_at=PUBLISHED_AT)
    return path


@pytest.fixture
def reader(books: Path) -> Iterator[CacheReader]:
    reader = CacheReader(books)
    yield reader
    reader.close()


@pytest.fixture(scope="session")
def template() -> Template:
    """The shipped one, as a supplier has it in his folder."""
    typesetting.prepare()
    lk = Config(CONFIG, {}).lk
    return Template(folder_in(CONFIG), lk.supplier, Formats("ru", lk.zone))
