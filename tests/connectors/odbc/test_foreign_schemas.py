"""Does a schema that nobody designed for us go in as it is: its names, its types, its keys, its money?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from connectors.sql import reading
from lk_sync.contracts import FieldMap, GroupTotal, Totals, Wanted
from lk_sync.errors import BadData, SchemaDrift, SettingsError
from lk_sync.records import DATASETS
from tests.at_the_base import TheBase, taken, wanted

PAYMENT = ("account", "payment", "paid_on", "period", "amount_kopecks")
STRANGE = (
    "Лицевой счёт, №",
    'Документ "основной"',
    "Date of payment?",
    "select",
    "Сумма, руб. {fn now()} 100%; --'",
)
GROUP = [("2026-10", "heating", "2", "10.00"), ("2026-11", "water", "3", "20.05")]


def payments(columns: tuple[str, ...] = STRANGE, **other: Any) -> Wanted:
    return wanted("payments", dict(zip(PAYMENT, columns, strict=True)), **other)


def quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def strange_table(base: TheBase, *name: str, rows: int = 3, more: str = "") -> None:
    types = ("text", "text", "date", "date", "numeric")
    columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in zip(STRANGE, types, strict=True))
    base.books.execute(f"DROP TABLE IF EXISTS {quoted(*name)} CASCADE; CREATE TABLE {quoted(*name)} ({columns}{more})")
    base.books.execute(
        f"INSERT INTO {quoted(*name)} SELECT lpad(n::text, 9, '0'), 'П-' || n, '2026-10-02', '2026-10-01', n + 0.05"
        f" FROM generate_series(1, {rows}) AS n"
    )


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("Оплата квитанций",), "Оплата квитанций"),
        (("order",), "order"),
        (("CamelCase",), "CamelCase"),
        (("таблица.с.точками",), '"таблица.с.точками"'),
        (('имя с "кавычкой"',), '"имя с ""кавычкой"""'),
        (("Схема 1.0", "Платежи; 'все'"), "\"Схема 1.0\".Платежи; 'все'"),
        (("Схема 1.0", "a`b]c"), '[Схема 1.0]."a`b]c"'),
        (("table",), "`table`"),
        (("я" * 31,), "я" * 31),
    ],
)
@pytest.mark.parametrize("indexed", [False, True])
def test_tables_and_columns_of_any_name_are_read(
    base: TheBase, parts: tuple[str, ...], said: str, indexed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", 4)
    monkeypatch.setattr(reading, "AIM_ROWS", 3)
    if len(parts) > 1:
        base.books.execute(
            f"CREATE SCHEMA IF NOT EXISTS {quoted(parts[0])}; GRANT USAGE ON SCHEMA {quoted(parts[0])} TO lk_reader;"
            f" ALTER DEFAULT PRIVILEGES IN SCHEMA {quoted(parts[0])} GRANT SELECT ON TABLES TO lk_reader"
        )
    strange_table(base, *parts, rows=10)
    if indexed:
        base.books.execute(f"CREATE INDEX ON {quoted(*parts)} ({quoted(STRANGE[0])})")
    batches = base.pull(payments(table=said))
    assert all(batch.exact for batch in batches)
    rows = sorted(row for batch in batches for row in zip(*batch.columns, strict=True))
    assert rows == [(10**9 + n, f"П-{n}", "2026-10-02", 202610, n * 100 + 5) for n in range(1, 11)]
    totals = base.totals(payments(table=said))
    assert totals is not None
    assert totals.sums == {"amount_kopecks": 5550}


# A key that is computed is not among the fields


@pytest.mark.parametrize("key", ["", ', PRIMARY KEY ("ид")', ', UNIQUE ("ид")'])
def test_fields_without_a_key_come_whole(base: TheBase, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", 10)
    monkeypatch.setattr(reading, "AIM_ROWS", 8)
    strange_table(base, "без ключа", rows=1, more=f', "ид" serial{key}')
    base.books.execute(
        "INSERT INTO \"без ключа\" SELECT n / 7, n, '2026-10-02', '2026-10-01', n FROM generate_series(2, 55) AS n"
    )
    fields = (
        FieldMap(name="amount_kopecks", kind="money", required=True, column=STRANGE[4]),
        FieldMap(name="payment#1", kind="text", required=False, column=STRANGE[0]),
        FieldMap(name="extra:Документ", kind="text", required=False, column=STRANGE[1]),
    )
    whole = payments(table="без ключа")
    wish = Wanted(dataset=whole.dataset, fields=fields, table="без ключа", time_zone="Europe/Moscow")
    for asked in (wish, _as_query(wish)):
        rows, rejects = taken(asked, base.pull(asked))
        assert rejects == []
        assert sorted(row[0] for row in rows) == [105, *range(200, 5600, 100)]
        assert {row[2] for row in rows} == {"П-1", *map(str, range(2, 56))}


def _as_query(wish: Wanted) -> Wanted:
    return Wanted(dataset=wish.dataset, fields=wish.fields, query='SELECT * FROM "без ключа"', time_zone=wish.time_zone)


# Keys of kinds that sort in an order of their own


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("integer", "n"),
        ("bigint", "n * 1000000"),
        ("smallint", "n"),
        ("numeric(20,0)", "n"),
        ("char(12)", "'Счёт ' || n"),
        ("varchar(40)", "'Счёт ' || n"),
        ("citext", "CASE WHEN n % 2 = 0 THEN 'a' ELSE 'B' END || n"),
        ('text COLLATE "ru-x-icu"', "CASE WHEN n % 2 = 0 THEN 'ё' ELSE 'Я' END || n"),
        ("uuid", "md5(n::text)::uuid"),
    ],
)
def test_pages_of_any_key_bring_every_row_once(
    base: TheBase, kind: str, make: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", 20)
    monkeypatch.setattr(reading, "AIM_ROWS", 17)
    base.books.execute("CREATE EXTENSION IF NOT EXISTS citext")
    base.books.execute(f'DROP TABLE IF EXISTS "Ключи"; CREATE TABLE "Ключи" ("К" {kind} PRIMARY KEY, "Дом" text)')
    base.books.execute(f"INSERT INTO \"Ключи\" SELECT {make}, 'дом ' || n FROM generate_series(1, 200) AS n")
    fields = (
        FieldMap(name="holder_name", kind="text", required=True, column="К"),
        FieldMap(name="address", kind="text", required=True, column="Дом"),
    )
    whole = wanted("accounts", {"address": "Дом"}, table="Ключи")
    wish = Wanted(dataset=whole.dataset, fields=fields, table="Ключи", time_zone="UTC")
    rows, rejects = taken(wish, base.pull(wish))
    assert rejects == []
    assert sorted(row[1] for row in rows) == sorted(f"дом {n}" for n in range(1, 201))
    assert len({row[0] for row in rows}) == 200


# Money


@pytest.mark.parametrize("kind", ["float8", "float4"])
def test_binary_fractions_are_read_where_the_operator_says_so_and_never_rounded(base: TheBase, kind: str) -> None:
    _money(base, kind, "12.30", "-0.07", "0.005", "NaN", "Infinity")
    wish = _of_money(rounded=["Сумма"])
    rows, rejects = taken(wish, base.pull(wish))
    assert [row[-1] for row in rows] == [1230, -7]
    assert {reject.value for reject in rejects} == {"0.005", "NaN", "Infinity"}
    with pytest.raises(SchemaDrift, match=r"неточно.*options\.rounded"):
        base.pull(_of_money())


def test_the_noise_of_a_binary_sum_is_not_taken_for_a_part_of_a_kopeck(base: TheBase) -> None:
    _money(base, "float8", "0.1", "1e9")
    base.books.execute('UPDATE "Деньги" SET "Сумма" = "Сумма" + 0.2::float8')
    rows, rejects = taken(_of_money(rounded=["Сумма"]), base.pull(_of_money(rounded=["Сумма"])))
    assert rejects == []
    assert [row[-1] for row in rows] == [30, 100000000020]


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"rounded": ["ЛС"]}, SettingsError, "имеет тип bigint; он и так точен"),
        ({"rounded": ["Суммы"]}, SchemaDrift, r"нет столбца «Суммы» \(options.rounded\) — может быть, «Сумма»"),
    ],
)
def test_an_option_that_cannot_be_true_is_told(
    base: TheBase, options: Mapping[str, Any], kind: type[Exception], says: str
) -> None:
    _money(base, "float8", "1")
    with pytest.raises(kind, match=says):
        base.pull(_of_money(**options))


def _money(base: TheBase, kind: str, *sums: str) -> None:
    base.books.execute(
        f'DROP TABLE IF EXISTS "Деньги"; CREATE TABLE "Деньги" ("ЛС" bigint, "Док" int, "Дата" date, "Сумма" {kind})'
    )
    for place, sum_ in enumerate(sums):
        base.books.execute("INSERT INTO \"Деньги\" VALUES (1, %s, '2026-10-02', %s)", (place, sum_))


def _of_money(**options: Any) -> Wanted:
    return payments(("ЛС", "Док", "Дата", "Дата", "Сумма"), table="Деньги", options=options)


# Dates


def test_dates_that_stand_for_no_date_are_absent(base: TheBase) -> None:
    base.books.execute(
        'DROP TABLE IF EXISTS "Даты"; CREATE TABLE "Даты" ("ЛС" text, "С" date, "По" timestamp NOT NULL)'
    )
    base.books.execute("INSERT INTO \"Даты\" VALUES ('1', '0001-01-01', '0001-01-01'), ('2', NULL, '2026-10-01')")
    columns = {"account": "ЛС", "opened_on": "С", "closed_on": "По"}
    (batch,) = base.pull(wanted("accounts", columns, table="Даты"))
    assert batch.exact
    assert batch.columns[1:] == [[None, None], [None, "2026-10-01"]]


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamptz"])
@pytest.mark.parametrize("odd", ["infinity", "-infinity", "0044-03-15 BC", "5874-12-31"])
def test_an_impossible_date_rejects_its_row_and_never_becomes_another_day(base: TheBase, kind: str, odd: str) -> None:
    base.books.execute(f'DROP TABLE IF EXISTS "Даты"; CREATE TABLE "Даты" ("ЛС" text, "С" {kind})')
    base.books.execute("INSERT INTO \"Даты\" VALUES ('1', %s), ('2', '2026-10-01 00:00:00+03')", (odd,))
    wish = wanted("accounts", {"account": "ЛС", "opened_on": "С"}, table="Даты")
    rows, rejects = taken(wish, base.pull(wish))
    assert rows == [("2", "2026-10-01")]
    assert [reject.field for reject in rejects] == ["opened_on"]


@pytest.mark.parametrize(("said", "value"), [("true", 1), ("false", 0)])
def test_a_boolean_is_a_boolean(base: TheBase, said: str, value: int) -> None:
    base.books.execute('DROP TABLE IF EXISTS "Флаги"; CREATE TABLE "Флаги" ("ЛС" text, "Прибор" text, "Авто" boolean)')
    base.books.execute("INSERT INTO \"Флаги\" VALUES ('1', 'п', %s)", (said,))
    wish = wanted("meters", {"account": "ЛС", "meter": "Прибор", "automatic": "Авто"}, table="Флаги")
    rows, rejects = taken(wish, base.pull(wish))
    assert (rows, rejects) == ([(11, "п", value)], [])


@pytest.mark.parametrize(
    ("kind", "said", "instant"),
    [
        ("timestamptz", "2026-10-01 00:30:00.123456+03", "2026-09-30T21:30:00.123Z"),
        ("timestamp", "2026-10-01 00:30:00", "2026-09-30T21:30:00Z"),
        ("date", "2026-10-01", "2026-09-30T21:00:00Z"),
        ("timestamptz", "0001-01-01 00:00:00+00", None),
    ],
)
def test_a_moment_without_a_zone_is_the_supplier_s_and_one_with_a_zone_its_own(
    base: TheBase, kind: str, said: str, instant: str | None
) -> None:
    base.books.execute(f'DROP TABLE IF EXISTS "Миг"; CREATE TABLE "Миг" ("ЛС" text, "Когда" {kind})')
    base.books.execute("INSERT INTO \"Миг\" VALUES ('1', %s)", (said,))
    moment = FieldMap(name="opened_on#1", kind="datetime", required=False, column="Когда")
    wish = Wanted(dataset=DATASETS["accounts"], fields=(moment,), table="Миг", time_zone="Europe/Moscow")
    ((cell,),), rejects = taken(wish, base.pull(wish))
    assert rejects == []
    assert (cell and datetime.fromisoformat(cell)) == (instant and datetime.fromisoformat(instant))


# Totals by groups


def _grouped(base: TheBase, query: str, **values: Any) -> Totals:
    base.books.execute('CREATE TABLE IF NOT EXISTS "Пусто" ("ЛС" text, "М" date, "У" text, "И" numeric)')
    wish = wanted(
        "charges",
        {"account": "ЛС", "period": "М", "service": "У", "total_kopecks": "И"},
        table="Пусто",
        control_query=query,
        values=values,
    )
    totals = base.totals(wish)
    assert totals is not None
    return totals


@pytest.mark.parametrize("month", ["date '2026-10-01'", "'2026-10'", "202610", "'10.2026'", "timestamp '2026-10-01'"])
def test_totals_come_by_period_and_service(base: TheBase, month: str) -> None:
    query = f"""
        SELECT {month} AS period, 'отопление' AS service, 2 AS rows, 10.5 AS total_kopecks
        UNION ALL SELECT {month}, 'вода', 3, -0.05"""
    said = _grouped(base, query, service={"отопление": "heating", "вода": "water"})
    groups = (
        GroupTotal(period=202610, service="heating", rows=2, sums={"total_kopecks": 1050}),
        GroupTotal(period=202610, service="water", rows=3, sums={"total_kopecks": -5}),
    )
    assert (said.rows, said.sums) == (5, {"total_kopecks": 1045})
    assert sorted(said.groups, key=lambda group: group.rows) == list(groups)


def test_totals_may_come_by_period_only_and_of_no_row_at_all(base: TheBase) -> None:
    said = _grouped(base, "SELECT date '2026-10-01' AS period, 2 AS rows, 1 AS total_kopecks")
    assert said.groups == (GroupTotal(period=202610, rows=2, sums={"total_kopecks": 100}),)
    none = _grouped(base, "SELECT date '2026-10-01' AS period, 2 AS rows WHERE false")
    assert (none.rows, none.groups) == (0, ())


def test_a_group_that_is_no_period_is_told(base: TheBase) -> None:
    with pytest.raises(BadData, match="не понята"):
        _grouped(base, "SELECT 'октябрь' AS period, 2 AS rows")


# Survey


def test_a_survey_shows_tables_and_views_of_the_users_and_nothing_of_the_system(base: TheBase) -> None:
    base.books.execute(
        'DROP SCHEMA IF EXISTS "Обзор. Схема" CASCADE; CREATE SCHEMA "Обзор. Схема";'
        ' GRANT USAGE ON SCHEMA "Обзор. Схема" TO lk_reader;'
        ' CREATE TABLE "Обзор. Схема"."Начисления" ("Месяц" date, "ЛС" text, "Сумма" numeric(15,2),'
        ' "Объём" numeric(18,6),'
        ' "Флаг" boolean, "Плавает" float8, PRIMARY KEY ("ЛС", "Месяц"));'
        ' CREATE VIEW "Вид обзора" AS SELECT 1 AS "ид"; CREATE TABLE "Закрытая" (a int);'
        ' GRANT SELECT ON "Обзор. Схема"."Начисления", "Вид обзора" TO lk_reader;'
        ' REVOKE ALL ON "Закрытая" FROM lk_reader;'
        ' INSERT INTO "Обзор. Схема"."Начисления" SELECT \'2026-10-01\', n, 1, 1, true, 1 FROM generate_series(1, 9) n;'
        ' ANALYZE "Обзор. Схема"."Начисления"'
    )
    found = {one.origin: one for one in base.source().survey()}
    assert "Закрытая" not in found
    assert not [name for name in found if name.startswith(("pg_", "information_schema"))]
    charges = found['"Обзор. Схема".Начисления']
    assert (charges.how, charges.key, charges.rows) == ("from", ("ЛС", "Месяц"), 9)
    assert [(column.name, column.type, column.kinds[:1]) for column in charges.columns] == [
        ("Месяц", "date", ("date",)),
        ("ЛС", "text", ("text",)),
        ("Сумма", "numeric(15,2)", ("money",)),
        ("Объём", "numeric(18,6)", ("volume",)),
        ("Флаг", "boolean", ("bool",)),
        ("Плавает", "double precision", ()),
    ]
    assert [column.name for column in found["Вид обзора"].columns] == ["ид"]
    assert base.pull(wanted("accounts", {"account": "ЛС"}, table=charges.origin))[0].rows == 9
