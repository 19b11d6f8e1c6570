"""Are the files that the accounting system hands out whole, exact and honest about themselves?"""

from __future__ import annotations

import csv
import hashlib
import json
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from auditor import audit, named

from demo import snapshot
from demo.accounting import TABLES
from demo.bookkeeper import (
    AnyEntry,
    Bookkeeper,
    HolderChanged,
    PaymentBooked,
    ReadingTaken,
    Recalculated,
    UnknownAccount,
)
from demo.supplier import Plan, Supplier

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
AT = NOW.isoformat()
PLAN = Plan(seed=4, accounts=60, today=TODAY)
ACCOUNT = "000012345"


@pytest.fixture
def books() -> Bookkeeper:
    return Bookkeeper(Supplier(PLAN))


def read(folder: Path, dataset: str, mark: str) -> list[dict[str, str]]:
    with (folder / f"{dataset}-{mark}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";", strict=True))


def test_every_dataset_has_a_file_and_a_manifest_that_fits_it(tmp_path: Path, books: Bookkeeper) -> None:
    mark = snapshot.write(tmp_path, books, NOW)
    for name, table in TABLES.items():
        file = tmp_path / f"{name}-{mark}.csv"
        manifest = json.loads(snapshot.manifest_of(file).read_text("utf-8"))
        rows = read(tmp_path, name, mark)
        assert tuple(file.read_text("utf-8").splitlines()[0].split(";")) == table.heading
        assert manifest["file"] == file.name
        assert manifest["rows"] == len(rows)
        assert manifest["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        for column, total in manifest["sums"].items():
            assert sum(Decimal(row[column]) for row in rows) == Decimal(total)
    assert not list(tmp_path.glob("*.part"))


def test_files_hold_what_the_books_hold(tmp_path: Path, books: Bookkeeper) -> None:
    mark = snapshot.write(tmp_path, books, NOW)
    every = list(books.every())
    names = [row["ФИО"] for row in read(tmp_path, "accounts", mark)]
    assert names == [one["accounts"][0][4] for one in every]
    due = sum(Decimal(row["КОплате"]) for row in read(tmp_path, "bills", mark))
    assert due == Decimal(sum(bill[6] for one in every for bill in one["bills"])) / 100
    litres = sum(Decimal(row["Значение"]) for row in read(tmp_path, "readings", mark))
    assert litres == Decimal(sum(reading[5] for one in every for reading in one["readings"])) / 1_000_000


def test_the_same_books_make_the_same_files(tmp_path: Path) -> None:
    one, two = (tmp_path / "one", tmp_path / "two")
    for folder in (one, two):
        folder.mkdir()
        snapshot.write(folder, Bookkeeper(Supplier(PLAN)), NOW)
    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in two.iterdir()
    }


def test_a_set_of_any_size_is_written_in_the_same_memory(tmp_path: Path) -> None:
    def peak(accounts: int) -> int:
        books = Bookkeeper(Supplier(Plan(seed=4, accounts=accounts, today=TODAY)))
        tracemalloc.start()
        try:
            snapshot.write(tmp_path, books, NOW)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # whatever is made once is made now
    assert peak(8 * snapshot.PORTION) < 1.2 * peak(2 * snapshot.PORTION)


def test_quirks_empty_a_dataset_and_rename_a_column(tmp_path: Path, books: Bookkeeper) -> None:
    quirks = snapshot.Quirks(emptied=frozenset({"payments"}), renamed={"charges": {"Начислено": "НачисленоРуб"}})
    mark = snapshot.write(tmp_path, books, NOW, quirks)
    assert read(tmp_path, "payments", mark) == []
    assert json.loads((tmp_path / f"payments-{mark}.csv.ok").read_text("utf-8"))["rows"] == 0
    assert "НачисленоРуб" in read(tmp_path, "charges", mark)[0]


def test_old_sets_are_removed_with_their_manifests(tmp_path: Path, books: Bookkeeper) -> None:
    marks = [snapshot.write(tmp_path, books, NOW.replace(minute=minute)) for minute in range(3)]
    snapshot.prune(tmp_path, keep=2)
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == 2 * 2 * len(TABLES)
    assert not any(marks[0] in name for name in left)


READING = ReadingTaken(
    account=ACCOUNT, at=AT, reading="lk-1", meter="0000000-0", taken_on="2026-11-20", period=202611, value_micro=10**9
)


@pytest.mark.parametrize(
    ("entry", "dataset"),
    [
        (READING, "readings"),
        (PaymentBooked(account=ACCOUNT, at=AT, payment="П-1", paid_on="2026-11-22", amount_kopecks=100), "payments"),
        (Recalculated(account=ACCOUNT, at=AT, service="heating", amount_kopecks=-5_000, reason="акт"), "charges"),
        (HolderChanged(account=ACCOUNT, at=AT, holder_name="Юдина Юлия", since="2026-11-01"), "accounts"),
    ],
)
def test_books_still_close_after_an_entry(entry: AnyEntry, dataset: str) -> None:
    books = Bookkeeper(Supplier(Plan(seed=4, accounts=60, today=date(2026, 11, 24))))
    before = books.books_of(ACCOUNT)
    assert books.book(entry)
    after = books.books_of(ACCOUNT)
    assert before is not None
    assert after is not None
    assert after[dataset] != before[dataset]
    audit(books.supplier.plan, after)


def test_the_same_entry_twice_is_one(books: Bookkeeper) -> None:
    assert books.book(READING)
    assert not books.book(READING)
    after = books.books_of(ACCOUNT)
    assert after is not None
    assert sum(row["reading"] == "lk-1" for row in named("readings", after["readings"])) == 1


def test_entries_are_kept_in_the_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    Bookkeeper(Supplier(PLAN), journal).book(READING)
    again = Bookkeeper(Supplier(PLAN), journal)
    assert not again.book(READING)
    after = again.books_of(ACCOUNT)
    assert after is not None
    assert after["readings"][-1][2] == "lk-1"


def test_an_entry_for_a_stranger_is_refused(books: Bookkeeper) -> None:
    with pytest.raises(UnknownAccount):
        books.book(PaymentBooked(account="7", at=AT, payment="П-1", paid_on="2026-11-22", amount_kopecks=100))


def test_a_corrected_reading_takes_the_place_of_the_former(books: Bookkeeper) -> None:
    books.book(READING)
    books.book(
        ReadingTaken(
            account=ACCOUNT, at=AT, reading="lk-2", meter="0000000-0", taken_on="2026-11-21", period=202611,
            value_micro=2 * 10**9, supersedes="lk-1",
        )
    )  # fmt: skip
    after = books.books_of(ACCOUNT)
    assert after is not None
    assert [row["reading"] for row in named("readings", after["readings"])][-1] == "lk-2"
    assert "lk-1" not in {row["reading"] for row in named("readings", after["readings"])}
