"""Other people's CSV: what is a table is read exactly, what is not is refused with the place."""

from __future__ import annotations

import csv as stdlib_csv
import hashlib
import io
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.formats.csv import CsvOptions, Encoding, Table, survey
from lk_sync.errors import BadData, SchemaDrift

HEADER = "ЛС;ФИО;Адрес\r\n"
ROW = "000012345;Иванов Пётр;г. Элиста, ул. Ленина, д. 5\r\n"


def read(body: bytes, *columns: str, **options: str) -> list[tuple[int, tuple[str, ...]]]:
    """(number, cells) of every row, after the survey that a source makes too."""
    file = io.BytesIO(body)
    chosen = CsvOptions(**options)  # type: ignore[arg-type]
    survey(file, name="accounts.csv", encoding=chosen.encoding)
    table = Table(file, name="accounts.csv", options=chosen)
    columns = columns or tuple(table.header)
    table.require(columns)
    found = []
    for part in table.batches(columns, size=3):
        assert all(len(column) == part.rows for column in part.columns)
        found += [(part.first_row + i, cells) for i, cells in enumerate(zip(*part.columns, strict=True))]
    table.close()
    return found


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


def test_a_wrong_byte_is_reported_with_its_line_and_place() -> None:
    body = (HEADER + ROW).encode() + "1;Пётр;".encode() + b"\xff\r\n"
    with pytest.raises(BadData, match=f"строка 3, байт {body.index(0xFF) + 1} файла: это не utf-8"):
        read(body)


def test_the_place_is_right_behind_the_first_megabyte_and_across_blocks() -> None:
    good = HEADER.encode() + ROW.encode() * 20_000
    bad = good + b"1;\xd0;2\r\n" + ROW.encode()
    with pytest.raises(BadData, match=f"строка 20002, байт {len(good) + 3} файла"):
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
        (b"a;b\n1;2\n1;2;3\n", "строка 3: полей 3 вместо 2"),
        (b"a;b\n1;2\n1\n", "строка 3: полей 1 вместо 2"),
        (b"a;b\n1;2\n\n3;4\n", "строка 3: пустая строка"),
        (b'a;b\n1;"2\n3\n4\n', "обрезан или повреждён"),
        (b'a;b\n1;"2"3\n', "строка 2: кавычка"),
        (b"a;b\n1;2\n1;\x002\n", "строка 3: нулевой байт"),
        (b"a;b\n1;2\r3\n", "строка 3: полей 1 вместо 2"),
        (b'a;b\n1;"' + b"x" * 200_000 + b'"\n', "строка 2"),
        (b"a;b\n1;'2\n" + b"1;2;3\n", "строка 3"),
    ],
)
def test_what_is_no_table_is_refused_with_the_place(body: bytes, why: str) -> None:
    with pytest.raises(BadData, match=why):
        read(body, encoding="utf-8")


def test_a_ragged_row_behind_a_tall_one_is_reported_on_its_own_line() -> None:
    with pytest.raises(BadData, match="строка 5: полей 1"):
        read(b'a;b\n1;"x\n\ny"\n2\n')


def test_a_missing_column_is_named_with_the_nearest_and_all_at_once() -> None:
    with pytest.raises(SchemaDrift) as drift:
        read((HEADER + ROW).encode(), "ЛС", "Ф.И.О.", "Площадь")
    assert "нет колонки «Ф.И.О.», есть похожая «ФИО»" in str(drift.value)
    assert "нет колонки «Площадь» (есть: ЛС, ФИО, Адрес)" in str(drift.value)


def test_a_column_may_be_asked_for_twice() -> None:
    assert read((HEADER + ROW).encode(), "ЛС", "ЛС") == [(2, ("000012345", "000012345"))]


def test_the_survey_knows_the_bytes() -> None:
    body = (HEADER + ROW).encode()
    seen = survey(io.BytesIO(body), name="f", encoding="utf-8")
    assert (seen.sha256, seen.size, seen.ended) == (hashlib.sha256(body).hexdigest(), len(body), True)
    assert not survey(io.BytesIO(body[:-2]), name="f", encoding="utf-8").ended


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(rows: int) -> int:
        file = io.BytesIO(HEADER.encode() + ROW.encode() * rows)
        tracemalloc.start()
        survey(file, name="f", encoding="utf-8")
        table = Table(file, name="f", options=CsvOptions())
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


@given(st.binary(max_size=200))
@example(b"a;b\r1;2")
@example(b'"')
@example(b"a;b\n\xef\xbb\xbf1;2")
def test_any_bytes_are_rows_or_a_sentence(body: bytes) -> None:
    for encoding in ("utf-8", "cp1251", "cp866", "koi8-r"):
        try:
            rows = read(b"a;b\n" + body, encoding=encoding)
        except BadData as error:
            assert str(error).startswith("accounts.csv")  # noqa: PT017 - either outcome is right
        else:
            assert all(len(cells) == 2 for _, cells in rows)
