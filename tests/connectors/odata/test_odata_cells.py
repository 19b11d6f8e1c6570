"""Cells keep every digit, what is empty in 1C is absent, and a spoilt answer never costs a row unnoticed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.odata import pages
from connectors.odata.metadata import Property
from connectors.odata.pages import Columns, NoPage
from connectors.odata.spool import Spool
from tests.at_the_1c import The1C, payments
from tests.at_the_base import taken

KNOWN = (
    Property("Ref_Key", "Edm.Guid", "guid"),
    Property("Сумма", "Edm.Double", "number"),
    Property("Дата", "Edm.DateTime", "moment"),
    Property("Строка", "Edm.Int64", "whole"),
    Property("Основание", "Edm.String", "text", composite=True),
    Property("Проведен", "Edm.Boolean", "bool"),
)
COLUMNS = Columns(
    read=[pages.reader(each, rounded=False) for each in KNOWN],
    needed=[each.name for each in KNOWN],
    key=("Ref_Key",),
    watermark="Дата",
)
ROW = (
    '{"Ref_Key": "11111111-aaaa-4aaa-8aaa-000000000001", "Сумма": %s, "Дата": "%s", "Строка": "7", '
    '"Основание": "%s", "Основание_Type": "%s", "Проведен": true}'
)
QUITE = ("2412.07", "2026-02-28T23:59:59", "22222222-bbbb-4bbb-8bbb-000000000001", "StandardODATA.Document_Договор")


def parsed(*cells: str) -> pages.Rows:
    return pages.rows(pages.listed(f'{{"value": [{ROW % cells}]}}'.encode()), COLUMNS, until="2026-12-31T00:00:00")


@pytest.mark.parametrize(
    ("literal", "told"),
    [
        ("2412.07", "2412.07"),
        ("0.1", "0.1"),
        ("306.27000000000001", "306.27000000000001"),  # not rounded: the validation will reject it
        ('"6626"', "6626"),
        ("-15", -15),
        ("1E+3", "1000"),
        ("1.5e-2", "0.015"),
        ("1e999999999", "1e999999999"),
        ("NaN", "NaN"),
        ("9" * 400, "9" * 400),
        ("null", None),
    ],
)
def test_a_number_stays_as_it_is_written(literal: str, told: Any) -> None:
    assert parsed(literal, *QUITE[1:]).columns[1] == [told]


def test_what_is_empty_in_1c_is_absent() -> None:
    rows = parsed("1", "0001-01-01T00:00:00", "", "StandardODATA.Undefined")
    assert [column[0] for column in rows.columns[2:]] == [None, "7", None, "true"]
    assert rows.watermark is None
    nothing = parsed("1", QUITE[1], "00000000-0000-0000-0000-000000000000", QUITE[3])
    assert nothing.columns[4] == [None]


def test_a_type_without_a_value_is_not_a_value() -> None:
    assert parsed("1", QUITE[1], "что-то", "StandardODATA.Undefined").columns[4] == [None]


def test_rounded_numbers_have_their_fifteen_true_digits() -> None:
    read = pages.reader(Property("Сумма", "Edm.Double", "number"), rounded=True)
    said = {
        "306.27000000000001": "306.270000000000",
        "0.30000000000000004": "0.300000000000000",
        "x": "x",
        "NaN": "NaN",
    }
    assert {text: read({"Сумма": text}) for text in said} == said
    assert read({"Сумма": 5}) == 5


def test_a_watermark_from_the_future_counts_for_nothing() -> None:
    assert parsed(*QUITE).watermark == "2026-02-28T23:59:59"
    assert parsed(QUITE[0], "2199-01-01T00:00:00", *QUITE[2:]).watermark is None


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("null", "не запись 1С"),
        ('"текст"', "не запись 1С"),
        ("{}", "нет реквизита «Ref_Key»"),
        (ROW % ('{"a": 1}', *QUITE[1:]), "вложенные данные"),
    ],
)
def test_a_row_that_is_no_row_is_a_fault_beside_the_others(row: str, why: str) -> None:
    body = f'{{"value": [{ROW % QUITE}, {row}, {ROW % QUITE}]}}'
    made = pages.rows(pages.listed(body.encode()), COLUMNS, until="2026-12-31T00:00:00")
    (fault,) = made.faults
    assert (fault.row, made.numbers, made.count) == (2, [1, 3], 3)
    assert why in fault.reason


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"value": {}}', b'{"value": [', b"\xff\xfe", b"[" * 100_000, b'{"odata.error": {}}', b"nul"]
)
def test_what_is_no_list_of_rows_is_told(body: bytes) -> None:
    with pytest.raises(NoPage):
        pages.listed(body)


def test_half_a_letter_is_rejected_by_name_and_harms_nothing() -> None:
    row = ROW % (r'"\ud83d"', *QUITE[1:])
    rows = pages.rows(pages.listed(f'{{"value": [{row}]}}'.encode()), COLUMNS, until="2026-12-31T00:00:00")
    spool = Spool()
    spool.add(rows)
    (batch,) = spool.batches("x")
    assert "\ufffd" in batch.columns[1][0]


GOOD = f'{{"value": [{", ".join([ROW % QUITE] * 3)}]}}'.encode()


@settings(max_examples=200)
@given(st.data())
def test_spoilt_answers_never_crash_and_never_drop_a_row(data: st.DataObject) -> None:
    """Bytes are put in, taken out and exchanged: the answer is told to be broken, or every row of it is counted."""
    body = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(
                st.binary(max_size=3), st.sampled_from([b"null", b"{}", b"[1]", b"1e400", b'"', b"\\ud800", b",", b"-"])
            )
        )
    try:
        found = pages.listed(bytes(body))
    except NoPage:
        return
    assert len(found) == len(json.loads(bytes(body).decode("utf-8-sig"), parse_int=str)["value"])
    counted(found)


CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("2026-02-28T23:59:59"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=80)
@given(st.lists(CELLS | st.fixed_dictionaries({each.name: CELLS for each in KNOWN}), max_size=6))
def test_rows_of_any_kind_are_counted(found: list[Any]) -> None:
    counted(pages.listed(json.dumps({"value": found}).encode()))


def counted(found: list[Any]) -> None:
    rows = pages.rows(found, COLUMNS, until="2026-12-31T00:00:00")
    assert len(rows.numbers) + len(rows.faults) == len(found) == rows.count
    assert {len(column) for column in rows.columns} == {len(rows.numbers)}
    spool = Spool()
    spool.add(rows)
    spool.add(rows)
    batches = list(spool.batches("x"))
    assert sum(batch.rows + len(batch.faults) for batch in batches) == 2 * len(found) == spool.rows


def test_sums_are_exact_to_the_kopeck_however_they_are_written(onec: The1C) -> None:
    known = sum((row["Сумма"] for row in onec.served.base.rows["Document_ПлатежАбонента"]), Decimal(0))
    for as_text in (False, True):
        onec.traps.numbers_as_text = as_text
        wanted = payments(onec).asked
        rows, rejects = taken(wanted, onec.pull(wanted))
        place = next(i for i, field in enumerate(wanted.fields) if field.name == "amount_kopecks")
        assert rejects == []
        assert sum(row[place] for row in rows) == known * 100
