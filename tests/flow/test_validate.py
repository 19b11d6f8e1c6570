"""Cells of a source become exact values, or a sentence that says why not."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lk_sync.contracts import Batch, FieldMap, Wanted
from lk_sync.flow.validate import Unfit, Validator, account_number, converter, scaled
from lk_sync.records import DATASETS, Kind, month_number, month_text, next_month, plain_account


def field(kind: Kind, *, required: bool = True, **other: Any) -> FieldMap:
    return FieldMap(name="x", kind=kind, required=required, column="x", **other)


@given(st.integers(-(10**13), 10**13))
def test_money_is_exact_in_every_spelling(kopecks: int) -> None:
    rubles = Decimal(kopecks).scaleb(-2)
    for spelling in (rubles, str(rubles), format(rubles, "f").replace(".", ","), f" {rubles} "):
        assert scaled(spelling, 2) == kopecks


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_a_decimal_is_taken_exactly_or_not_at_all(value: Decimal) -> None:
    try:
        kopecks = scaled(value, 2)
    except Unfit:
        assert not value.is_finite() or (Fraction(value) * 100).denominator != 1 or abs(value) >= 10**15
    else:
        assert kopecks == Fraction(value) * 100


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_sentence(text: str) -> None:
    try:
        found: object = scaled(text, 2)
    except Unfit as error:
        found = error
    assert isinstance(found, int) or str(found)


@pytest.mark.parametrize(
    ("kind", "value", "becomes"),
    [
        ("money", "−12,30", -1230),
        ("money", 7, 700),
        ("volume", "0.0243", 24300),
        ("date", date(2026, 2, 28), "2026-02-28"),
        ("date", datetime(2026, 2, 28), "2026-02-28"),  # noqa: DTZ001 - drivers give naive midnights
        ("date", "28.02.2026", "2026-02-28"),
        ("date", "2026-02-28T00:00:00", "2026-02-28"),
        ("month", "2026-10", 202610),
        ("month", "10.2026", 202610),
        ("month", "2026-10-01", 202610),
        ("bool", "Истина", 1),
        ("bool", False, 0),
        ("int", "3", 3),
        ("account", " 00 123 ", "00123"),
        ("account", "１２３", "123"),
        ("text", "  ООО «Ё»  ", "ООО «Ё»"),
        ("datetime", "2026-10-01T03:00:00", "2026-10-01T00:00:00.000Z"),
    ],
)
def test_a_cell_becomes_its_value(kind: Kind, value: object, becomes: object) -> None:
    assert converter(field(kind), "Europe/Moscow")(value) == becomes


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("money", "1.005", "больше 2 знаков"),
        ("money", 1.5, "плавающей точкой"),
        ("money", "1 23,56", "не число"),
        ("money", "12 34", "не число"),
        ("money", "1 2345,56", "не число"),
        ("money", "NaN", "не число"),
        ("money", "1e3", "не число"),
        ("money", "", "обязательное"),
        ("money", None, "обязательное"),
        ("date", "31.02.2026", "нет в календаре"),
        ("date", "0044-03-15", "вне разумных пределов"),
        ("date", "0001-01-01", "обязательное"),
        ("date", "2026-10-00", "нет в календаре"),
        ("date", "1.2.26", "не дата"),
        ("date", datetime(2026, 2, 28, 1), "со временем"),  # noqa: DTZ001 - drivers give naive times
        ("date", "2026-10-05 12:00:00", "type: datetime"),
        ("month", "2026-10-05 12:00:00", "type: datetime"),
        ("month", "2026-13", "такого месяца нет"),
        ("int", "-1", "отрицательное"),
        ("int", True, "не целое"),
        ("bool", "может быть", "не да/нет"),
        ("account", 123.0, "дробным"),
        ("account", "12;34", "не номер"),
        ("account", "", "обязательное"),
        ("text", "пло\x00хо", "кодировка"),
        ("text", "пло\ufffdхо", "кодировка"),
        ("text", "я" * 2001, "длиннее"),
    ],
)
def test_what_does_not_fit_is_told_in_words(kind: Kind, value: object, says: str) -> None:
    with pytest.raises(Unfit, match=says):
        converter(field(kind), "Europe/Moscow")(value)


def test_words_of_the_source_become_our_codes() -> None:
    method = field("code", values={"по прибору": "meter"}, words=("meter", "norm"))
    assert converter(method, "UTC")("по прибору") == "meter"
    with pytest.raises(Unfit, match="не описано в values"):
        converter(method, "UTC")("norm")
    with pytest.raises(Unfit, match="неизвестный код"):
        converter(field("code", words=("meter",)), "UTC")("average")


def test_an_absent_optional_cell_is_none_and_an_empty_component_is_a_value() -> None:
    assert converter(field("date", required=False), "UTC")(" ") is None
    assert converter(field("code"), "UTC")("") == ""


@pytest.mark.parametrize(
    "nothing",
    [
        "0001-01-01",
        "0001-01-01T00:00:00",
        "01.01.0001 0:00:00",
        "0000-00-00",
        "0000-00-00 00:00:00.000000",
        date(1, 1, 1),
        datetime(1, 1, 1),  # noqa: DTZ001 - drivers give naive times
    ],
)
@pytest.mark.parametrize("kind", ["date", "month", "datetime"])
def test_a_date_that_stands_for_no_date_is_absent(kind: Kind, nothing: object) -> None:
    assert converter(field(kind, required=False), "UTC")(nothing) is None
    with pytest.raises(Unfit, match="обязательное"):
        converter(field(kind), "UTC")(nothing)


def test_only_the_bad_rows_of_a_batch_are_left_out() -> None:
    wanted = Wanted(
        dataset=DATASETS["payments"],
        fields=(
            FieldMap(name="account", kind="account", required=True, column="ЛС"),
            FieldMap(name="amount_kopecks", kind="money", required=True, column="Сумма"),
        ),
        table="x",
    )
    batch = Batch(columns=[["1", "2", "3"], ["1", "x", "2.5"]], rows=3, exact=False, first_row=11, where="x")
    seen = Validator(wanted)(batch)
    assert seen.columns == [["1", "3"], [100, 250]]
    assert list(seen.numbers) == [11, 13]
    assert [(r.row, r.key, r.field, r.value) for r in seen.rejects] == [(12, "2", "amount_kopecks", "x")]


@given(st.text(alphabet="0123456789", min_size=1, max_size=18), st.text(alphabet="0123456789", min_size=1, max_size=18))
def test_account_numbers_that_differ_never_share_a_key(one: str, other: str) -> None:
    assert (plain_account(one) == plain_account(other)) == (one == other)
    assert str(plain_account(one))[1:] == one


@given(st.text(max_size=20))
def test_an_account_number_is_canonical_or_refused(text: str) -> None:
    try:
        number = account_number(text)
    except Unfit:
        return
    assert account_number(number) == number


@given(st.integers(190001, 219912).filter(lambda p: 1 <= p % 100 <= 12), st.integers(-500, 500))
def test_months_go_round(period: int, by: int) -> None:
    assert month_number(month_text(period)) == period
    assert next_month(next_month(period, by), -by) == period


def test_an_absent_cell_is_shown_as_nothing() -> None:
    wanted = Wanted(dataset=DATASETS["payments"], fields=(field("money"),))
    batch = Batch(columns=[[None]], rows=1, exact=False, first_row=1, where="x")
    assert [reject.value for reject in Validator(wanted)(batch).rejects] == [""]
