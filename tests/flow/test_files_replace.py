"""Files of changes: a row of a later file stands in the place of an earlier one, and both are counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lk_sync.cache import files
from lk_sync.cache.base import Base
from lk_sync.cache.codes import Codes
from lk_sync.cache.places import SqliteCache
from lk_sync.contracts import FileOutcome, TakenFile
from lk_sync.flow import publish, settle
from lk_sync.flow.stage import DatasetStage, Staged, Staging
from lk_sync.flow.validate import Validated
from lk_sync.locks import FileHold
from lk_sync.records import DATASETS

PAYMENTS = DATASETS["payments"]
FILE = TakenFile(dataset="payments", name="банк-1.csv", sha256="a" * 64, rows=1, version="7")


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Base]:
    with closing(SqliteCache(tmp_path / "cache.db").open()) as base:
        yield base


def bring(stage: DatasetStage, file: str, *paid: tuple[str, int], gone: tuple[str, ...] = ()) -> None:
    stage.next_file(file)
    rows: list[tuple[Any, ...]] = [(1_001, key, "2026-11-01", 202611, amount, "bank") for key, amount in paid]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in PAYMENTS.columns[:6]]
    stage.add(Validated(columns=columns, numbers=range(2, len(rows) + 2), rejects=[], rejected_rows=0), where=file)
    stage.gone([[1_001] * len(gone), list(gone)])


def staged(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT payment, amount_kopecks FROM payments ORDER BY payment").fetchall()
        gone = connection.execute("SELECT payment FROM gone_payments ORDER BY payment").fetchall()
        tables = connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'fresh%'").fetchall()
    return [rows, [key for (key,) in gone], tables[0][0]]


def test_the_last_word_of_several_files_counts_and_every_row_is_counted(tmp_path: Path, base: Base) -> None:
    staging = Staging(tmp_path / "run.db", run=1, source="bank", codes=Codes(base))
    stage = staging.begin(PAYMENTS, PAYMENTS.columns[:6])
    bring(stage, "1", ("a", 1), ("b", 2), ("b", 3), gone=("x", "y"))
    bring(stage, "2", ("b", 20), ("c", 4), ("x", 5), gone=("a",))
    bring(stage, "2", ("d", 6))
    bring(stage, "3", ("c", 40), gone=("d",))
    what = Staged(dataset="payments", mode="increment", pulled=8, rejected=stage.rejected)
    stage.finish(what)
    staging.close()
    assert staged(tmp_path / "run.db") == [[("b", 20), ("c", 40), ("x", 5)], ["a", "d", "y"], 0]
    assert (what.pulled, what.rejected, what.replaced) == (8, 1, 4)


def test_what_became_of_a_file_is_noted_with_its_rows_and_told_again_later(tmp_path: Path, base: Base) -> None:
    cache = SqliteCache(tmp_path / "cache.db")
    for run, file in ((1, FILE), (2, TakenFile(dataset="payments", name="x", sha256="a" * 64, rows=0, again=True))):
        staging = Staging(tmp_path / f"run-{run}.db", run=run, source="bank", codes=Codes(base))
        stage = staging.begin(PAYMENTS, PAYMENTS.columns[:6])
        bring(stage, FILE.name, *([("a", 1), ("a", 2)] if run == 1 else []))
        stage.finish(Staged(dataset="payments", mode="increment", pulled=2, rejected=stage.rejected, mapping="как"))
        lookup = TakenFile(dataset="payments.account", name="справочник", sha256="c" * 64, rows=3)
        staging.took([file, lookup])  # the file of a lookup was only looked into and stays where it is
        staging.close()
        with publish.staged_beside_cache(cache, tmp_path / f"run-{run}.db", FileHold("bank")) as (beside, found):
            publish.publish(beside, found, run=run, source="bank", at="2026-11-01")
            (told,) = settle.outcomes(beside, source="bank")
            assert (told.file, told.state) == (file, "published")
            assert "строка с таким ключом" in (told.report or "")
    (known,) = files.known(base, "bank", {"payments": "как"})
    assert (known.name, known.version, known.state, known.fits) == (FILE.name, "7", "published", True)
    assert not files.known(base, "bank", {"payments": "иначе"})[0].fits
    assert files.known(base, "books", {}) == []


def test_a_dataset_without_news_is_as_old_as_it_was(tmp_path: Path, base: Base) -> None:
    cache = SqliteCache(tmp_path / "cache.db")
    for run, paid in ((1, [("a", 1)]), (2, [])):
        staging = Staging(tmp_path / f"run-{run}.db", run=run, source="bank", codes=Codes(base))
        stage = staging.begin(PAYMENTS, PAYMENTS.columns[:6])
        bring(stage, "1", *paid)
        stage.finish(Staged(dataset="payments", mode="increment", pulled=len(paid), untouched=not paid))
        staging.close()
        with publish.staged_beside_cache(cache, tmp_path / f"run-{run}.db", FileHold("bank")) as (beside, found):
            publish.publish(beside, found, run=run, source="bank", at=f"2026-11-0{run}")
    assert base.execute("SELECT run, published_at FROM dataset_state").fetchall() == [(1, "2026-11-01")]


def test_a_refused_file_is_noted_as_such(base: Base) -> None:
    outcome = settle.outcome(TakenFile(dataset="payments", name="x", sha256="b" * 64, rows=0, fault="оборван"), [])
    files.remember(base, "bank", [outcome], {}, 3)
    assert files.became_of(base, "bank", outcome.file) == outcome
    note = TakenFile(dataset="payments", name="y", sha256="", rows=0, note="есть новее")
    assert settle.outcome(note, []) == FileOutcome(
        file=note, state="published", report="строка;поле;значение;причина\r\n;;;есть новее\r\n"
    )
