"""Several sources feed one dataset: each ends and changes its own rows, and what it names as gone is gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from lk_sync.cache import schema
from lk_sync.cache.codes import Codes
from lk_sync.flow import publish
from lk_sync.flow.publish import Published
from lk_sync.flow.stage import Staged, Staging
from lk_sync.flow.validate import Validated
from lk_sync.locks import FileHold
from lk_sync.records import DATASETS
from tests.at_the_store import Kept

PAYMENTS = DATASETS["payments"]
FIELDS = (*PAYMENTS.columns[:6], "extra")
Paid = tuple[str, int]


class Town:
    """A cache that several sources are published into."""

    def __init__(self, kept: Kept) -> None:
        self.kept, self.cache = kept, kept.cache()
        self.run = 0

    def publish(
        self, source: str, paid: Sequence[Paid], mode: str = "full", gone: Sequence[str] = (), **more: Any
    ) -> Published:
        self.run += 1
        path = self.kept.folder / f"run-{self.run}.db"
        with closing(self.cache.open()) as base:
            staging = Staging(path, run=self.run, source=source, codes=Codes(base))
            stage = staging.begin(PAYMENTS, FIELDS)
            rows = [(1_001, key, "2026-11-01", 202611, amount, "bank", '{"Банк": "А"}') for key, amount in paid]
            columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in FIELDS]
            stage.add(
                Validated(columns=columns, numbers=range(1, len(rows) + 1), rejects=[], rejected_rows=0), where="x"
            )
            stage.gone([[1_001] * len(gone), list(gone)])
            stage.finish(Staged(dataset="payments", mode=mode, pulled=len(rows), gone=stage.gone_rows, **more))
            staging.close()
        with publish.staged_beside_cache(self.cache, path, FileHold(source)) as (base, staged):
            return publish.publish(base, staged, run=self.run, source=source, at=f"2026-11-{self.run:02d}")["payments"]

    def rows(self, sql: str = "SELECT payment, amount_kopecks, origin FROM payments ORDER BY payment") -> list[Any]:
        return self.kept.cells(self.kept.folder / "cache.db", sql)


@pytest.fixture
def town(kept: Kept) -> Town:
    return Town(kept)


def test_a_snapshot_ends_only_rows_of_its_own_source(town: Town) -> None:
    town.publish("books", [("a", 1), ("b", 2)])
    town.publish("bank", [("x", 7)])
    assert town.publish("books", [("b", 2)]).merged.ended == 1
    assert town.rows() == [("b", 2, 0), ("x", 7, 1)]


def test_a_row_with_the_key_of_another_source_becomes_ones_own(town: Town) -> None:
    town.publish("bank", [("x", 7)])
    assert town.publish("books", [("x", 7)]).merged.updated == 1
    assert town.publish("bank", []).merged.ended == 0
    assert town.rows() == [("x", 7, 1)]


@pytest.mark.parametrize(
    ("mode", "more", "left"),
    [
        ("increment", {}, ["a", "b", "c"]),
        ("full", {"absent_ends": False}, ["a", "b", "c"]),
        ("full", {}, ["b", "c"]),
    ],
)
def test_what_is_absent_ends_only_in_a_snapshot_that_means_it(
    town: Town, mode: str, more: dict[str, Any], left: list[str]
) -> None:
    town.publish("books", [("a", 1), ("b", 2)])
    town.publish("books", [("b", 3), ("c", 4)], mode, **more)
    assert [payment for payment, _, _ in town.rows()] == left


@pytest.mark.parametrize("mode", ["increment", "full"])
def test_what_the_source_names_as_gone_ends_unless_it_sends_the_row_as_well(town: Town, mode: str) -> None:
    town.publish("books", [("a", 1), ("b", 2), ("c", 3)])
    town.publish("bank", [("x", 7)])
    done = town.publish("books", [("b", 5)], mode, gone=["a", "b", "x", "unknown", "a"], absent_ends=False)
    assert (done.merged.updated, done.merged.ended) == (1, 1)
    assert town.rows() == [("b", 5, 0), ("c", 3, 0), ("x", 7, 1)]


def test_the_journal_holds_every_column_and_the_run_what_was_known_before(town: Town) -> None:
    town.publish("books", [("a", 1)], watermark="1")
    town.publish("bank", [("x", 7)])
    town.publish("books", [("a", 2)], "increment", watermark="2")
    ((key, was, now),) = town.rows("SELECT row_key, was, now FROM journal WHERE run = 3")
    assert json.loads(key) == [1_001, "a"]
    assert list(json.loads(was)) == list(json.loads(now)) == list(schema.columns(PAYMENTS))
    assert (json.loads(was)["run"], json.loads(now)["run"]) == (1, 3)
    assert json.loads(now)["extra"] == '{"Банк": "А"}'
    before = json.loads(town.rows("SELECT state_before FROM published_runs WHERE run = 3")[0][0])
    assert [(row["dataset"], row["source"], row["run"], row["watermark"]) for row in before] == [
        ("payments", "books", 1, "1")
    ]
    assert publish.watermarks(town.cache, "books") == {"payments": "2"}
    assert publish.watermarks(town.cache, "bank") == {}


def test_a_cache_of_another_version_is_emptied_and_filled_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.publish("books", [("a", 1)])
    monkeypatch.setattr(schema, "LAYOUT", schema.LAYOUT + 1)
    assert publish.watermarks(town.cache, "books") == {}
    assert town.rows() == []
    town.publish("books", [("b", 1)])
    assert town.rows() == [("b", 1, 0)]
