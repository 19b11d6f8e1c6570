"""The same books are published whether they are read by SQL or from 1C by OData."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo import sql_base
from lk_sync.clock import now
from lk_sync.config import Config
from lk_sync.flow.run import Puller, RunReport
from lk_sync.records import DATASETS
from lk_sync.schedules import Job
from lk_sync.store.database import Store
from tests.at_the_1c import MAPPING, PLAN, The1C
from tests.at_the_1c import onec as onec
from tests.at_the_1c import served_1c as served_1c
from tests.at_the_base import TheBase
from tests.at_the_base import base as base

SHIPPED = Path(__file__).parents[3] / "config" / "sources" / "accounting.yaml"
LK = """
supplier: {name: АО «Энергосервис», short_name: ЭС, inn: "0814042970", address: Элиста, office: Элиста, phone: "1"}
portal: {base_url: "http://127.0.0.1:8080"}
legal: {rules: "1", personal_data: "1"}
"""


class Engine:
    """An engine with one source and a cache of its own."""

    def __init__(self, folder: Path, described: Path, connection: Mapping[str, Any], **options: Any) -> None:
        tree = yaml.safe_load(described.read_text("utf-8")) | {"connection": dict(connection)}
        self.described: dict[str, Any] = tree["datasets"]
        for name, more in options.items():
            tree["datasets"][name]["options"] = more
        settings = folder / "config"
        (settings / "sources").mkdir(parents=True)
        (settings / "lk.yaml").write_text(LK, "utf-8")
        (settings / "sources" / "books.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")
        self.config = Config(settings, {})
        self.store = Store(self.config.lk.store_path)

    def pull(self, *, full: bool = False) -> RunReport:
        puller = Puller(
            self.config, self.store, clock=now, watch=lambda _: None, stop=threading.Event(), started_by="hand"
        )
        return puller.walk("books", Job(pull="books", every="1h"), full=full)

    def rows(self, dataset: str, *, like: Engine | None = None) -> list[tuple[Any, ...]]:
        """What is published, in words: codes by their names. Of the fields that `like` (or this one) reads."""
        known = (like or self).described[dataset]["fields"].keys() | {"number"}
        fields = [field for field in DATASETS[dataset].fields if field.name in known]
        coded = {field.name for field in fields if field.kind == "code"}
        cells = ", ".join(
            f"(SELECT code FROM codes WHERE id = {f.name})" if f.name in coded else f.name for f in fields
        )
        with closing(sqlite3.connect(self.config.lk.cache_path)) as cache:
            return sorted(cache.execute(f"SELECT {cells} FROM {dataset}"), key=repr)


@pytest.fixture
def by_odata(onec: The1C, tmp_path: Path) -> Iterator[Engine]:
    options = {"months": PLAN.months, "last_month": "2026-10"}
    engine = Engine(tmp_path / "odata", MAPPING, onec.reach(page_rows=50), balances=options)
    yield engine
    engine.store.close()


def test_the_portal_shows_the_same_from_1c_as_from_sql(
    by_odata: Engine, onec: The1C, base: TheBase, tmp_path: Path
) -> None:
    sql_base.load(base.books, onec.books)
    by_sql = Engine(tmp_path / "sql", SHIPPED, base.reach())
    try:
        for engine in (by_sql, by_odata):
            report = engine.pull()
            assert (report.state, report.findings) == ("published", ())
        for name in by_odata.described:
            rows = by_odata.rows(name)
            assert rows, name
            assert rows == by_sql.rows(name, like=by_odata), name
        assert by_sql.config.lk.cache_path != by_odata.config.lk.cache_path
    finally:
        by_sql.store.close()
    assert onec.served.crowd == 1


def test_a_second_pull_brings_what_has_changed_and_a_full_one_changes_nothing(by_odata: Engine, onec: The1C) -> None:
    by_odata.pull()
    rows = onec.served.base.rows["Document_ПлатежАбонента"]
    newest = max(rows, key=lambda row: row["ДатаИзменения"])
    rows[rows.index(newest)] = newest | {"Канал": "банк", "ДатаИзменения": "2026-11-23T12:00:00"}
    mended = {each.dataset: each for each in by_odata.pull().datasets}
    assert (mended["payments"].mode, mended["payments"].updated, mended["payments"].pulled) == ("increment", 1, 1)
    assert any("ДатаИзменения ge datetime'2026-11-" in asked for asked in onec.served.asked)
    whole = {each.dataset: each for each in by_odata.pull(full=True).datasets}
    assert [name for name, each in whole.items() if each.inserted or each.updated or each.ended] == []


def test_a_row_marked_for_deletion_in_1c_is_published_no_more(by_odata: Engine, onec: The1C) -> None:
    by_odata.pull()
    rows = onec.served.base.rows["Document_ПлатежАбонента"]
    rows[0] = rows[0] | {"DeletionMark": True, "ДатаИзменения": "2026-11-23T12:00:00"}
    mended = {each.dataset: each for each in by_odata.pull().datasets}
    assert mended["payments"].ended == 1
