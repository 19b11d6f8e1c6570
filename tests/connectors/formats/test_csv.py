"""Other people's CSV: what is a table is read exactly, what is not is refused with the place."""

from __future__ import annotations

import csv as stdlib_csv
import gc
import hashlib
import io
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.formats.contract import Portion, Stated, digest
from connectors.formats.options import Encoding, FileOptions, TotalLine
from connectors.formats.registry import open_file
from lk_sync.errors import BadData, SchemaDrift

HEADER = "ЛС;ФИО;Адрес\r\n"
ROW = "000012345;Иванов Пётр;г. Элиста, ул. Ленина, д. 5\r\n"


def portions(body: bytes, *columns: str, size: int = 3, **options: Any) -> list[Portion]:
    table = open_file(io.BytesIO(body), name="accounts.csv", options=FileOptions(**options))
    chosen = columns or tuple(table.columns)
    table.require(chosen)
    found = list(table.batches(chosen, size=size))
    table.close()
    return found


def read(body: bytes, *columns: str, **options: Any) -> list[tuple[int, tuple[Any, ...]]]:
    """(number, cells) of every row of a file that has no torn ones."""
    found: list[tuple[int, tuple[Any, ...]]] = []
    for part in portions(body, *columns, **options):
        assert all(len(column) == part.rows for column in part.columns)
        assert not part.faults, part.faults
        numbers = part.numbers or range(part.first_row, part.first_row + part.rows)
        found += zip(numbers, zip(*part.columns, strict=True), strict=True)
    return found


def torn(body: bytes, **options: Any) -> tuple[list[list[Any]], list[tuple[int, str]]]:
    """The rows, and the number and reason of every one that is none."""
    found = portions(body, **options)
    rows = [list(cells) for part in found for cells in zip(*part.columns, strict=True)]
    return rows, [(fault.row, fault.reason) for part in found for fault in part.faults]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "cp866", "koi8-r"])
def test_rows_are_read_as_they_are_in_the_encoding_that_was_named(encoding: Encoding) -> None:
    rows = read((HEADER + ROW * 10).encode(encoding), "Адрес", "ЛС", encoding=encoding)
    assert rows == [(row, ("г. Элиста, ул. Ленина, д. 5", "000012345")) for row in range(2, 12)]


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert read((HEADER + ROW).encode("utf-8-sig"), "ЛС") == [(2, ("000012345",))]


@pytest.mark.parametrize("delimiter", [";", ",", "|", "\t"])
def test_quotes_delimiters_and_line_breaks_inside_a_value_belong_to_it(delimiter: str) -> None:
    text = io.StringIO(newline="")
    value = f'ТСЖ "Маяк"{delimiter} кв. 1\r\nвход со двора'
    stdlib_csv.writer(text, delimiter=delimiter).writerows([["ЛС", "Имя"], ["1", value], ["2", "нет"]])
    assert read(text.getvalue().encode(), delimiter=delimiter) == [(2, ("1", value)), (3, ("2", "нет"))]


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    body = b'a;b\n1;x\n2;"x\ny\nz"\n3;x\n4;"x\r\ny"\n5;x\n'
    assert [(row, cells[0]) for row, cells in read(body)] == [(2, "1"), (3, "2"), (4, "3"), (5, "4"), (6, "5")]


def test_an_empty_cell_is_an_empty_text() -> None:
    assert read(b'a;b\n;x\n"";y\n') == [(2, ("", "x")), (3, ("", "y"))]


def test_a_file_of_a_header_alone_has_no_rows() -> None:
    assert read(HEADER.encode()) == []


@pytest.mark.parametrize(
    ("real", "named"),
    [("cp1251", "utf-8"), ("cp866", "utf-8"), ("koi8-r", "utf-8"), ("utf-8", "cp1251"), ("utf-8", "cp866"),
     ("cp866", "cp1251"), ("cp1251", "cp866"), ("cp1251", "koi8-r"), ("koi8-r", "cp1251")],
)  # fmt: skip
def test_another_encoding_is_refused_and_named(real: Encoding, named: Encoding) -> None:
    with pytest.raises(BadData, match=f"похоже на {real}"):
        read((HEADER + ROW * 5).encode(real), encoding=named)


def test_utf16_as_excel_saves_it_is_named_too() -> None:
    with pytest.raises(BadData, match="похоже на utf-16"):
        read((HEADER + ROW).encode("utf-16"))


def test_a_wrong_byte_costs_its_row() -> None:
    rows, faults = torn((HEADER + ROW).encode() + "1;Пётр;".encode() + b"\xff\r\n" + ROW.encode())
    assert (len(rows), faults) == (2, [(3, "есть байты, которых нет в кодировке utf-8")])


def test_many_wrong_bytes_are_another_encoding_told_with_the_place() -> None:
    good = HEADER.encode() + b"1;2;3\r\n" * 200_000
    bad = good + b"1;\xd0;2\r\n" + "1;Пётр;г. Элиста\r\n".encode("cp1251") * 100
    with pytest.raises(BadData, match=f"строка 200002, байт {len(good) + 3} файла: это не utf-8"):
        read(bad)


def test_a_file_that_ends_inside_a_letter_is_cut() -> None:
    with pytest.raises(BadData, match="обрезан"):
        read((HEADER + ROW).encode() + "Ё".encode()[:1])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "нет заголовка"),
        (b"\r\n\r\n", "нет заголовка"),
        (b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "HTML"),
        (b"\xef\xbb\xbf  <html>\n", "HTML"),
        (b"<?xml version='1.0'?><a/>", "HTML или XML"),
        (b"a;b;a\n1;2;3\n", "колонка «a» стоит в заголовке дважды"),
        (b'a;"b\n1;2\n', "строка 1: кавычка не закрыта"),
        (b"a;b\n1;2\n1;\x002\n", "строка 3: нулевой байт"),
        (b"a;b\n" + b"1\n" * 1001, "больше 1000 строк не читаются"),
    ],
)
def test_what_is_no_table_is_refused_with_the_place(body: bytes, why: str) -> None:
    with pytest.raises(BadData, match=why):
        read(body, encoding="utf-8")


@pytest.mark.parametrize(
    ("lines", "rows", "faults"),
    [
        (b"1;2\n1;2;3\n4;5\n", 2, {3: "полей 3 вместо 2"}),
        (b"1;2\n1\n4;5\n", 2, {3: "полей 1 вместо 2"}),
        (b"1;2\n\n3;4\n", 2, {3: "пустая строка"}),
        (b"1;2\n3;4\n\n\r\n", 2, {}),
        (b"1;2;\n3;4\n", 1, {2: "closing_delimiter"}),
        (b'1;"2\n3;4\n5;6\n', 2, {2: "кавычка не закрыта"}),
        (b'1;2\n1;"2"3\n4;5\n', 2, {3: "кавычка"}),
        (b"1;2\r3\n4;5\n", 2, {3: "полей 1 вместо 2"}),
        (b'1;"' + b"x" * 200_000 + b'"\n4;5\n', 1, {2: "кавычка"}),
        (b"1;'2\n1;2;3\n", 1, {3: "полей 3"}),
        (b'1;"x\n\ny"\n2\n', 1, {3: "полей 1"}),
    ],
)
def test_a_torn_row_costs_one_row_and_not_the_file(lines: bytes, rows: int, faults: dict[int, str]) -> None:
    found, said = torn(b"a;b\n" + lines)
    assert len(found) == rows
    assert [number for number, _ in said] == list(faults)
    assert all(why in reason for (_, reason), why in zip(said, faults.values(), strict=True))


def test_a_quote_that_is_never_closed_swallows_no_rows_of_a_wide_table() -> None:
    lines = [b"%d;b;c;d;e;f\n" % i for i in range(2000)]
    lines[700] = b'700;"b;c;d;e;f\n'
    lines[900] = b'900;b";c;d;e;f\n'
    rows, faults = torn(b"A;B;C;D;E;F\n" + b"".join(lines), size=20_000)
    assert [number for number, _ in faults] == [702]
    assert [row[0] for row in rows] == [str(i) for i in range(2000) if i != 700]


def test_rows_keep_their_numbers_behind_a_torn_one() -> None:
    first, second = portions(b"a;b\n1;2\n3\n5;6\n7;8\n9;0\n", size=4)
    assert (first.numbers, [fault.row for fault in first.faults]) == ([2, 4, 5], [3])
    assert (second.first_row, second.numbers) == (6, None)


def test_comments_leading_lines_and_a_closing_total_are_no_rows() -> None:
    body = "Реестр №5\n# от 01.11\nЛС;Сумма\n1;10,50\n# конец\n2;-0,50\nИтого;2;10,00\n".encode("cp1251")
    table = open_file(
        io.BytesIO(body),
        name="r.txt",
        options=FileOptions(
            encoding="cp1251",
            skip_lines=1,
            comment=("#",),
            total=TotalLine(starts="Итого", rows=2, sums={"Сумма": 3}),
        ),
    )
    assert table.stated() == Stated(rows=2, sums={"Сумма": 1000})
    assert table.ended
    (part,) = table.batches(["ЛС", "Сумма"])
    assert part.columns == [["1", "2"], ["10,50", "-0,50"]]
    assert part.numbers == [4, 6]


def test_a_total_in_the_middle_is_a_row_and_not_lost() -> None:
    body = "ЛС;Сумма\n1;10\nИтого по дому;10\n\n2;5\nИтого;15\n\n# конец\n".encode()
    rows, faults = torn(body, total=TotalLine(starts="Итого", sums={"Сумма": 2}), comment=("#",))
    assert rows == [["1", "10"], ["Итого по дому", "10"], ["2", "5"]]
    assert [number for number, _ in faults] == [4]


def test_many_blank_lines_take_no_time() -> None:
    rows, _ = torn(b"a;b\n1;2\n" + b"\n" * 900 + b"3;4\n" + b"\n" * 900)
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("end", "why"), [("", "не начинается с «Итого»"), ("Итого;два\n", "не читается"), ("Итого\n", "не читается")]
)
def test_a_total_that_is_missing_or_unreadable_is_a_cut_file(end: str, why: str) -> None:
    with pytest.raises(BadData, match=why):
        read(f"ЛС;Сумма\n1;2\n{end}".encode(), total=TotalLine(starts="Итого", rows=2))


def test_utf_16_without_a_mark_is_refused() -> None:
    with pytest.raises(BadData, match="нет метки"):
        read((HEADER + ROW).encode("utf-16-le"), encoding="utf-16")


def test_columns_of_a_table_without_a_header_are_numbers() -> None:
    assert read(b"7;x;10\n8;y;20\n", "3", "1", header=False) == [(1, ("10", "7")), (2, ("20", "8"))]
    assert read(b"", header=False) == []


@pytest.mark.parametrize(
    ("line", "options"),
    [
        (b"1;'a;b'\n", {"quote": "'"}),
        (b'1^"a;b"\n', {"delimiter": "^"}),
        (b'1;"a;b";\n', {"closing_delimiter": True}),
        (b'\n1;"a;b"\n', {"skip_blank": True}),
        (b'1;"a;b"\r', {}),
    ],
)
def test_other_ways_to_write_the_same(line: bytes, options: dict[str, Any]) -> None:
    delimiter = options.get("delimiter", ";").encode()
    header = b"a" + delimiter + b"b" + (b";\n" if options.get("closing_delimiter") else b"\n")
    assert [cells for _, cells in read(header + line, "a", "b", **options)] == [("1", "a;b")]


def test_quotes_by_a_backslash_and_quotes_that_are_letters() -> None:
    assert read(b'a;b\n1;"x\\"y"\n', backslash=True) == [(2, ("1", 'x"y'))]
    assert read(b'a;b\n1;"x\n', quote="none") == [(2, ("1", '"x'))]


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_when_it_is_named(order: str) -> None:
    body = ("\ufeff" + HEADER + ROW * 3).encode(order)
    assert len(read(body, "ЛС", encoding="utf-16")) == 3


def test_the_file_stays_the_callers_whatever_becomes_of_the_table() -> None:
    file = io.BytesIO(b"\n\n1;2\n")
    with pytest.raises(BadData):
        open_file(file, name="f", options=FileOptions())
    gc.collect()
    assert not file.closed
    open_file(file, name="f", options=FileOptions(header=False)).close()
    gc.collect()
    assert not file.closed


def test_a_missing_column_is_named_with_the_nearest_and_all_at_once() -> None:
    with pytest.raises(SchemaDrift) as drift:
        read((HEADER + ROW).encode(), "ЛС", "Ф.И.О.", "Площадь")
    assert "нет колонки «Ф.И.О.», есть похожая «ФИО»" in str(drift.value)
    assert "нет колонки «Площадь» (есть: ЛС, ФИО, Адрес)" in str(drift.value)


def test_a_column_may_be_asked_for_twice() -> None:
    assert read((HEADER + ROW).encode(), "ЛС", "ЛС") == [(2, ("000012345", "000012345"))]


def test_the_bytes_and_their_end_are_known() -> None:
    body = (HEADER + ROW).encode()
    assert digest(io.BytesIO(body)) == hashlib.sha256(body).hexdigest()
    assert open_file(io.BytesIO(body), name="f", options=FileOptions()).ended
    assert not open_file(io.BytesIO(body[:-2]), name="f", options=FileOptions()).ended
    assert open_file(io.BytesIO(body[:-2]), name="f", options=FileOptions(open_end=True)).ended


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(rows: int) -> int:
        file = io.BytesIO(HEADER.encode() + ROW.encode() * rows)
        tracemalloc.start()
        table = open_file(file, name="f", options=FileOptions())
        assert sum(part.rows for part in table.batches(("ЛС", "Адрес"))) == rows
        table.close()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(200_000) < 1.2 * peak(40_000)


CELLS = st.text(
    st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=8
) | st.sampled_from(["", '"', ";", "\r", "\n", "\r\n", "=1+1", "'x", " ", "\ufeff"])  # fmt: skip


@given(st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=9)))
def test_whatever_the_standard_library_writes_is_read_back_exactly(rows: list[list[str]]) -> None:
    width = len(rows[0]) if rows else 2
    text = io.StringIO(newline="")
    stdlib_csv.writer(text, delimiter=";").writerows([[f"c{i}" for i in range(width)], *rows])
    found = read(text.getvalue().encode())
    assert [list(cells) for _, cells in found] == rows
    assert [number for number, _ in found] == list(range(2, len(rows) + 2))


PLAIN = CELLS.filter(lambda cell: "\ufdd0" not in cell) | st.sampled_from(["|", "||", "|;|", "<|>"])


@given(
    st.sampled_from(["||", "|;|", "<|>", ";;"]),
    st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(PLAIN, min_size=width, max_size=width), max_size=9)),
)
def test_a_delimiter_of_several_characters_is_read_back_exactly(delimiter: str, rows: list[list[str]]) -> None:
    width = len(rows[0]) if rows else 2
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in rows]
    text = "".join(delimiter.join(row) + "\r\n" for row in [[f"c{i}" for i in range(width)], *quoted])
    assert [list(cells) for _, cells in read(text.encode(), delimiter=delimiter)] == rows


def test_a_row_between_delimiters_of_several_characters_that_is_none_is_told_in_its_own_words() -> None:
    found = portions("ЛС||ФИО||Сумма\r\n1||Иванов||2,50\r\n2||Петров\r\n".encode(), delimiter="||")
    assert [list(part.columns[2]) for part in found if part.rows] == [["2,50"]]
    ((fault,),) = [part.faults for part in found if part.faults]
    assert (fault.row, fault.value) == (3, "2||Петров")
    with pytest.raises(BadData, match="U\\+FDD0"):
        portions("a||b\r\n1\ufdd0||2\r\n".encode(), delimiter="||")


@given(st.binary(max_size=200))
@example(b"a;b\r1;2")
@example(b'"')
@example(b"a;b\n\xef\xbb\xbf1;2")
def test_any_bytes_are_rows_or_a_sentence(body: bytes) -> None:
    for encoding in ("utf-8", "cp1251", "cp866", "koi8-r"):
        try:
            rows, faults = torn(b"a;b\n" + body, encoding=encoding)
        except BadData as error:
            assert str(error).startswith("accounts.csv")  # noqa: PT017 - either outcome is right
        else:
            assert all(len(cells) == 2 for cells in rows)
            assert all(reason for _, reason in faults)
