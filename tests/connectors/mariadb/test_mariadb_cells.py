"""Does every cell of MariaDB arrive exactly, or as it stands so that validation rejects just its row?"""

from __future__ import annotations

from typing import Any

import pytest

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
