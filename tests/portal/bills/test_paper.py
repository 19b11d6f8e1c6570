"""The bill says what the pages say, to the kopeck, and what nobody should read is not on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from demo.supplier import Plan, Supplier
from demo.supplier.oddities import CAST, Oddity
from lk_sync.bill_code import bill_code
from lk_sync.cache.reader import CacheReader
from lk_sync.payment_qr import read
from lk_sync.records import DATASETS
from portal.bills.paper import LONGEST, Paper, clean, tag
from tests.portal.bills.conftest import PEOPLE
from tests.portal.bills.printed import KEY, LAST, paper_of
from tests.portal.pages.cast import SUPPLIER

NUMBERS = {oddity: str(SUPPLIER.books(index)["accounts"][0][0]) for index, oddity in CAST.items()}


@pytest.fixture(scope="module")
def papers(books: Path) -> Iterator[dict[str, Paper]]:
    """Every account's bill of the last month that was closed."""
    with closing(CacheReader(books)) as reader:
        with reader.view() as view:
            numbers = [number for _, number in view.billed(LAST, after=None, most=1000)]
        yield {number: found for number in numbers if (found := paper_of(reader, number)) is not None}


def test_lines_sums_and_what_is_due_are_those_of_the_books(papers: dict[str, Paper], books: Path) -> None:
    supplier = Supplier(Plan(seed=3, accounts=PEOPLE, months=14, today=date(2026, 11, 23)))
    columns = {name: DATASETS[name].columns for name in ("charges", "balances", "bills")}
    checked = 0
    for owned in supplier.every():
        number = owned["accounts"][0][0]
        rows = {
            name: [dict(zip(columns[name], row, strict=False)) for row in owned[name] if row[1] == LAST]
            for name in columns
        }
        issued = [row for row in rows["bills"] if row["state"] == "issued"]
        if not issued:
            assert number not in papers
            continue
        shown = papers[number]
        assert sorted(line.total for line in shown.lines) == sorted(row["total_kopecks"] for row in rows["charges"])
        assert shown.sums.charged == sum(row["charged_kopecks"] for row in rows["charges"])
        assert shown.sums.recalculated == sum(row["recalculated_kopecks"] for row in rows["charges"])
        assert shown.sums.benefit == sum(row["benefit_kopecks"] for row in rows["charges"])
        assert shown.sums.penalty == sum(row["penalty_kopecks"] for row in rows["balances"])
        assert shown.sums.paid == sum(row["paid_kopecks"] for row in rows["balances"])
        assert shown.opening == sum(row["opening_kopecks"] for row in rows["balances"])
        assert shown.closing == sum(row["closing_kopecks"] for row in rows["balances"])
        assert (shown.due, shown.number) == (issued[-1]["amount_due_kopecks"], issued[-1]["number"])
        checked += 1
    assert checked > PEOPLE * 9 // 10


def test_the_code_for_the_bank_and_the_code_for_the_portal_are_those_of_this_bill(papers: dict[str, Paper]) -> None:
    payable = [shown for shown in papers.values() if shown.payable]
    assert 100 < len(payable) < len(papers)
    for shown in papers.values():
        if not shown.payable:
            assert (shown.qr, shown.code) == (b"", "")
            continue
        fields = read(shown.qr)
        assert (fields["Sum"], fields["PersAcc"]) == (str(shown.due), shown.payer.account)
        code = bill_code(KEY, account=shown.payer.account, period=LAST, number=shown.number)
        assert shown.code == code


def test_of_several_bills_of_a_month_the_one_that_stands_is_printed(reader: CacheReader) -> None:
    month = 202604  # the seventh of fourteen
    number = NUMBERS[Oddity.BILL_WITHDRAWN]
    standing = paper_of(reader, number, month)
    assert standing is not None
    assert (standing.state, standing.number[-2:]) == ("issued", "-1")
    withdrawn = paper_of(reader, number, month, of=tag(standing.number.removesuffix("-1")))
    assert withdrawn is not None
    assert (withdrawn.state, withdrawn.qr, withdrawn.payable) == ("withdrawn", b"", False)
    assert paper_of(reader, number, month, of=tag("another")) is None


def test_a_former_holders_month_is_nobodys(reader: CacheReader, books: Path) -> None:
    number = NUMBERS[Oddity.HOLDER_CHANGED]
    assert paper_of(reader, number) is not None
    assert paper_of(reader, number, 202509) is None
    assert paper_of(reader, number, 203001) is None


def test_a_month_without_a_bill_says_what_is_known_and_asks_for_nothing(books: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cache.db"
    copy.write_bytes(books.read_bytes())
    with closing(sqlite3.connect(copy)) as base, base:
        base.execute("DELETE FROM bills")
    with closing(CacheReader(copy)) as reader:
        shown = paper_of(reader, NUMBERS[Oddity.ORDINARY])
    assert shown is not None
    assert (shown.state, shown.due, shown.qr, shown.number) == ("none", shown.closing, b"", "")
    assert shown.lines


def test_meters_show_what_was_used(papers: dict[str, Paper]) -> None:
    for shown in papers.values():
        for meter in shown.reference.meters:
            if meter.was_micro is not None and meter.now_micro is not None and meter.now_micro >= meter.was_micro:
                assert meter.used_micro == meter.now_micro - meter.was_micro
            assert meter.used_micro is None or meter.used_micro >= 0


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("Ёлкина  Анна\t\r\nПетровна", "Ёлкина Анна Петровна"),
        ("Иванов\x00\x1b[31m\x85\u202eвонавИ", "Иванов [31m вонавИ"),
        ("а\u200bб\ufeffв\ufe0fг", "а б в г"),
        ("я" * 500, "я" * (LONGEST - 1) + "…"),
        ("", ""),
    ],
)
def test_what_is_not_seen_is_not_printed(typed: str, printed: str) -> None:
    assert clean(typed) == printed
