"""Does every cell of a Firebird base arrive exactly, or as it stands so that validation rejects just its row?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.firebird import Firebird
from lk_sync.contracts import Wanted
from lk_sync.errors import SchemaDrift, SettingsError
from lk_sync.flow.validate import Reject
from tests.at_the_base import PASSWORD, taken, wanted
from tests.at_the_firebird import READER, TheFirebird

COLUMNS = {
    "account": "ЛС",
    "payment": "Документ",
    "paid_on": "Дата",
    "period": "Месяц",
    "amount_kopecks": "СуммаКОплатеРуб",  # 15 letters, 30 bytes: as long as a name can be
    "channel": "Канал",
}
TABLE = """
RECREATE TABLE "Платежи" ("ЛС" {account}, "Документ" char(20), "Дата" timestamp, "Месяц" date,
                          "СуммаКОплатеРуб" {money}, "Канал" {text}, "Изменено" {changed});
COMMIT; GRANT SELECT ON "Платежи" TO LK_READER; COMMIT;
"""
GOOD = ("'000000007'", "'П-1'", "'2026-10-05'", "'2026-10-01'", "'-0.05'", "'Банк Ёж'", "'2026-10-05 12:00:00.1234'")
EXACT = ("000000007", "П-1", "2026-10-05", 202610, -5, "Банк Ёж")
PAYMENTS = wanted("payments", COLUMNS, table="Платежи", watermark="Изменено")


def put(bird: TheFirebird, *rows: dict[int, str], **types: str) -> None:
    """Make the table anew, with rows that differ from a good one."""
    plain = {"account": "varchar(20)", "money": "numeric(18,4)", "text": "varchar(200)", "changed": "timestamp"}
    lines = [[rest.get(at, good) for at, good in enumerate(GOOD)] for rest in rows]
    script = "".join(f'INSERT INTO "Платежи" VALUES ({", ".join(line)});\n' for line in lines)
    bird.books(f"{TABLE.format(**plain | types)}{script}COMMIT;")


def as_1251(text: str) -> str:
    """A constant of bytes, as an old program lays them into a base that knows no charset."""
    return f"x'{text.encode('cp1251').hex()}'"


def seen(bird: TheFirebird, wish: Wanted = PAYMENTS, **reach: Any) -> tuple[list[tuple[Any, ...]], list[Reject]]:
    return taken(wish, bird.pull(wish, **reach))


def test_a_good_row_comes_exactly(bird: TheFirebird) -> None:
    put(bird, {})
    (batch,) = bird.pull(PAYMENTS)
    assert taken(PAYMENTS, [batch]) == ([EXACT], [])
    assert batch.watermark == "2026-10-05 12:00:00.1234"
    totals = bird.totals(PAYMENTS)
    assert totals is not None
    assert (totals.rows, totals.sums) == (1, {"amount_kopecks": -5})


@pytest.mark.parametrize(
    ("at", "odd", "reason"),
    [
        (0, "NULL", "обязательное"),
        (0, "'  '", "обязательное"),
        (0, "'-5'", "не номер"),
        (1, "NULL", "обязательное"),
        (2, "NULL", "обязательное"),
        (2, "'0001-01-01'", "обязательное"),  # 1C writes so that there is no date
        (2, "'1899-12-31'", "вне разумных"),
        (2, "'9999-12-31'", "вне разумных"),
        (2, "'2026-10-05 00:00:01'", "не дата"),
        (4, "'0.005'", "больше 2 знаков"),
        (4, "NULL", "обязательное"),
        (5, "x'410142'", "недопустимый знак"),
        (5, "rpad('', 201, 'я')", "длиннее"),
    ],
)
def test_an_odd_cell_rejects_its_row_only(bird: TheFirebird, at: int, odd: str, reason: str) -> None:
    put(bird, {0: "'1'"}, {at: odd}, {0: "'3'"}, text="varchar(300)")
    rows, rejects = seen(bird)
    assert [row[0] for row in rows] == ["1", "3"]
    (reject,) = rejects
    assert reason in reject.reason


@pytest.mark.parametrize(
    ("at", "unusual", "place", "cell"),
    [
        (4, "'99999999999999.9900'", 4, 9999999999999999),
        (4, "'-99999999999999.99'", 4, -9999999999999999),
        (4, "0", 4, 0),
        (4, "' 7.10 '", 4, 710),
        (5, "'  a\"b''c;?:x — «ё»'", 5, "a\"b'c;?:x — «ё»"),
        (1, "'П 1'", 1, "П 1"),
    ],
)
def test_an_unusual_cell_that_has_an_exact_form_comes_exactly(
    bird: TheFirebird, at: int, unusual: str, place: int, cell: Any
) -> None:
    put(bird, {at: unusual})
    rows, rejects = seen(bird)
    assert rejects == []
    assert rows[0][place] == cell


@pytest.mark.parametrize(
    "kind", ["bigint", "integer", "numeric(18,0)", "char(9)", "varchar(8000)", "blob sub_type text"]
)
def test_an_account_may_be_of_any_kind(bird: TheFirebird, kind: str) -> None:
    put(bird, {0: "'70015'"}, account=kind)
    rows, rejects = seen(bird)
    assert (rows[0][0], rejects) == ("70015", [])


def test_a_long_text_comes_whole_up_to_the_limit_and_is_rejected_above_it(bird: TheFirebird) -> None:
    put(bird)
    bird.books('RECREATE TABLE "Счета" (LS varchar(20), KOD integer, FIO blob sub_type text, VID char(10), ADRES blob '
               "sub_type text); COMMIT; GRANT SELECT ON \"Счета\" TO LK_READER; COMMIT;")  # fmt: skip
    for number, length in enumerate((5, 2000, 2001, 40_000)):
        letters = f"CAST(RPAD('', {min(length, 8000)}, 'я') AS BLOB SUB_TYPE TEXT)"
        more = f" || RPAD('', {length - 8000}, 'ю')" if 8000 < length < 16000 else ""
        bird.books(f"INSERT INTO \"Счета\" VALUES ('{number}', {number}, {letters}{more}, 'физлицо', 'ул. Ё'); COMMIT;")
    columns = {"account": "LS", "number": "LS", "holder_key": "KOD", "holder_name": "FIO", "holder_kind": "VID",
               "address": "ADRES"}  # fmt: skip
    wish = wanted("accounts", columns, table="Счета", values={"holder_kind": {"физлицо": "person"}})
    rows, rejects = seen(bird, wish)
    assert [len(row[3]) for row in rows] == [5, 2000]
    assert [(reject.row, "длиннее 2000" in reject.reason) for reject in rejects] == [(3, True), (4, True)]
    assert rows[0][4:] == ("person", "ул. Ё")


def test_a_flag_and_a_moment_are_understood(bird: TheFirebird) -> None:
    bird.books(
        'RECREATE TABLE P (LS varchar(9), "select" varchar(9), S varchar(9), U varchar(9), E varchar(5), D smallint, '
        "P smallint, W date, A boolean); COMMIT; GRANT SELECT ON P TO LK_READER; "
        "INSERT INTO P VALUES ('1', 'a', '7', 'тепло', 'Гкал', 5, 3, '2024-02-29', TRUE); COMMIT;"
    )
    columns = {"account": "LS", "meter": "select", "serial": "S", "service": "U", "unit": "E", "digits_int": "D",
               "digits_frac": "P", "installed_on": "W", "automatic": "A"}  # fmt: skip
    rows, rejects = seen(bird, wanted("meters", columns, table="P", values={"unit": {"Гкал": "Gcal"}}))
    assert rejects == []
    assert rows == [("1", "a", "7", "тепло", "Gcal", 5, 3, "2024-02-29", 1)]


@pytest.mark.parametrize("name", ['Имя "в" кавычках', "with.dot", "x'; DROP", "ПоказанияПрибор", "SELECT", "Пробел В"])
def test_any_name_of_table_and_column_is_read(bird: TheFirebird, name: str) -> None:
    own = '"' + name.replace('"', '""') + '"'
    bird.books(
        f'RECREATE TABLE {own} ({own} varchar(9), "Д" varchar(9), "Дата" date, "С" numeric(9,2)); COMMIT;'
        f"GRANT SELECT ON {own} TO LK_READER; INSERT INTO {own} VALUES ('5', 'П', '2026-01-01', 1.5); COMMIT;"
    )
    columns = {"account": name, "payment": "Д", "paid_on": "Дата", "amount_kopecks": "С"}
    rows, rejects = seen(bird, wanted("payments", columns, table=own if "." in name or '"' in name else name))
    assert (rows, rejects) == ([("5", "П", "2026-01-01", 150)], [])


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=80))
def test_money_of_any_size_is_exact_or_rejected(bird: TheFirebird, numbers: list[int]) -> None:
    put(bird, *({0: f"'{place:03d}'", 4: f"{Decimal(number).scaleb(-4):f}"} for place, number in enumerate(numbers)))
    rows, rejects = seen(bird)
    assert len(rows) + len(rejects) == len(numbers)
    for account, *_, kopecks, _ in rows:
        assert kopecks * 100 == numbers[int(account)]
    assert all(numbers[reject.row - 1] % 100 for reject in rejects)


# Queries


def test_a_query_is_read_like_a_table(bird: TheFirebird) -> None:
    put(bird, {}, {0: "'8'"})
    text = 'SELECT * FROM "Платежи" WHERE "ЛС" = \'8\' -- и всё;'
    rows, _ = seen(bird, wanted("payments", COLUMNS, query=text))
    assert [row[0] for row in rows] == ["8"]
    totals = bird.totals(wanted("payments", COLUMNS, table="Платежи", control_query=(
        'SELECT EXTRACT(YEAR FROM "Дата") * 100 + EXTRACT(MONTH FROM "Дата") AS "period", COUNT(*) AS "rows", '
        'SUM("СуммаКОплатеРуб") AS "amount_kopecks" FROM "Платежи" GROUP BY 1')))  # fmt: skip
    assert totals is not None
    assert (totals.rows, totals.sums, totals.groups[0].period) == (2, {"amount_kopecks": -10}, 202610)


def test_what_is_missing_is_named_with_what_is_near(bird: TheFirebird) -> None:
    put(bird)
    with pytest.raises(SchemaDrift, match=r"нет таблицы «Платёжи» — может быть, «Платежи»\?"):
        bird.pull(wanted("payments", COLUMNS, table="Платёжи"))
    with pytest.raises(SchemaDrift, match=r"нет столбца «ЛСчёт»"):
        bird.pull(wanted("payments", COLUMNS | {"account": "ЛСчёт"}, table="Платежи"))
    with pytest.raises(SettingsError, match="не может быть именем таблицы"):
        bird.pull(wanted("payments", COLUMNS, table="схема.Платежи"))


def test_a_binary_fraction_is_refused_until_it_is_allowed(bird: TheFirebird) -> None:
    put(bird, {4: "0.1"}, {4: "1.005"}, {4: "1e300"}, money="double precision")
    with pytest.raises(SchemaDrift, match=r"options\.rounded"):
        bird.pull(PAYMENTS)
    wish = wanted("payments", COLUMNS, table="Платежи", options={"rounded": ["СуммаКОплатеРуб"]})
    rows, rejects = seen(bird, wish)
    assert [row[4] for row in rows] == [10]
    assert [reject.row for reject in rejects] == [2, 3]


def test_what_may_be_read_is_surveyed(bird: TheFirebird) -> None:
    put(bird)
    bird.books(
        'RECREATE TABLE "Чужая" (ID integer); RECREATE TABLE "С ключом" (B integer NOT NULL, A integer NOT NULL, '
        'CONSTRAINT "PK" PRIMARY KEY (A, B)); COMMIT; GRANT SELECT ON "С ключом" TO LK_READER; COMMIT;'
    )
    found = {each.origin: each for each in bird.source().survey()}
    assert {"Платежи", "С ключом"} <= found.keys()
    assert "Чужая" not in found
    assert found["С ключом"].key == ("A", "B")
    assert [column.kinds[0] for column in found["Платежи"].columns[2:5]] == ["datetime", "date", "money"]


# Watermarks


@pytest.mark.parametrize(
    ("kind", "values", "greatest"),
    [
        ("bigint", ("-5", "70", "600"), "0000000000000000600"),
        ("date", ("'2026-01-05'", "'2026-11-01'", "'2999-01-01'"), "2026-11-01 00:00:00.0000"),
        ("timestamp", ("NULL", "'2026-11-01 03:00:00.5'", "'0001-01-01'"), "2026-11-01 03:00:00.5000"),
    ],
)
def test_a_watermark_of_any_growing_kind_sorts_as_text_and_is_found_again(
    bird: TheFirebird, kind: str, values: tuple[str, ...], greatest: str
) -> None:
    """One that is still to come does not blind later increments."""
    put(bird, *({6: value} for value in values), changed=kind)
    (batch,) = bird.pull(PAYMENTS)
    assert (batch.rows, batch.watermark) == (3, greatest)
    increment = wanted("payments", COLUMNS, table="Платежи", watermark="Изменено", since=greatest)
    assert 1 <= sum(again.rows for again in bird.pull(increment)) <= 2


def test_a_watermark_of_another_kind_is_no_surprise(bird: TheFirebird) -> None:
    put(bird, {6: "1"}, changed="bigint")
    with pytest.raises(SchemaDrift, match="прежняя отметка"):
        bird.pull(wanted("payments", COLUMNS, table="Платежи", watermark="Изменено", since="2026-10-05 12:00:00.0000"))


# Old bases


@pytest.fixture
def old(firebird: Firebird, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes an empty base of another charset or dialect."""
    monkeypatch.setenv("LK_BASE_PASSWORD", PASSWORD)

    def make(name: str, **other: Any) -> TheFirebird:
        firebird.create_database(name, **other)
        firebird.create_reader(name, READER, PASSWORD)
        return TheFirebird(firebird, name)

    return make


def test_a_base_in_win1251_with_cyrillic_names_is_read_as_it_is(old: Any) -> None:
    bird = old("win1251", charset="WIN1251")
    put(bird, {5: "'Щукин И — «№»'"})
    rows, rejects = seen(bird)
    assert (rows[0][5], rejects) == ("Щукин И — «№»", [])


def test_a_base_that_knows_no_charset_needs_to_be_told_it(old: Any) -> None:
    bird = old("none", charset="NONE")
    put(
        bird,
        {1: as_1251("Щ-1 И"), 5: as_1251("Ёлкин И")},
        account="varchar(20) character set win1251",
        text="varchar(20)",
    )
    with pytest.raises(SchemaDrift, match=r"без кодировки .*укажите connection\.charset, чаще всего WIN1251"):
        bird.pull(PAYMENTS)
    rows, rejects = seen(bird, charset="WIN1251")
    assert rejects == []
    assert rows[0] == ("000000007", "Щ-1 И", "2026-10-05", 202610, -5, "Ёлкин И")


def test_a_byte_that_is_no_letter_costs_its_own_row_only(old: Any) -> None:
    bird = old("bytes", charset="NONE")
    texts = (as_1251("Ё"), "x'98'", as_1251("И"))
    odd = [{0: f"'{row}'", 1: as_1251("П"), 5: text} for row, text in enumerate(texts, 1)]
    put(bird, *odd, text="blob sub_type text")
    rows, rejects = seen(bird, charset="WIN1251")
    assert [row[0] for row in rows] == ["1", "3"]
    assert "недопустимый знак" in rejects[0].reason
    _, rejects = seen(bird, charset="UTF8")
    assert {reject.row for reject in rejects} == {1, 2, 3}  # told wrongly: nothing comes in garbled


def test_a_base_of_dialect_1_gives_exact_money_and_dates(old: Any) -> None:
    bird = old("dialect1", charset="WIN1251", dialect=1)
    bird.books("SET SQL DIALECT 1; CREATE TABLE PLAT (LS INTEGER, DOC VARCHAR(20), D DATE, M NUMERIC(12,2), "
               "B NUMERIC(15,2), V NUMERIC(15,6)); COMMIT; GRANT SELECT ON PLAT TO LK_READER; COMMIT;"
               "INSERT INTO PLAT VALUES (1, 'a', '2026-10-05', 0.1, 1234567890123.45, 0.000001);"
               "INSERT INTO PLAT VALUES (2, 'b', '2026-10-05', 4.35, -0.07, 1.1);"
               "INSERT INTO PLAT VALUES (3, 'c', '2026-10-05', 1.005, 0.29, 1);"
               "INSERT INTO PLAT VALUES (4, 'd', '2026-10-05 10:00:00', 1, 1, 1); COMMIT;")  # fmt: skip
    columns = {"account": "LS", "payment": "DOC", "paid_on": "D", "amount_kopecks": "B"}
    rows, rejects = seen(bird, wanted("payments", columns, table="PLAT"))
    assert [row[3] for row in rows] == [123456789012345, -7, 29]
    assert [(reject.row, reject.field) for reject in rejects] == [(4, "paid_on")]
    rows, rejects = seen(bird, wanted("payments", columns | {"amount_kopecks": "M"}, table="PLAT"))
    assert [row[3] for row in rows] == [10, 435]
    assert "больше 2 знаков" in rejects[0].reason
