"""Does every cell arrive exactly, or as it stands so that validation rejects just its row?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sql import reading
from demo.postgres import Postgres
from lk_sync.contracts import Batch, Wanted
from lk_sync.flow.validate import account_number
from lk_sync.records import plain_account
from tests.at_the_base import PASSWORD, READER, TheBase, taken, wanted

COLUMNS = {
    "account": "ЛС",
    "period": "Месяц",
    "service": "Услуга",
    "component": "Компонент",
    "volume_micro": "Объем",
    "tariff_micro": "Тариф",
    "method": "Способ",
    "charged_kopecks": "Начислено",
    "recalculated_kopecks": "Перерасчет",
    "recalculation_reason": "Причина",
    "benefit_kopecks": "Льгота",
    "total_kopecks": "Итого",
}
METHODS = {"по прибору": "meter", "по нормативу": "norm", "1/12": "one_twelfth"}
CHARGES = wanted("charges", COLUMNS, table="Начисления", values={"method": METHODS})
GOOD = {
    "ЛС": "000012345",
    "Месяц": "2026-10-01",
    "Услуга": "heating",
    "Компонент": "energy",
    "Объем": "1.234567",
    "Тариф": "2500.1",
    "Способ": "по прибору",
    "Начислено": "0.05",
    "Перерасчет": "-0.50",
    "Причина": None,
    "Льгота": "0",
    "Итого": "-0.45",
}
EXACT = (1000012345, 202610, "heating", "energy", 1234567, 2500100000, "meter", 5, -50, None, 0, -45)


@pytest.fixture(scope="module", autouse=True)
def tables(base: TheBase) -> None:
    types = {
        "ЛС": "text",
        "Месяц": "timestamp",
        "Услуга": "text",
        "Компонент": "text",
        "Способ": "text",
        "Причина": "text",
    }
    columns = ", ".join(f'"{name}" {types.get(name, "numeric")}' for name in GOOD)
    base.books.execute(f'CREATE TABLE "Начисления" ({columns})')


@pytest.fixture
def charges(base: TheBase) -> Iterator[Any]:
    """Puts rows that differ from a good one into an empty table and pulls them."""
    base.books.execute('TRUNCATE "Начисления"')

    def pull(*rows: dict[str, Any]) -> list[Batch]:
        put(base, *rows)
        return base.pull(CHARGES)

    yield pull
    base.books.execute('TRUNCATE "Начисления"')


def put(base: TheBase, *rows: dict[str, Any]) -> None:
    with base.books.cursor().copy('COPY "Начисления" FROM STDIN') as copy:
        for row in rows:
            copy.write_row(tuple((GOOD | row).values()))


def test_a_good_row_comes_exactly(charges: Any) -> None:
    (batch,) = charges({})
    assert batch.exact
    assert tuple(column[0] for column in batch.columns) == EXACT


@pytest.mark.parametrize(
    ("column", "odd", "reason"),
    [
        ("Начислено", "0.005", "больше 2 знаков"),
        ("Начислено", "NaN", "не число"),
        ("Начислено", "Infinity", "не число"),
        ("Начислено", "-Infinity", "не число"),
        ("Начислено", "1000000000000000", "не число"),  # 16 digits: more than money can be
        ("Начислено", "1" + "0" * 300, "не число"),
        ("Начислено", None, "обязательное"),
        ("Объем", "0.0000001", "больше 6 знаков"),
        ("Объем", "NaN", "не число"),
        ("Месяц", None, "обязательное"),
        ("Месяц", "infinity", "не дата"),
        ("Месяц", "-infinity", "не дата"),
        ("Месяц", "1899-12-31", "вне разумных"),
        ("Месяц", "2201-01-01", "вне разумных"),
        ("Месяц", "0044-03-15 BC", "не дата"),
        ("Месяц", "2026-10-01 00:00:01", "не дата"),
        ("ЛС", None, "обязательное"),
        ("ЛС", "", "обязательное"),
        ("ЛС", "  ", "обязательное"),
        ("ЛС", "12345\n", "не номер"),
        ("ЛС", "-5", "не номер"),
        ("ЛС", "1.5,", "не номер"),
        ("ЛС", "5,6", "не номер"),
        ("ЛС", "],[1", "не номер"),
        ("ЛС", '"', "не номер"),
        ("ЛС", "1\\", "не номер"),
        ("Способ", "по звёздам", "не описано"),
        ("Способ", None, "обязательное"),
        ("Способ", "1", "не описано"),
        ("Услуга", None, "обязательное"),
        ("Услуга", "a\x01b", "недопустимый знак"),
        ("Услуга", "a\x7fb", "недопустимый знак"),
        ("Услуга", "a\ufffdb", "недопустимый знак"),
        ("Услуга", "я" * 201, "длиннее"),
    ],
)
def test_an_odd_cell_rejects_its_row_only(charges: Any, column: str, odd: str | None, reason: str) -> None:
    batches = charges({"ЛС": "1"}, {column: odd}, {"ЛС": "3"})
    rows, rejects = taken(CHARGES, batches)
    assert [row[0] for row in rows] == ["1", "3"]
    assert [row[1:] for row in rows] == [EXACT[1:]] * 2
    (reject,) = rejects
    assert COLUMNS[reject.field] == column
    assert reason in reject.reason
    assert not any(batch.exact for batch in batches)


@pytest.mark.parametrize(
    ("column", "unusual", "cell"),
    [
        ("ЛС", "0" * 18, int("1" + "0" * 18)),
        ("ЛС", "9" * 18, int("1" + "9" * 18)),
        ("ЛС", "7  ", 17),
        ("Начислено", "999999999999999.99", 99999999999999999),
        ("Начислено", "-999999999999999.99", -99999999999999999),
        ("Начислено", "1.500000000000000000000000000000", 150),
        ("Начислено", "100", 10000),
        ("Объем", None, None),
        ("Объем", "-0.000001", -1),
        ("Месяц", "1900-01-31", 190001),
        ("Месяц", "2200-12-31", 220012),
        ("Способ", " по нормативу ", "norm"),
        ("Способ", "1/12", "one_twelfth"),
        ("Услуга", "  heating ", "heating"),
        ("Услуга", "", ""),
        ("Услуга", "a\"b\\c'd{e}f?g;h,i", "a\"b\\c'd{e}f?g;h,i"),
        ("Услуга", "горячая вода, «ё»\u00a0№ 1", "горячая вода, «ё»\u00a0№ 1"),
        ("Услуга", "\u00a0heating\u2003", "heating"),
        ("Причина", "", None),
        ("Причина", "   ", None),
        ("Причина", "по решению суда", "по решению суда"),
    ],
)
def test_an_unusual_cell_that_has_an_exact_form_comes_exactly(
    charges: Any, column: str, unusual: str | None, cell: Any
) -> None:
    batches = charges({"ЛС": "1"}, {column: unusual})
    assert all(batch.exact for batch in batches)
    rows, rejects = taken(CHARGES, batches)
    assert rejects == []
    place = list(COLUMNS.values()).index(column)
    assert cell in [row[place] for row in rows]
    assert len(rows) == 2


@pytest.mark.parametrize("number", ["12-А/3", "1" * 19, "１２３", "1 2 3", "А001"])
def test_an_account_number_of_another_form_comes_as_it_stands(charges: Any, number: str) -> None:
    rows, rejects = taken(CHARGES, charges({"ЛС": number}))
    assert rejects == []
    assert [row[0] for row in rows] == [number.replace(" ", "").replace("１２３", "123")]


NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9),
    st.decimals(allow_nan=False, allow_infinity=False).filter(lambda number: abs(number.adjusted()) < 100),
    st.sampled_from([Decimal(word) for word in ("NaN", "Infinity", "-Infinity")]),
    st.integers(-(10**20), 10**20).map(Decimal),
)
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "Начислено": NUMBERS,
            "Итого": NUMBERS,
            "Объем": st.none() | NUMBERS,
            "Услуга": WORDS,
            "Причина": st.none() | WORDS,
            "ЛС": st.one_of(st.from_regex(r"\A[0-9]{1,18}\Z"), WORDS),
        }
    ),
    min_size=1,
    max_size=8,
)


def whole(number: Decimal | None, digits: int) -> int | None:
    """`number` in units of its last digit, if it is a whole number of them; by exact rational arithmetic."""
    if number is None or not number.is_finite():
        return None
    top, bottom = number.as_integer_ratio()
    return top * 10**digits // bottom if top * 10**digits % bottom == 0 else None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_what_is_taken_is_exact_and_nothing_is_taken_that_is_not(base: TheBase, rows: list[dict[str, Any]]) -> None:
    base.books.execute('TRUNCATE "Начисления"')
    put(base, *rows)
    seen, rejects = taken(CHARGES, base.pull(CHARGES))
    rejected = {reject.row for reject in rejects}
    assert len(seen) + len(rejected) == len(rows)
    written = base.books.execute(
        f'SELECT {", ".join(chr(34) + name + chr(34) for name in GOOD)} FROM "Начисления"'
        ' ORDER BY "ЛС", "Месяц", "Услуга", "Компонент"'
    ).fetchall()
    for number, row in enumerate(written, 1):
        charged, total = whole(row[7], 2), whole(row[11], 2)
        if number not in rejected:
            account, *_, reason, _, taken_total = seen.pop(0)
            assert taken_total == total
            assert reason in (None, (row[9] or "").strip())
            number_on_bill = account_number(row[0])
            assert account in (number_on_bill, plain_account(number_on_bill))
        else:
            assert None in (charged, total) or max(abs(charged or 0), abs(total or 0)) >= 10**17 or odd(row)
    base.books.execute('TRUNCATE "Начисления"')


def odd(row: tuple[Any, ...]) -> bool:
    """Whether validation has a reason to reject a row whose money is good: its account, texts or volume."""
    probe = Wanted(dataset=CHARGES.dataset, fields=tuple(f for f in CHARGES.fields if f.kind != "money"))
    cells = [
        [str(cell) if cell is not None else None]
        for f, cell in zip(CHARGES.fields, row, strict=True)
        if f.kind != "money"
    ]
    _, rejects = taken(probe, [Batch(columns=cells, rows=1, exact=False, first_row=1, where="")])
    return bool(rejects)


# Words


def test_words_are_learned_page_by_page(base: TheBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", 20)
    monkeypatch.setattr(reading, "AIM_ROWS", 20)
    put(
        base,
        *(
            {"ЛС": f"{i:09d}", "Услуга": f"услуга {i // 30}", "Причина": f"п{i}" if i % 50 == 49 else None}
            for i in range(400)
        ),
    )
    base.books.execute('CREATE INDEX words ON "Начисления" ("ЛС")')
    try:
        batches = base.pull(CHARGES)
    finally:
        base.books.execute('DROP INDEX words; TRUNCATE "Начисления"')
    assert all(batch.exact for batch in batches)
    rows, _ = taken(CHARGES, batches)
    assert [row[2] for row in rows] == [f"услуга {i // 30}" for i in range(400)]
    assert [row[9] for row in rows] == [f"п{i}" if i % 50 == 49 else None for i in range(400)]


def test_a_free_code_of_very_many_words_travels_as_text(base: TheBase) -> None:
    put(base, *({"ЛС": f"{i:09d}", "Причина": f"причина {i}"} for i in range(300)))
    batches = base.pull(CHARGES)
    base.books.execute('TRUNCATE "Начисления"')
    assert all(batch.exact for batch in batches)
    assert sorted(batches[0].columns[9]) == sorted(f"причина {i}" for i in range(300))


def test_one_unknown_word_does_not_hide_among_very_many(base: TheBase) -> None:
    put(base, *({"ЛС": f"{i:09d}", "Способ": f"способ {i}" if i else "1/12"} for i in range(300)))
    rows, rejects = taken(CHARGES, base.pull(CHARGES))
    base.books.execute('TRUNCATE "Начисления"')
    assert [row[6] for row in rows] == ["one_twelfth"]
    assert len(rejects) == 299


# Other kinds and types

ACCOUNTS = {
    "account": "ЛС",
    "number": "ЛС",
    "holder_key": "Код",
    "holder_name": "ФИО",
    "holder_kind": "Вид",
    "holder_since": "С",
    "address": "Адрес",
    "area_micro": "Площадь",
    "residents": "Проживает",
}
KINDS = {"holder_kind": {"физлицо": "person", "юрлицо": "organisation"}}
NAMES = [
    'ООО "Ромашка"',
    "Д'Артаньян, О’Нил",
    "Ёлкина Алёна",
    "Aбв c Лaтиницей",
    "\\n\\u0041",
    "{}[];:?",
    "«»",
    "long " * 80,
]


def test_texts_of_people_come_as_they_are_written(base: TheBase) -> None:
    base.books.execute('DROP TABLE IF EXISTS "Счета"')
    base.books.execute(
        'CREATE TABLE "Счета" ("ЛС" char(12), "Код" integer, "ФИО" varchar(500), "Вид" text, "С" date, "Адрес" text,'
        ' "Площадь" integer, "Проживает" numeric(4,0))'
    )
    for place, name in enumerate(NAMES):
        base.books.execute(
            "INSERT INTO \"Счета\" VALUES (%s, %s, %s, 'физлицо', '2020-02-29', %s, 45, 2)",
            (f"{place:09d}", place, name, f" {name} "),
        )
    wish = wanted("accounts", ACCOUNTS, table="Счета", values=KINDS)
    batches = base.pull(wish)
    assert all(batch.exact for batch in batches)
    rows, _ = taken(wish, batches)
    for place, (name, row) in enumerate(zip(NAMES, rows, strict=True)):
        number = f"{place:09d}"
        text = name.strip()
        assert row == (int("1" + number), number, str(place), text, "person", "2020-02-29", text, 45_000_000, 2)


def test_a_text_that_is_too_long_comes_whole_and_is_rejected(base: TheBase) -> None:
    test_texts_of_people_come_as_they_are_written(base)
    base.books.execute('UPDATE "Счета" SET "Адрес" = repeat(\'улица \', 2000) WHERE "Код" = 2')
    wish = wanted("accounts", ACCOUNTS, table="Счета", values=KINDS)
    (batch,) = base.pull(wish)
    _, (reject,) = taken(wish, [batch])
    assert "длиннее 2000" in reject.reason
    assert max(len(address) for address in batch.columns[6]) == 12_000


def test_a_cell_of_several_lines_is_looked_at_by_validation(base: TheBase) -> None:
    test_texts_of_people_come_as_they_are_written(base)
    base.books.execute('UPDATE "Счета" SET "Адрес" = E\'Элиста\\n ул. Ленина\\t1\' WHERE "Код" = 2')
    wish = wanted("accounts", ACCOUNTS, table="Счета", values=KINDS)
    rows, rejects = taken(wish, base.pull(wish))
    assert rejects == []
    assert rows[2][6] == "Элиста\n ул. Ленина\t1"


def test_flags_dates_and_months_may_be_words(base: TheBase) -> None:
    base.books.execute(
        'CREATE TABLE "Приборы" ("ЛС" text, "Прибор" text, "Услуга" text, "Ед" text, "До" smallint, "После" text,'
        ' "Установлен" text, "Снят" timestamptz, "Авто" text)'
    )
    base.books.execute(
        'INSERT INTO "Приборы" VALUES'
        " ('1', 'a', 'heating', 'Гкал', 5, '3', '15.03.2024', '2026-03-31 21:00:00+00', 'Да'),"
        " ('2', 'b', 'heating', 'Гкал', 5, '3', '2024-03-16', NULL, 'нет')"
    )
    columns = {
        "account": "ЛС",
        "meter": "Прибор",
        "serial": "Прибор",
        "service": "Услуга",
        "unit": "Ед",
        "digits_int": "До",
        "digits_frac": "После",
        "installed_on": "Установлен",
        "removed_on": "Снят",
        "automatic": "Авто",
    }
    wish = wanted("meters", columns, table="Приборы", values={"unit": {"Гкал": "Gcal"}})
    rows, rejects = taken(wish, base.pull(wish))
    assert rejects == []
    assert [row[1:] for row in rows] == [
        ("a", "a", "heating", "Gcal", 5, 3, "2024-03-15", "2026-04-01", 1),
        ("b", "b", "heating", "Gcal", 5, 3, "2024-03-16", None, 0),
    ]


def test_money_kept_as_text_is_read_exactly_too(base: TheBase) -> None:
    base.books.execute('CREATE TABLE "Текстом" ("ЛС" bigint, "Док" text, "Дата" date, "Месяц" date, "Сумма" text)')
    base.books.execute(
        "INSERT INTO \"Текстом\" VALUES (1, 'a', '2026-01-02', '2026-01-01', '12,30'),"
        " (2, 'b', '2026-01-02', '2026-01-01', '0,305')"
    )
    columns = {"account": "ЛС", "payment": "Док", "paid_on": "Дата", "period": "Месяц", "amount_kopecks": "Сумма"}
    wish = wanted("payments", columns, table="Текстом")
    rows, rejects = taken(wish, base.pull(wish))
    assert rows == [("1", "a", "2026-01-02", 202601, 1230)]
    assert [reject.value for reject in rejects] == ["0,305"]
    totals = base.totals(wish)
    assert totals is not None
    assert (totals.rows, totals.sums) == (2, {})


@pytest.mark.parametrize("encoding", ["WIN1251", "KOI8R", "UTF8"])
def test_a_base_of_another_encoding_is_read_with_no_setting(
    postgres: Postgres, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"encoding_{encoding.lower()}"
    postgres.create_database(name, encoding=encoding)
    postgres.create_reader(name, READER, PASSWORD)
    monkeypatch.setenv("LK_BASE_PASSWORD", PASSWORD)
    with postgres.connect(name) as books:
        books.execute('CREATE TABLE "Услуги" ("Код" text, "Часть" text, "Имя" text, "Ед" text, "Порядок" int)')
        books.execute("INSERT INTO \"Услуги\" VALUES ('отопление', '', 'Отопление Ёё', 'Гкал', 1)")
        columns = {"service": "Код", "component": "Часть", "title": "Имя", "unit": "Ед", "position": "Порядок"}
        wish = wanted("services", columns, table="Услуги", values={"unit": {"Гкал": "Gcal"}})
        (batch,) = TheBase(postgres, name, books).pull(wish)
    assert batch.exact
    assert [column[0] for column in batch.columns] == ["отопление", "", "Отопление Ёё", "Gcal", 1]


@pytest.mark.parametrize("odd", ["12.30", "12.305"])
def test_an_account_kept_as_a_number_is_the_same_on_every_page(base: TheBase, odd: str) -> None:
    """`12.305` makes the page travel as text, where the server writes `5.00`."""
    base.books.execute('DROP TABLE IF EXISTS "Числом"')
    base.books.execute('CREATE TABLE "Числом" ("ЛС" numeric(12,2), "Док" text, "Дата" date, "Сумма" numeric)')
    base.books.execute("INSERT INTO \"Числом\" VALUES (5, 'a', '2026-01-02', 1), (1200, 'b', '2026-01-02', %s)", (odd,))
    columns = {"account": "ЛС", "payment": "Док", "paid_on": "Дата", "period": "Дата", "amount_kopecks": "Сумма"}
    wish = wanted("payments", columns, table="Числом")
    rows, _ = taken(wish, base.pull(wish))
    assert {row[1]: row[0] for row in rows}["a"] in ("5", 15)
    assert {row[1]: row[0] for row in rows}.get("b") in ("1200", 11200, None)
