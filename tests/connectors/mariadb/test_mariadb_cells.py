"""Does every cell of MariaDB arrive exactly, or as it stands so that validation rejects just its row?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.mariadb import literal
from lk_sync.contracts import FieldMap, Wanted
from lk_sync.errors import SchemaDrift
from lk_sync.records import plain_account
from tests.at_the_base import taken, wanted
from tests.at_the_mariadb import TheMariaDb

COLUMNS = {
    "account": "ЛС",
    "payment": "Док №",
    "paid_on": "Дата",
    "period": "Месяц",
    "amount_kopecks": "Сумма",
    "channel": "Канал",
}
PAYMENTS = wanted("payments", COLUMNS, table="Платежи")
TABLE = """
CREATE OR REPLACE TABLE `Платежи` (
    `ЛС` varchar(20), `Док №` varchar(40), `Дата` date, `Месяц` datetime, `Сумма` decimal(15,2),
    `Канал` varchar(100), KEY (`ЛС`)) CHARACTER SET cp1251;
SET sql_mode = 'ALLOW_INVALID_DATES,NO_BACKSLASH_ESCAPES';
"""
GOOD = {"ЛС": "'000012345'", "Док": "'П-1'", "Дата": "'2026-11-05'", "Месяц": "'2026-10-01'", "Сумма": "12.30",
        "Канал": "'касса'"}  # fmt: skip


def put(maria: TheMariaDb, *rows: dict[str, str]) -> None:
    lines = ", ".join(f"({', '.join((GOOD | row).values())})" for row in rows)
    maria.books(f"{TABLE} INSERT INTO `Платежи` VALUES {lines};")


def test_a_good_row_comes_exactly(maria: TheMariaDb) -> None:
    put(maria, {})
    (batch,) = maria.pull(PAYMENTS)
    assert batch.exact
    assert [column[0] for column in batch.columns] == [1000012345, "П-1", "2026-11-05", 202610, 1230, "касса"]
    totals = maria.totals(PAYMENTS)
    assert totals is not None
    assert (totals.rows, totals.sums) == (1, {"amount_kopecks": 1230})


@pytest.mark.parametrize(
    ("column", "odd", "reason"),
    [
        ("Дата", "'0000-00-00'", "обязательное"),
        ("Дата", "'2026-02-30'", "нет в календаре"),
        ("Дата", "'2026-00-00'", "нет в календаре"),
        ("Дата", "'0001-01-01'", "обязательное"),
        ("Месяц", "'2026-10-01 00:00:01'", "не дата"),
        ("Сумма", "NULL", "обязательное"),
        ("ЛС", "''", "обязательное"),
        ("ЛС", "'],[1'", "не номер"),
        ("Канал", "'a\x01b'", "недопустимый знак"),
    ],
)
def test_an_odd_cell_rejects_its_row_only(maria: TheMariaDb, column: str, odd: str, reason: str) -> None:
    put(maria, {"ЛС": "'1'"}, {column: odd}, {"ЛС": "'3'"})
    rows, rejects = taken(PAYMENTS, maria.pull(PAYMENTS))
    assert [row[0] for row in rows] == ["1", "3"]
    (reject,) = rejects
    assert reason in reject.reason


@pytest.mark.parametrize("word", ['"', "\\", "'", "Ёё «»", "a\\u0041b", "{}[];:?", "a\tb"])
def test_texts_come_as_they_are_written(maria: TheMariaDb, word: str) -> None:
    put(maria, {"Канал": "'" + word.replace("'", "''") + "'"})
    rows, rejects = taken(PAYMENTS, maria.pull(PAYMENTS))
    assert (rows[0][5], rejects) == (word, [])


def test_words_that_differ_in_case_only_stay_apart(maria: TheMariaDb) -> None:
    put(maria, *({"ЛС": f"'{i:05d}'", "Канал": word} for i, word in enumerate(("'Ёж'", "'ёж'", "'ЕЖ'", "'ёж '") * 5)))
    rows, _ = taken(PAYMENTS, maria.pull(PAYMENTS))
    assert [row[5] for row in rows] == ["Ёж", "ёж", "ЕЖ", "ёж"] * 5


def test_moments_of_both_kinds_are_days_of_the_supplier(maria: TheMariaDb) -> None:
    maria.books(
        "CREATE OR REPLACE TABLE `Моменты` (`ЛС` int unsigned, `Док` bigint unsigned, `Дата` timestamp NULL,"
        " `Месяц` datetime, `Сумма` decimal(20,4), `Канал` enum('а','б'));"
        "SET time_zone = '+00:00';"
        "INSERT INTO `Моменты` VALUES (1, 18446744073709551615, '2026-10-31 21:00:00', '2026-10-01', 5, 'б'),"
        " (2, 2, '2010-07-01 20:00:00', '2010-07-01', 5.0100, 'а'),"
        " (3, 3, '2010-12-31 21:00:00', '2011-01-01', 5.001, 'а')"
    )
    columns = COLUMNS | {"payment": "Док"}
    for origin in ({"table": "Моменты"}, {"query": "SELECT * FROM `Моменты` -- всё"}):
        wish: Any = wanted("payments", columns, **origin)
        rows, rejects = taken(wish, maria.pull(wish))
        assert [(row[1], row[2], row[4]) for row in rows] == [
            ("18446744073709551615", "2026-11-01", 500), ("2", "2010-07-02", 501),
        ]  # fmt: skip
        assert ["больше 2 знаков" in reject.reason for reject in rejects] == [True]


# Any type


def cell(maria: TheMariaDb, kind: str, said: str, field: str, **options: Any) -> tuple[list[Any], list[str]]:
    """What becomes of a cell of this type, as a table and as a query: values taken, reasons of rejects."""
    maria.books(
        "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00';"
        f"CREATE OR REPLACE TABLE `Т` (`ЛС` int, `Я` {kind}); INSERT INTO `Т` VALUES (1, {said})"
    )
    dataset = {"amount_kopecks": "payments", "automatic": "meters", "digits_int": "meters"}.get(field, "accounts")
    seen = []
    for origin in ({"table": "Т"}, {"query": "SELECT * FROM `Т`"}):
        wish: Any = wanted(dataset, {field: "Я"}, options=options, **origin)
        rows, rejects = taken(wish, maria.pull(wish))
        seen.append(([row[0] for row in rows], [reject.reason for reject in rejects]))
    assert seen[0] == seen[1]
    return seen[0]


@pytest.mark.parametrize(
    ("kind", "said", "field", "value"),
    [
        ("decimal(65,30)", "1.500000000000000000000000000000", "amount_kopecks", 150),
        ("decimal(65,0)", "999999999999999", "amount_kopecks", 99999999999999900),
        ("decimal(20,4)", "-0.0700", "amount_kopecks", -7),
        ("bigint", "-123456789012345", "amount_kopecks", -12345678901234500),
        ("bigint unsigned", "123456789012345", "amount_kopecks", 12345678901234500),
        ("tinyint unsigned zerofill", "7", "amount_kopecks", 700),
        ("varchar(20)", "'12,30'", "amount_kopecks", 1230),
        ("decimal(20,0)", "5", "account", 15),
        ("int(9) zerofill", "42", "account", 1000000042),
        ("bigint unsigned", "123456789012345678", "account", 1123456789012345678),
        ("varchar(20) CHARACTER SET cp1251", "'12-А/3'", "account", "12-А/3"),
        ("bit(1)", "b'1'", "automatic", 1),
        ("bit(1)", "b'0'", "automatic", 0),
        ("tinyint(1)", "1", "automatic", 1),
        ("bool", "false", "automatic", 0),
        ("enum('нет','да')", "'да'", "automatic", 1),
        ("year", "2026", "digits_int", 2026),
        ("smallint", "5", "digits_int", 5),
        ("decimal(9,3)", "5.000", "digits_int", 5),
        ("date", "'2026-10-01'", "opened_on", "2026-10-01"),
        ("date", "'0000-00-00'", "opened_on", None),
        ("date", "'0001-01-01'", "opened_on", None),
        ("datetime", "'0000-00-00 00:00:00'", "opened_on", None),
        ("timestamp", "'0000-00-00 00:00:00'", "opened_on", None),
        ("datetime(6)", "'2026-10-01 00:00:00.000000'", "opened_on", "2026-10-01"),
        ("timestamp(6) NULL", "'2026-09-30 21:00:00.000000'", "opened_on", "2026-10-01"),
        ("timestamp NULL", "'1981-06-30 20:00:00'", "opened_on", "1981-07-01"),
        ("timestamp NULL", "'2013-10-31 20:00:00'", "opened_on", "2013-11-01"),
        ("varchar(20)", "'01.10.2026'", "opened_on", "2026-10-01"),
        ("time", "'838:59:59'", "address", "838:59:59"),
        ("time(6)", "'-00:00:01.5'", "address", "-00:00:01.500000"),
        ("json", "'{\"а\": 1}'", "address", '{"а": 1}'),
        ("uuid", "'5c3a5d1e-0000-4000-8000-000000000001'", "address", "5c3a5d1e-0000-4000-8000-000000000001"),
        ("inet6", "'::1'", "address", "::1"),
        ("set('а','б','в')", "'а,в'", "address", "а,в"),
        ("decimal(9,2)", "12.50", "address", "12.50"),
        ("char(20)", "'  ёлка  '", "address", "ёлка"),
        ("text CHARACTER SET koi8r", "'Ёлка №'", "address", "Ёлка ?"),
        ("text CHARACTER SET ucs2", "'Ёлка'", "address", "Ёлка"),
        ("varchar(20) COLLATE utf8mb4_unicode_ci", "'😀 а\u0301'", "address", "😀 а\u0301"),
    ],
)
def test_a_cell_of_any_type_comes_exactly(maria: TheMariaDb, kind: str, said: str, field: str, value: Any) -> None:
    values, reasons = cell(maria, kind, said, field)
    assert reasons == []
    assert values[0] in (value, plain_account(str(value)[1:]) if field == "account" else value)


@pytest.mark.parametrize(
    ("kind", "said", "field", "reason"),
    [
        ("decimal(65,0)", "9" * 65, "amount_kopecks", "не число"),
        ("decimal(65,30)", "9" * 35 + "." + "9" * 30, "amount_kopecks", "не число"),
        ("decimal(10,3)", "0.005", "amount_kopecks", "больше 2 знаков"),
        ("bigint unsigned", "18446744073709551615", "amount_kopecks", "не число"),
        ("bigint", "-9223372036854775808", "amount_kopecks", "не число"),
        ("date", "'2026-02-31'", "opened_on", "нет в календаре"),
        ("date", "'2026-10-00'", "opened_on", "нет в календаре"),
        ("datetime", "'2026-00-00'", "opened_on", "нет в календаре"),
        ("date", "'1899-12-31'", "opened_on", "вне разумных"),
        ("date", "'9999-12-31'", "opened_on", "вне разумных"),
        ("datetime(6)", "'2026-10-01 00:00:00.000001'", "opened_on", "не дата"),
        ("timestamp(6) NULL", "'2026-10-01 00:00:00'", "opened_on", "не дата"),
        ("varchar(9)", "'a\x01b'", "address", "недопустимый знак"),
        ("varchar(9)", "'a\\0b'", "address", "недопустимый знак"),
        ("tinyint(1)", "2", "automatic", "да/нет"),
        ("tinyint", "-5", "account", "не номер"),
        ("decimal(9,1)", "5.5", "digits_int", "больше 0 знаков"),
    ],
)
def test_a_cell_of_any_type_that_cannot_be_is_rejected(
    maria: TheMariaDb, kind: str, said: str, field: str, reason: str
) -> None:
    values, reasons = cell(maria, kind, said, field)
    assert values == []
    assert [reason in found for found in reasons] == [True]


@pytest.mark.parametrize(
    ("kind", "said", "instant"),
    [
        ("timestamp(6) NULL", "'2026-09-30 21:30:00.123456'", "2026-09-30T21:30:00.123Z"),
        ("datetime(6)", "'2026-10-01 00:30:00.123456'", "2026-09-30T21:30:00.123Z"),
        ("datetime", "'2026-10-01 00:30:00'", "2026-09-30T21:30:00Z"),
        ("date", "'2026-10-01'", "2026-09-30T21:00:00Z"),
        ("timestamp", "'0000-00-00 00:00:00'", None),
        ("datetime", "'0000-00-00 00:00:00'", None),
    ],
)
def test_a_datetime_is_the_supplier_s_time_and_a_timestamp_its_own(
    maria: TheMariaDb, kind: str, said: str, instant: str | None
) -> None:
    maria.books(
        f"SET sql_mode = '', time_zone = '+00:00'; CREATE OR REPLACE TABLE `Миг` (`Когда` {kind});"
        f"INSERT INTO `Миг` VALUES ({said})"
    )
    moment = FieldMap(name="opened_on#1", kind="datetime", required=False, column="Когда")
    for origin in ({"table": "Миг"}, {"query": "SELECT * FROM `Миг`"}):
        wish: Any = Wanted(
            dataset=wanted("accounts", {}).dataset, fields=(moment,), time_zone="Europe/Moscow", **origin
        )
        ((seen,),), rejects = taken(wish, maria.pull(wish))
        assert rejects == []
        assert (seen and datetime.fromisoformat(seen)) == (instant and datetime.fromisoformat(instant))


@pytest.mark.parametrize("kind", ["double", "float", "double(12,2)"])
def test_binary_fractions_are_read_where_the_operator_says_so_and_never_rounded(maria: TheMariaDb, kind: str) -> None:
    assert cell(maria, kind, "12.30", "amount_kopecks", rounded=["Я"]) == ([1230], [])
    with pytest.raises(SchemaDrift, match=r"неточно.*options\.rounded"):
        cell(maria, kind, "12.30", "amount_kopecks")
    if kind == "double":
        assert cell(maria, kind, "0.1e0 + 0.2e0", "amount_kopecks", rounded=["Я"]) == ([30], [])
        assert cell(maria, kind, "0.005", "amount_kopecks", rounded=["Я"]) == ([], ["больше 2 знаков после запятой"])


NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9),
    st.integers(-(10**20), 10**20).map(Decimal),
)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ROWS = st.lists(st.tuples(NUMBERS, st.none() | NUMBERS, WORDS, st.none() | WORDS), min_size=1, max_size=8)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_what_is_taken_is_exact_and_no_row_is_lost(maria: TheMariaDb, rows: list[tuple[Any, ...]]) -> None:
    maria.books(
        "CREATE OR REPLACE TABLE `Всё` (`ид` int PRIMARY KEY, `С` decimal(40,12) NOT NULL, `О` decimal(40,12), `А` text"
        " NOT NULL, `П` text COLLATE utf8mb4_unicode_ci);"
        f"INSERT INTO `Всё` VALUES {', '.join(map(written, enumerate(rows)))}"
    )
    fields = (
        FieldMap(name="digits_int", kind="int", required=True, column="ид"),
        FieldMap(name="charged_kopecks", kind="money", required=True, column="С"),
        FieldMap(name="volume_micro", kind="volume", required=False, column="О"),
        FieldMap(name="address", kind="text", required=True, column="А"),
        FieldMap(name="reason", kind="code", required=False, column="П"),
    )
    wish = Wanted(dataset=wanted("charges", {}).dataset, fields=fields, table="Всё", time_zone="UTC")
    seen, rejects = taken(wish, maria.pull(wish))
    assert len(seen) + len({reject.row for reject in rejects}) == len(rows)
    for place, kopecks, micro, address, reason in seen:
        sum_, volume, text, word = rows[place]
        assert (Decimal(kopecks) / 100, None if micro is None else Decimal(micro) / 10**6) == (sum_, volume)
        assert (address, reason) == (text.strip(), (word or "").strip() or None)


def written(numbered: tuple[int, tuple[Any, ...]]) -> str:
    place, (sum_, volume, text, word) = numbered
    numbers = [str(place), f"{sum_:f}", "NULL" if volume is None else f"{volume:f}"]
    return f"({', '.join([*numbers, literal(text), literal(word)])})"
