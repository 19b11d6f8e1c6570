"""XML of any region: rows by the name of their element, columns by paths, memory that does not grow."""

from __future__ import annotations

import io
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.contract import Opened, Portion
from connectors.formats.options import FileOptions
from connectors.formats.registry import open_file
from lk_sync.errors import BadData, SchemaDrift, SettingsError

REGION = """<?xml version="1.0" encoding="windows-1251"?>
<rep_ivc period="112026"><Дата>03.11.2026</Дата>
 <platezhki><item ls="000012345"><fio>Иванов &amp; сын</fio>
  <nachislenie><vid>Отопление</vid><koplate>1234,50</koplate></nachislenie>
  <nachislenie><vid>ГВС</vid><koplate ed="руб">-10,00</koplate></nachislenie></item>
 <item ls="000012346"><fio/>
  <nachislenie><vid>Отопление</vid><koplate>0,05</koplate></nachislenie></item></platezhki></rep_ivc>
"""


def opened(body: bytes | str, **options: Any) -> Opened:
    raw = body.encode() if isinstance(body, str) else body
    return open_file(io.BytesIO(raw), name="rep.xml", options=FileOptions(**options))


def portions(body: bytes | str, *columns: str, **options: Any) -> list[Portion]:
    table = opened(body, **options)
    table.require(columns)
    return list(table.batches(columns, size=2))


def read(body: bytes | str, *columns: str, **options: Any) -> list[tuple[Any, ...]]:
    found = []
    for part in portions(body, *columns, **options):
        assert not part.faults, part.faults
        found += list(zip(*part.columns, strict=True))
    return found


def test_rows_know_what_stands_around_them() -> None:
    columns = ("../@ls", "../fio", "vid", "koplate", "koplate/@ed", "../../../@period", "../../../Дата")
    assert read(REGION.encode("cp1251"), *columns, row="nachislenie") == [
        ("000012345", "Иванов & сын", "Отопление", "1234,50", None, "112026", "03.11.2026"),
        ("000012345", "Иванов & сын", "ГВС", "-10,00", "руб", "112026", "03.11.2026"),
        ("000012346", None, "Отопление", "0,05", None, "112026", "03.11.2026"),
    ]


def test_a_row_may_be_named_by_its_path() -> None:
    body = "<a><b><x>1</x></b><c><b><x>2</x></b></c></a>"
    assert read(body, "x", row="c/b") == [("2",)]
    assert read(body, "x", row="a/b") == [("1",)]
    assert read(body, "x", row="b") == [("1",), ("2",)]


def test_an_element_that_stands_twice_in_a_row_costs_the_row_when_it_is_wanted() -> None:
    (part,) = portions(REGION.encode("cp1251"), "@ls", "nachislenie/vid", row="item")
    assert (part.columns[0], part.rows) == (["000012346"], 1)
    assert [(fault.row, fault.reason) for fault in part.faults] == [
        (1, "элемент «nachislenie/vid» стоит в строке 2 раза")
    ]
    assert read(REGION.encode("cp1251"), "@ls", row="item") == [("000012345",), ("000012346",)]


def test_namespaces_are_left_out_or_meant() -> None:
    body = '<r xmlns="urn:a" xmlns:q="urn:b"><i><s>1</s><q:s>2</q:s></i></r>'
    assert portions(body, "s", row="i")[0].faults
    assert read(body, "s", "b:s", row="i", namespaces={"b": "urn:b"}) == [("1", "2")]


def test_nil_and_empty_are_told_apart() -> None:
    body = '<r xmlns:x="http://www.w3.org/2001/XMLSchema-instance"><i><s x:nil="true"/><t/></i></r>'
    assert read(body, "s", "t", row="i") == [(None, "")]


def test_a_missing_path_is_named_with_the_nearest() -> None:
    with pytest.raises(SchemaDrift, match="нет колонки «koplata», есть похожая «koplate»"):
        opened(REGION.encode("cp1251"), row="nachislenie").require(["koplata"])


def test_a_document_without_rows_says_what_there_is() -> None:
    with pytest.raises(BadData, match="нет ни одного элемента «Платеж»; встречаются: nachislenie"):
        opened(REGION.encode("cp1251"), row="Платеж")
    assert read("<Реестр><Дата>1</Дата></Реестр>", "Сумма", row="Платеж") == []


def test_without_the_name_of_a_row_nothing_is_read() -> None:
    with pytest.raises(SettingsError, match=r"options\.row"):
        opened(REGION.encode("cp1251"))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "это не XML"),
        (b"a;b\n1;2\n", "это не XML"),
        (REGION.encode("cp1251")[:-20], "это не XML или он обрезан"),
        (REGION.replace("windows-1251", "utf-8").encode("cp1251"), "похоже, что кодировка cp1251"),
        (REGION.replace("windows-1251", "martian").encode("cp1251"), "martian"),
        (b'<!DOCTYPE r [<!ENTITY a "aaaa">]><r>&a;</r>', "DOCTYPE"),
        (b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', "DOCTYPE"),
        (b"<i>" * 100 + b"</i>" * 100, "вложенность"),
        (b"<r><i>" + b"x" * (5 << 20) + b"</i></r>", "больше 4 МиБ"),
        (b"<r><i>" + b"<s/>" * 100_000 + b"</i></r>", "больше 4 МиБ"),
    ],
)  # fmt: skip
def test_what_is_no_whole_document_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(BadData, match=why) as error:
        read(body, "s", row="i" if b"<i>" in body else "nachislenie")
    assert str(error.value).startswith("rep.xml")


def test_an_encoding_may_be_forced() -> None:
    wrong = REGION.replace("windows-1251", "utf-8").encode("cp1251")
    assert read(wrong, "vid", row="nachislenie", encoding="cp1251")[1] == ("ГВС",)


def test_other_feeds_are_read_too() -> None:
    feed = '<feed xmlns="http://www.w3.org/2005/Atom"><e><v>5</v></e><e><v>6</v></e></feed>'
    assert read(feed, "v", row="feed/e") == [("5",), ("6",)]


def test_memory_does_not_grow_with_the_document() -> None:
    def peak(rows: int) -> int:
        file = io.BytesIO(b"<r>" + b"<i><s>1</s><n>x</n></i>" * rows + b"</r>")
        tracemalloc.start()
        table = open_file(file, name="r.xml", options=FileOptions(row="i"))
        assert sum(part.rows for part in table.batches(["s"], size=500)) == rows
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(20_000) < 1.2 * peak(5_000)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(REGION.encode("cp1251")) - 1), st.binary(min_size=1, max_size=3), st.booleans())
def test_any_damage_is_a_sentence_or_rows(place: int, noise: bytes, cut: bool) -> None:
    body = REGION.encode("cp1251")
    body = body[:place] + (b"" if cut else noise + body[place + len(noise) :])
    try:
        table = opened(body, row="nachislenie")
        rows = sum(part.rows + len(part.faults) for part in table.batches(table.columns))
    except BadData as error:
        assert str(error).startswith("rep.xml")  # noqa: PT017 - either outcome is right
    else:
        assert rows in (2, 3)
