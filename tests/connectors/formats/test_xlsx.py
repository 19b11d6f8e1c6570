"""XLSX as Excel, 1C and LibreOffice save it, and as somebody who means harm makes it."""

from __future__ import annotations

import io
import re
import tracemalloc
import zipfile
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.contract import Opened, Portion, Stated
from connectors.formats.options import FileOptions, TotalLine
from connectors.formats.registry import open_file
from lk_sync.errors import BadData, SchemaDrift

SAMPLES = Path(__file__).parent / "samples"


def book(*rows: list[Any], formats: dict[str, str] | None = None, **sheets: list[list[Any]]) -> bytes:
    made = openpyxl.Workbook()
    made.active.title = "Лист1"
    for row in rows:
        made.active.append(row)
    for cell, code in (formats or {}).items():
        made.active[cell].number_format = code
    for name, lines in sheets.items():
        sheet = made.create_sheet(name)
        for line in lines:
            sheet.append(line)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def opened(body: bytes, **options: Any) -> Opened:
    return open_file(io.BytesIO(body), name="book.xlsx", options=FileOptions(**options))


def portions(body: bytes, *columns: str, **options: Any) -> list[Portion]:
    table = opened(body, **options)
    chosen = columns or tuple(table.columns)
    table.require(chosen)
    found = list(table.batches(chosen, size=3))
    table.close()
    return found


def read(body: bytes, *columns: str, **options: Any) -> list[tuple[Any, ...]]:
    found = []
    for part in portions(body, *columns, **options):
        assert not part.faults, part.faults
        found += list(zip(*part.columns, strict=True))
    return found


def rewritten(body: bytes, part: str, change: Any) -> bytes:
    """The same book with one of its parts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name).decode()) if name == part else old.read(name))
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
date_time = partial(datetime, tzinfo=None)  # a cell has no zone


ERROR = 'r="B4" t="e"><f>1/0</f><v>#DIV/0!</v>'


def test_a_template_of_readings_is_read_as_it_is_shown() -> None:
    rows = read(
        (SAMPLES / "readings/condo_meter-import-example.xlsx").read_bytes(),
        "Лицевой счет", "Показание 1", "Показание 2", "Дата поверки", "Автоматический",
    )  # fmt: skip
    assert len(rows) == 10
    assert rows[0] == ("111", "100.5", None, "2021-12-20", "Да")


def test_a_register_without_a_header_is_read_by_numbers() -> None:
    body = (SAMPLES / "registers/condo_check.xlsx").read_bytes()
    assert read(body, "1", "4", header=False) == [("TEST1", "8640.02"), ("TEST2", "3355.06")]


def test_cells_are_what_is_shown() -> None:
    body = book(
        ["ЛС", "Сумма", "Дата", "Время", "Да", "Дробь", "Минус"],
        [12345, 0.1 + 0.2, date(2026, 11, 3), date_time(2026, 11, 3, 12, 30), True, 1e-7, -0.0],
        ["000012345", "1 234,50", "03.11.2026", None, False, 123456.78, -5],
        formats={"A2": "000000000"},
    )
    assert read(body) == [
        ("000012345", "0.3", "2026-11-03", "2026-11-03T12:30:00", "1", "0.0000001", "0"),
        ("000012345", "1 234,50", "03.11.2026", None, "0", "123456.78", "-5"),
    ]


def test_what_is_no_cell_costs_its_row_and_only_if_it_is_wanted() -> None:
    body = book(
        ["ЛС", "Сумма", "Счёт"], ["1", "=A1+1", 1], ["2", 5, 40702810200000000001], ["3", "=1/0", 3], ["4", 7, 4]
    )
    body = rewritten(body, SHEET, lambda text: re.sub(r'r="B4"><f>1/0</f><v ?/?>(</v>)?', ERROR, text))
    parts = portions(body, "ЛС", "Сумма")
    assert [part.columns for part in parts] == [[["2"], ["5"]], [["4"], ["7"]]]
    assert [(fault.row, fault.reason) for part in parts for fault in part.faults] == [
        (2, "Сумма: формула без значения: откройте книгу в Excel или LibreOffice и сохраните"),
        (4, "Сумма: ошибка формулы #DIV/0!"),
    ]
    (part, *_) = portions(body, "Счёт")
    assert "длиннее 15 цифр" in part.faults[0].reason
    assert sum(portion.rows for portion in portions(body, "ЛС")) == 4


def test_blank_rows_are_none_and_numbers_are_those_of_the_sheet() -> None:
    body = book(["ЛС"], ["1"], [], [None, None], ["2"])
    (part,) = portions(body)
    assert (part.columns, part.numbers) == ([["1", "2"]], [2, 5])


def test_a_title_above_and_names_in_two_rows() -> None:
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.append(["Ведомость за ноябрь"])
    sheet.append(["ЛС", "Начислено", None, "Итого"])
    sheet.append([None, "Тепло", "ГВС", None])
    sheet.append(["1", 10, 20, 30])
    sheet.merge_cells("A1:D1")
    sheet.merge_cells("B2:C2")
    sheet.merge_cells("A2:A3")
    file = io.BytesIO()
    made.save(file)
    table = opened(file.getvalue(), skip_lines=1, header_rows=2)
    assert table.columns == ["ЛС", "Начислено / Тепло", "Начислено / ГВС", "Итого"]
    assert read(file.getvalue(), "Начислено / ГВС", skip_lines=1, header_rows=2) == [("20",)]


def test_several_filled_sheets_are_a_question() -> None:
    body = book(["ЛС"], ["1"], Второй=[["ЛС"], ["2"]], Пустой=[])
    with pytest.raises(BadData, match=r"несколько заполненных листов \(Лист1, Второй\); укажите options\.sheet"):
        read(body)
    assert read(body, sheet="Второй") == [("2",)]
    assert read(body, sheet=2) == [("2",)]
    with pytest.raises(BadData, match="нет листа «Третий»"):
        read(body, sheet="Третий")
    with pytest.raises(BadData, match="листа 9 нет"):
        read(body, sheet=9)


def test_a_total_is_no_row_and_is_told() -> None:
    body = book(["ЛС", "Сумма"], ["1", 10.5], ["2", -0.5], ["Итого: 2", 10])
    total = TotalLine(starts="Итого", sums={"Сумма": 2})
    assert opened(body, total=total).stated() == Stated(sums={"Сумма": 1000})
    assert read(body, total=total) == [("1", "10.5"), ("2", "-0.5")]
    with pytest.raises(BadData, match="последняя строка не начинается с «Всего»"):
        opened(body, total=TotalLine(starts="Всего"))


def test_a_total_in_the_middle_is_a_row_and_not_lost() -> None:
    body = book(["ЛС", "Сумма"], ["1", 10], ["Итого по дому", 10], ["2", 5], ["Итого", 15])
    total = TotalLine(starts="Итого", sums={"Сумма": 2})
    assert read(body, "ЛС", total=total) == [("1",), ("Итого по дому",), ("2",)]


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(SchemaDrift, match="нет колонки «Лицевой счёт», есть похожая «Лицевой счет»"):
        opened(book(["Лицевой счет"], ["1"])).require(["Лицевой счёт"])


def test_dates_from_1904() -> None:
    since = '<workbookPr date1904="1"/>'
    body = rewritten(
        book(["Д"], [date(2026, 11, 3)]), "xl/workbook.xml", lambda text: re.sub("<workbookPr[^>]*/>", since, text)
    )
    assert read(body) == [("2030-11-04",)]


HUGE = '<row r="1048576"><c r="XFD1048576"><v>9</v></c></row></sheetData>'


def test_a_cell_at_the_far_corner_costs_no_memory() -> None:
    body = rewritten(book(["ЛС"], ["1"]), SHEET, lambda text: text.replace("</sheetData>", HUGE))
    tracemalloc.start()
    assert read(body, "ЛС") == [("1",), (None,)]
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_bomb_is_not_opened() -> None:
    body = rewritten(book(["ЛС"]), SHEET, lambda text: text + " " * (64 << 20))
    with pytest.raises(BadData, match="бомбу"):
        read(body)


def test_entities_are_refused() -> None:
    evil = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet>&a;</worksheet>'
    with pytest.raises(BadData, match="DOCTYPE"):
        read(rewritten(book(["ЛС"]), SHEET, lambda _: evil))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "архив не читается"),
        (b"PK\x03\x04" + b"x" * 100, "архив не читается"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "паролем или в старом виде"),
        (book(["ЛС"], ["1"])[:-60], "архив не читается"),
        (book(), "лист пуст"),
    ],
)
def test_what_is_no_book_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(BadData, match=why):
        read(body)


VALUE = st.one_of(
    st.none(), st.text("абв xyz019,.", max_size=6).map(str.strip), st.integers(-(10**9), 10**9),
    st.decimals(-9999, 9999, places=2).map(float), st.dates(date(1901, 1, 1), date(2100, 1, 1)),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(VALUE, VALUE), max_size=6))
def test_whatever_is_written_is_read_as_another_reader_reads_it(rows: list[tuple[Any, ...]]) -> None:
    body = book(["a", "b"], *map(list, rows))
    judge = (
        openpyxl.load_workbook(io.BytesIO(body), data_only=True).worksheets[0].iter_rows(min_row=2, values_only=True)
    )
    said = [[*row, None][:2] for row in judge if any(cell not in (None, "") for cell in row)]
    assert [list(row) for row in read(body, "a", "b")] == [[_as_text(cell) for cell in row] for row in said]


def _as_text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return re.sub(r"\.0$", "", repr(cell))


@settings(max_examples=120, deadline=None)
@given(st.integers(0), st.binary(min_size=1, max_size=4), st.sampled_from(["stored", "packed", "cut"]))
def test_any_damage_is_a_sentence_or_rows(place: int, noise: bytes, how: str) -> None:
    body = book(["ЛС", "Сумма"], ["1", 10.5], ["2", 3])
    if how == "stored":  # the parts lie there as they are, so that the damage is in what they say
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                part = old.read(name)
                at = place % len(part)
                new.writestr(name, part[:at] + noise + part[at + len(noise) :] if name == SHEET else part)
        body = out.getvalue()
    else:
        place %= len(body)
        body = body[:place] + (b"" if how == "cut" else noise + body[place + len(noise) :])
    try:
        parts = portions(body)
    except BadData as error:
        assert str(error).startswith("book.xlsx")  # noqa: PT017 - either outcome is right
    else:
        assert all(len(column) == part.rows for part in parts for column in part.columns)
