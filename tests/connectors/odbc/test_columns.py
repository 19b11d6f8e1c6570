"""Is a base that is not what the mapping says told in words that show what to correct?"""

from __future__ import annotations

import pytest

from lk_sync.contracts import Wanted
from lk_sync.errors import AccessDenied, BadData, SchemaDrift, SettingsError
from tests.at_the_base import READER, TheBase, wanted

COLUMNS = {
    "account": "ЛС",
    "period": "Месяц",
    "number": "Номер",
    "issued_on": "Дата",
    "due_on": "Срок",
    "amount_due_kopecks": "КОплате",
    "state": "Состояние",
}
BILLS = wanted("bills", COLUMNS, table="Квитанции", watermark="Изменено")


@pytest.fixture(scope="module", autouse=True)
def tables(base: TheBase) -> None:
    base.books.execute(
        'CREATE TABLE "Квитанции" ("ЛС" varchar(20), "Месяц" date, "Номер" text, "Дата" date, "Срок" date,'
        ' "КОплате" numeric(15,2), "Состояние" text, "Изменено" timestamptz, "Плавает" float8, "Двоичное" bytea)'
    )
    base.books.execute('CREATE SCHEMA закрыто; CREATE TABLE закрыто."Тайна" ("ЛС" text)')
    base.books.execute('CREATE TABLE "Запрет" AS SELECT * FROM "Квитанции"; REVOKE ALL ON "Запрет" FROM lk_reader')


def look(base: TheBase, wish: Wanted) -> None:
    with base.source().connect() as session:
        session.columns(wish)


def drift(base: TheBase, wish: Wanted) -> str:
    with pytest.raises(SchemaDrift) as caught:
        look(base, wish)
    return str(caught.value)


def mapped(table: str = "Квитанции", watermark: str | None = "Изменено", **columns: str) -> Wanted:
    return wanted("bills", COLUMNS | columns, table=table, watermark=watermark)


def test_a_base_that_fits_is_taken(base: TheBase) -> None:
    look(base, BILLS)


def test_a_missing_column_is_named_with_the_likest_there_is(base: TheBase) -> None:
    text = drift(base, mapped(amount_due_kopecks="КОплатить"))
    assert "нет столбца «КОплатить» (поле amount_due_kopecks) — может быть, «КОплате»?" in text
    assert "Квитанции → bills" in text


def test_all_faults_are_told_at_once(base: TheBase) -> None:
    text = drift(base, mapped(number="Нумер", due_on="Скор", watermark="Изменен"))
    for name in ("Нумер", "Скор", "Изменен"):
        assert f"«{name}»" in text


@pytest.mark.parametrize(
    ("field", "column", "says"),
    [
        ("amount_due_kopecks", "Плавает", "double precision, а нужно точное десятичное число (numeric)"),
        ("amount_due_kopecks", "Дата", "date, а нужно точное десятичное число"),
        ("issued_on", "КОплате", "numeric(15,2), а нужно дата; если дата записана числом, добавьте к полю format"),
        ("account", "Дата", "date, а нужно текст или целое число"),
        ("number", "Двоичное", "bytea, а нужно текст; двоичное отдаёт текстом свой запрос: query: SELECT encode"),
    ],
)
def test_a_column_that_cannot_hold_the_field_is_named_with_its_type(
    base: TheBase, field: str, column: str, says: str
) -> None:
    text = drift(base, mapped(**{field: column}))
    assert f"столбец «{column}» (поле {field}) имеет тип {says}" in text


def test_binary_fractions_are_no_money_and_the_reason_is_said(base: TheBase) -> None:
    assert "хранит деньги неточно" in drift(base, mapped(amount_due_kopecks="Плавает"))


def test_a_watermark_must_grow(base: TheBase) -> None:
    assert "«Номер» (watermark) имеет тип text" in drift(base, mapped(watermark="Номер"))


def test_a_missing_table_is_named_with_the_likest_there_is(base: TheBase) -> None:
    assert "нет таблицы «Квитанци» — может быть, «Квитанции»?" in drift(base, mapped(table="Квитанци"))


def test_a_table_of_another_schema_is_named_with_it(base: TheBase) -> None:
    base.books.execute(
        f'CREATE SCHEMA "ЖКХ"; CREATE TABLE "ЖКХ"."Абоненты" (a int); GRANT USAGE ON SCHEMA "ЖКХ" TO {READER}'
    )
    for table in ("Абоненты", "ЖКХ.Абонент"):
        assert f"нет таблицы «{table}» — может быть, «ЖКХ.Абоненты»?" in drift(base, mapped(table=table))


@pytest.mark.parametrize("table", ["Запрет", "закрыто.Тайна"])
def test_a_table_that_may_not_be_read_needs_a_person(base: TheBase, table: str) -> None:
    with pytest.raises(AccessDenied, match="не хватает прав"):
        look(base, mapped(table=table))


@pytest.mark.parametrize(
    "name", ["", ".", "a.", "a.b.c", '"a', '"a"b', "a\nb", "а" * 64, 'x"; DROP TABLE y; --', "a[b"]
)
def test_what_cannot_be_a_name_never_reaches_the_server(base: TheBase, name: str) -> None:
    with pytest.raises(SettingsError, match="не может быть именем"):
        look(base, mapped(table=name))


@pytest.mark.parametrize("name", ["a b", "1a", "a-b", "x'y", "a(b)", "a; DROP TABLE b", "select", "нет.такой"])
def test_a_strange_name_is_only_a_missing_table(base: TheBase, name: str) -> None:
    assert "нет таблицы" in drift(base, mapped(table=name))


@pytest.mark.parametrize("name", ['"Квитанции"', "public.Квитанции", '"public"."Квитанции"', "[public].[Квитанции]"])
def test_a_name_may_be_quoted_and_have_a_schema(base: TheBase, name: str) -> None:
    look(base, mapped(table=name))


def test_a_hostile_column_is_only_a_missing_one(base: TheBase) -> None:
    assert "нет столбца" in drift(base, mapped(number='Номер" FROM pg_shadow --'))


def test_a_query_has_columns_too(base: TheBase) -> None:
    query = 'SELECT "ЛС", "Месяц", "КОплате"::float8 AS "Сумма" FROM "Квитанции" -- с примечанием;'
    wish = wanted("bills", {"account": "ЛС", "period": "Месяц", "amount_due_kopecks": "Сумма"}, query=query)
    assert "double precision" in drift(base, wish)
    look(base, wanted("bills", {"account": "ЛС", "period": "Месяц"}, query=query))


def test_a_query_that_is_no_query_is_told(base: TheBase) -> None:
    with pytest.raises(SchemaDrift, match=r"^bills\.query: .*не те"):
        look(base, wanted("bills", {"account": "ЛС"}, query='SELECT "Нет" FROM "Квитанции"'))
    with pytest.raises(BadData, match=r"^bills\.query: .*syntax error"):
        look(base, wanted("bills", {"account": "ЛС"}, query="SELECT FROM WHERE"))


def test_a_query_of_totals_is_looked_at_with_the_columns(base: TheBase) -> None:
    for query, kind, says in (
        ('SELECT count(*) AS "строк" FROM "Квитанции"', SettingsError, "запрос должен дать столбец rows.*дал строк"),
        ('SELECT count(*) AS rows, sum("Нет") AS x FROM "Квитанции"', SchemaDrift, "запрос не выполняется: .*Нет"),
        ('DELETE FROM "Квитанции"', BadData, "запрос не выполняется"),
    ):
        with pytest.raises(kind, match=rf"^bills\.guards\.control_total: {says}"):
            look(base, wanted("bills", {"account": "ЛС"}, table="Квитанции", control_query=query))


def test_a_dataset_in_a_file_is_refused(base: TheBase) -> None:
    with pytest.raises(SettingsError, match="нужен ключ from"):
        look(base, wanted("bills", COLUMNS, file="a.csv"))


def test_an_unknown_option_is_refused(base: TheBase) -> None:
    with pytest.raises(SettingsError, match="есть только by_ranges, rounded"):
        look(base, wanted("bills", COLUMNS, table="Квитанции", options={"by_range": True}))
