"""A file for a spreadsheet holds exact numbers, and no text of it is ever executed."""

from __future__ import annotations

import csv
import io
import zipfile
from decimal import Decimal
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from portal.refusal import Refusal
from portal.spreadsheet import (
    CONTROL,
    EXECUTABLE,
    QUEUE,
    Column,
    Formula,
    Makers,
    Sheet,
    attachment,
    csv_of,
    harmless,
    workbook,
)

COLUMNS = [Column("Текст"), Column("Сумма", "money"), Column("Тариф", "price"), Column("Объём", "volume")]
NUMBER = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}v"
ATTACKS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", " =1", "=cmd|'/c calc'!A1", "\x00=1")

kopecks = st.none() | st.integers(-(10**13), 10**13)
texts = st.text(max_size=20) | st.sampled_from(ATTACKS)
rows = st.lists(st.tuples(texts, kopecks, kopecks, kopecks), max_size=5)


def read(body: bytes) -> list[tuple[Any, ...]]:
    (page,) = load_workbook(io.BytesIO(body)).worksheets
    return [tuple(row) for row in page.iter_rows()]


def number(text: str) -> Decimal | None:
    return Decimal(text.replace(",", ".")) if text else None


@given(rows)
def test_a_csv_gives_back_every_number_and_executes_no_text(made: list[tuple[Any, ...]]) -> None:
    body = csv_of(Sheet(title="", columns=COLUMNS, rows=made), "ru")
    assert body.startswith(b"\xef\xbb\xbf")
    _, *found = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";")
    assert len(found) == len(made)
    for row, (text, sum_, tariff, volume) in zip(found, made, strict=True):
        assert not row[0].lstrip().startswith(("=", "+", "-", "@", "＝"))
        assert row[0].removeprefix("'") == CONTROL.sub("", text).removeprefix("'")
        wanted = [None if value is None else Decimal(value) for value in (sum_, tariff, volume)]
        scaled = [None if value is None else value.scaleb(by) for value, by in zip(wanted, (-2, -6, -6), strict=True)]
        assert [number(cell) for cell in row[1:]] == scaled


@settings(max_examples=25, deadline=None)
@given(rows)
def test_a_workbook_writes_decimals_digit_by_digit_and_text_as_text(made: list[tuple[Any, ...]]) -> None:
    body = workbook([Sheet(title="Лист", columns=COLUMNS, rows=made)])
    for row in read(body):
        assert row[0].data_type in ("s", "inlineStr", "n")  # an empty text is an empty cell
        assert row[0].data_type != "f"
    page = zipfile.ZipFile(io.BytesIO(body)).read("xl/worksheets/sheet1.xml")
    written = [Decimal(cell.text or "") for cell in fromstring(page).iter(NUMBER)]
    scaled = [
        Decimal(value).scaleb(by) for row in made for value, by in zip(row[1:], (-2, -6, -6), strict=True)
        if value is not None
    ]  # fmt: skip
    assert written == scaled


@pytest.mark.parametrize("text", ATTACKS)
def test_what_a_spreadsheet_would_execute_gets_an_apostrophe(text: str) -> None:
    assert harmless(text).startswith("'")
    (_, row) = read(workbook([Sheet(title="x", columns=COLUMNS[:1], rows=[(text,)])]))
    assert row[0].data_type == "s"
    assert row[0].quotePrefix or not row[0].value.startswith(EXECUTABLE)


def test_our_own_formula_is_one() -> None:
    (_, row) = read(workbook([Sheet(title="x", columns=COLUMNS[1:2], rows=[(Formula("=1+1"),)])]))
    assert (row[0].data_type, row[0].value) == ("f", "=1+1")


def test_english_has_points_and_commas() -> None:
    body = csv_of(Sheet(title="", columns=COLUMNS[:2], rows=[("a", -5)]), "en")
    assert body.decode("utf-8-sig") == "Текст,Сумма\r\na,-0.05\r\n"


@pytest.mark.parametrize("name", ['a"b\r\nSet-Cookie: x=1.csv', "../../etc/passwd", "Т/17-б_2026-10.csv", "…"])
def test_a_file_name_holds_nothing_that_a_header_or_a_path_stumbles_on(name: str) -> None:
    disposition = attachment(b"", name, "text/csv").headers["Content-Disposition"]
    assert disposition.isascii()
    assert disposition.count('"') == 2
    assert not {"\r", "\n", "/", "\\"} & {*disposition}


async def test_too_many_who_wait_are_asked_to_come_back() -> None:
    makers = Makers()
    makers._queued = QUEUE
    with pytest.raises(Refusal) as refused:
        await makers.make(lambda: b"")
    assert (refused.value.status, refused.value.retry_after) == (503, 5)
    makers._queued = 0
    assert await makers.make(lambda: b"1") == b"1"
    makers.close()
