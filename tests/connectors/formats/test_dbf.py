"""DBF of any origin: what is certain is read, what is not certain is asked about, nothing is lost in silence."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import dbfread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.dbf import DbfTable
from connectors.formats.options import FileOptions
from connectors.formats.registry import open_file
from lk_sync.errors import BadData, SchemaDrift
from tests.connectors.formats.dbf_files import Column, dbf

SAMPLES = Path(__file__).parent / "samples"
ACCOUNTS: list[Column] = [("LS", "C", 12, 0), ("FIO", "C", 30, 0), ("SUMMA", "N", 12, 2), ("DATA", "D", 8, 0)]
PEOPLE = [
    ("000012345", "Иванов Пётр Сергеевич", "1234.50", "20261101"),
    ("000012346", "Манджиева Светлана", "-10.00", "20261102"),
    ("000012347", "Очиров Бадма Эрдниевич", "0.05", "20261103"),
]


def opened(body: bytes, **options: Any) -> DbfTable:
    table = open_file(io.BytesIO(body), name="acc.dbf", options=FileOptions(**options))
    assert isinstance(table, DbfTable)
    return table


def read(body: bytes, *columns: str, **options: Any) -> list[tuple[Any, ...]]:
    table = opened(body, **options)
    chosen = columns or tuple(table.columns)
    table.require(chosen)
    found = []
    for part in table.batches(chosen, size=2):
        assert not part.faults, part.faults
        found += list(zip(*part.columns, strict=True))
    return found


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def test_a_register_of_a_bank_is_read_with_its_text_sums() -> None:
    assert read(sample("registers/condo_check.dbf"), "LS", "PERIOD", "SUMMA") == [
        ("TEST1", "1122", "6985.45"),
        ("TEST2", "1122", "15662.53"),
    ]


def test_a_classifier_without_a_mark_is_read_by_its_words() -> None:
    table = opened(sample("dbf/SOCRBASE.DBF"))
    assert (table.encoding, table.stated().rows) == ("cp866", 148)
    assert read(sample("dbf/SOCRBASE.DBF"), "SOCRNAME")[:2] == [("Автономный округ",), ("Автономная область",)]


def test_letters_of_utf_8_may_be_in_names_too() -> None:
    assert read(sample("dbf/dbase_03_cyrillic.dbf"), "ШАР", "ПЛОЩА") == [("Номер", "36.30"), ("Культ", "99.99")]


def test_fox_pro_with_a_mark_of_windows() -> None:
    assert read(sample("dbf/cp1251.dbf"), "NAME")[0] == ("амбулаторно-поликлиническое",)


def test_a_deleted_record_is_counted_and_no_row() -> None:
    table = opened(sample("dbf/invalid_value.dbf"))
    assert (table.deleted, table.stated().rows) == (1, 2)
    (part,) = table.batches(["NAME", "BIRTHDATE"])
    assert part.columns == [["Alice", "Bob"], ["NotAYear", "1980-11-12"]], "a date that is none is given as it stands"
    body = dbf(ACCOUNTS, PEOPLE, deleted=[1])
    (part,) = opened(body).batches(["LS"])
    assert (part.columns, part.numbers) == ([["000012345", "000012347"]], [1, 3])


@pytest.mark.parametrize("encoding", ["cp866", "cp1251", "koi8-r"])
def test_a_file_without_a_mark_is_read_by_what_makes_words(encoding: str) -> None:
    rows = read(dbf(ACCOUNTS, PEOPLE, encoding=encoding, mark=0))
    assert rows[0] == ("000012345", "Иванов Пётр Сергеевич", "1234.50", "2026-11-01")


def test_too_few_letters_are_a_question_and_not_a_guess() -> None:
    body = dbf(ACCOUNTS, [("1", "Ён", "1", "20261101")], encoding="cp1251", mark=0)
    with pytest.raises(BadData, match=r"нет метки кодировки.*options\.encoding"):
        read(body)
    assert read(body, "FIO", encoding="cp1251") == [("Ён",)]


def test_a_mark_that_lies_is_told() -> None:
    body = dbf(ACCOUNTS, PEOPLE, encoding="cp1251", mark=0x65)
    with pytest.raises(BadData, match=r"метка 0x65 говорит, что это cp866, но слова получаются только в cp1251"):
        read(body)
    assert read(body, "FIO", encoding="cp1251")[0] == ("Иванов Пётр Сергеевич",)


def test_a_wrong_option_is_told_too() -> None:
    with pytest.raises(BadData, match="options говорит, что это cp1251, но слова получаются только в cp866"):
        read(dbf(ACCOUNTS, PEOPLE), encoding="cp1251")


def test_cells_of_all_types() -> None:
    columns: list[Column] = [
        ("N", "N", 6, 2), ("F", "F", 6, 2), ("D", "D", 8, 0), ("L", "L", 1, 0), ("C", "C", 6, 0),
        ("I", "I", 4, 0), ("Y", "Y", 8, 0), ("B", "B", 8, 0), ("T", "T", 8, 0),
    ]  # fmt: skip
    odd = ("     .", b"\0" * 6, "00000000", "?", b"ab\0\0\0\0", struct.pack("<i", -7), struct.pack("<q", 123400))
    full = (b" -1.50", "****", "20260229", "T", "Щ", struct.pack("<i", 5), struct.pack("<q", -1))
    moment = struct.pack("<ii", 2_461_373, 43_200_000)
    records = [
        (*odd, struct.pack("<d", 0.25), b" " * 8),
        (*full, struct.pack("<d", 1e-3), moment),
        ("", "", "", " ", "", struct.pack("<i", 0), b"\0" * 8, b"\0" * 8, b"\0" * 8),
    ]
    assert read(dbf(columns, records, version=0x30)) == [
        (None, None, None, None, "ab", "-7", "12.3400", "0.25", None),
        ("-1.50", "****", "2026-02-29", "1", "Щ", "5", "-0.0001", "0.001", "2026-11-28T12:00:00"),
        (None, None, None, None, None, "0", "0.0000", "0.0", None),
    ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "это не DBF"),
        (b"LS;SUMMA\r\n1;2\r\n" * 9, "это не DBF"),
        (dbf(ACCOUNTS, PEOPLE)[:40], "не цел"),
        (dbf(ACCOUNTS, PEOPLE)[:-20], "в заголовке записей 3, а целых в файле 2; файл обрезан"),
        (dbf(ACCOUNTS, PEOPLE, count=9), "в заголовке записей 9, а целых в файле 3"),
        (dbf(ACCOUNTS, PEOPLE, count=2), "за ними ещё данные"),
        (dbf(ACCOUNTS, PEOPLE, count=0xFFFFFFFF), "файл обрезан"),
        (dbf(ACCOUNTS, PEOPLE)[:15] + b"\1" + dbf(ACCOUNTS, PEOPLE)[16:], "зашифрован"),
    ],
)
def test_what_is_no_whole_dbf_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(BadData, match=why):
        read(body)


@pytest.mark.parametrize("end", [b"", b"\x1a", b"\x1a\0\0\0", b"\r\n\x1a"])
def test_any_end_of_a_whole_file_is_right(end: bytes) -> None:
    assert len(read(dbf(ACCOUNTS, PEOPLE, end=end))) == 3


def test_a_column_that_stands_twice_or_in_another_file_is_refused_only_when_it_is_wanted() -> None:
    columns: list[Column] = [("LS", "C", 5, 0), ("LS", "C", 5, 0), ("NOTE", "M", 10, 0), ("OK", "C", 5, 0)]
    table = opened(dbf(columns, [("1", "2", "", "x")]))
    table.require(["OK"])
    with pytest.raises(SchemaDrift, match="«LS» стоит в заголовке дважды"):
        table.require(["LS"])
    with pytest.raises(SchemaDrift, match="«NOTE» — memo"):
        table.require(["NOTE"])
    with pytest.raises(SchemaDrift, match="нет колонки «SUMA», есть похожая «SUMMA»"):
        opened(dbf(ACCOUNTS, PEOPLE)).require(["SUMA"])


def test_a_shifted_record_costs_itself() -> None:
    body = bytearray(dbf(ACCOUNTS, PEOPLE))
    body[32 + 32 * 4 + 1 + 63] = ord("x")  # the mark of the second record
    (part,) = opened(bytes(body)).batches(["LS"])
    assert part.columns == [["000012345", "000012347"]]
    assert [(fault.row, fault.reason[:12]) for fault in part.faults] == [(2, "перед записью"[:12])]


def test_a_text_of_clipper_may_be_longer_than_255() -> None:
    body = bytearray(dbf([("A", "C", 44, 1)], [("x",)]))
    head = struct.pack("<B3sIHH17xB2x", 3, b"\x7e\x0b\x01", 1, 65, 301, 0x65)
    assert read(head + bytes(body[32:65]) + b" " + "длинно".encode("cp866").ljust(300) + b"\x1a") == [("длинно",)]


CELL = st.text("абвгдежзийЁЯ xyz.;", max_size=10).map(str.strip)
NUMBER = st.decimals(-99999, 99999, places=2, allow_nan=False)


@settings(max_examples=40)
@given(st.lists(st.tuples(CELL, NUMBER, st.dates()), max_size=8), st.sets(st.integers(0, 7)))
def test_whatever_is_written_another_reader_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], deleted: set[int]
) -> None:
    columns: list[Column] = [("TEXT", "C", 10, 0), ("SUM", "N", 12, 2), ("DAY", "D", 8, 0)]
    records = [(text, str(number), f"{day.year:04d}{day:%m%d}") for text, number, day in rows]
    body = dbf(columns, records, deleted=sorted(deleted))
    path = tmp_path_factory.getbasetemp() / "judged.dbf"
    path.write_bytes(body)
    judge = dbfread.DBF(path, parserclass=dbfread.FieldParser)
    said = [(row["TEXT"], float(row["SUM"]), row["DAY"].isoformat()) for row in judge]
    assert [(text or "", float(number), day) for text, number, day in read(body)] == said


@settings(max_examples=150)
@given(st.integers(0, len(dbf(ACCOUNTS, PEOPLE)) - 1), st.binary(min_size=1, max_size=3), st.booleans())
def test_any_damage_is_a_sentence_or_costs_only_rows_that_are_told(place: int, noise: bytes, cut: bool) -> None:
    body = dbf(ACCOUNTS, PEOPLE)
    body = body[:place] + (b"" if cut else noise + body[place + len(noise) :])
    try:
        table = opened(body)
        table.require(table.columns)
        parts = list(table.batches(table.columns))
    except BadData as error:
        assert str(error).startswith("acc.dbf")  # noqa: PT017 - either outcome is right
    else:
        assert sum(part.rows + len(part.faults) for part in parts) == table.stated().rows
