"""Does a schema in MariaDB that nobody designed for us go in as it is: its names, types, keys and collations?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.sql import reading
from demo.mariadb import literal, quoted
from lk_sync.contracts import FieldMap, GroupTotal, Wanted
from lk_sync.errors import AccessDenied, BadData, SchemaDrift, SettingsError
from tests.at_the_base import READER, taken, wanted
from tests.at_the_mariadb import TheMariaDb

PAYMENT = ("account", "payment", "paid_on", "period", "amount_kopecks")
STRANGE = (
    "Лицевой счёт, №",
    'Документ "основной"',
    "Date of payment?",
    "select",
    "Сумма, руб. {fn now()} 100%; --'\\",
)


def payments(columns: tuple[str, ...] = STRANGE, **other: Any) -> Wanted:
    return wanted("payments", dict(zip(PAYMENT, columns, strict=True)), **other)


def small_pages(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", rows)
    monkeypatch.setattr(reading, "AIM_ROWS", rows - 3)


# Names


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("Оплата квитанций",), "Оплата квитанций"),
        (("order",), "order"),
        (("CamelCase",), "CamelCase"),
        (("таблица.с.точками",), '"таблица.с.точками"'),
        (('имя с "кавычкой" и `ударением`',), '"имя с ""кавычкой"" и `ударением`"'),
        (("База 1.0", "Платежи; 'все'"), "\"База 1.0\".Платежи; 'все'"),
        (("я" * 64,), "я" * 64),
    ],
)
@pytest.mark.parametrize("indexed", [False, True])
def test_tables_and_columns_of_any_name_are_read(
    maria: TheMariaDb, parts: tuple[str, ...], said: str, indexed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, 6)
    if len(parts) > 1:
        maria.books(
            f"CREATE DATABASE IF NOT EXISTS {quoted(parts[0])};GRANT SELECT ON {quoted(parts[0])}.* TO '{READER}'@'%'"
        )
    types = ("varchar(20)", "text", "date", "date", "decimal(15,2)")
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in zip(STRANGE, types, strict=True))
    name = ".".join(map(quoted, parts))
    key = f", KEY ({quoted(STRANGE[0])})" if indexed else ""
    maria.books(
        f"CREATE OR REPLACE TABLE {name} ({columns}{key}); INSERT INTO {name}"
        " SELECT LPAD(seq, 9, '0'), CONCAT('П-', seq), '2026-10-02', '2026-10-01', seq + 0.05 FROM seq_1_to_10"
    )
    rows, rejects = taken(payments(table=said), maria.pull(payments(table=said)))
    assert rejects == []
    assert sorted(row[1:] for row in rows) == sorted(
        (f"П-{n}", "2026-10-02", 202610, n * 100 + 5) for n in range(1, 11)
    )
    totals = maria.totals(payments(table=said))
    assert totals is not None
    assert totals.sums == {"amount_kopecks": 5550}


def test_names_that_the_catalog_takes_for_one_are_two_tables(maria: TheMariaDb) -> None:
    maria.books(
        "CREATE TABLE `Счёт` (`ЛС` int primary key); CREATE TABLE `Счет` (`ЛС` int, `ё` int, KEY (`ё`));"
        "CREATE TABLE `счёт` (`лс` int); INSERT INTO `Счёт` VALUES (7), (8)"
    )
    assert maria.pull(wanted("accounts", {"account": "ЛС"}, table="Счёт"))[0].columns == [[17, 18]]
    found = {one.origin: [column.name for column in one.columns] for one in maria.source().survey()}
    assert (found["Счёт"], found["Счет"], found["счёт"]) == (["ЛС"], ["ЛС", "ё"], ["лс"])
    with pytest.raises(SchemaDrift, match="нет таблицы «СЧЁТ»"):
        maria.pull(wanted("accounts", {"account": "ЛС"}, table="СЧЁТ"))


@pytest.mark.parametrize("name", ["", ".", "a.", "a.b.c", "`a", "a\nb", "а" * 65, "😀", 'x"; DROP TABLE y; --'])
def test_what_cannot_be_a_name_never_reaches_the_server(maria: TheMariaDb, name: str) -> None:
    with pytest.raises(SettingsError, match="не может быть именем"):
        maria.pull(payments(table=name))


@pytest.mark.parametrize("name", ["a b", "1a", "a-b", "x'y", "a(b)", "a; DROP TABLE b", "нет\\такой", "a?b"])
def test_a_strange_name_is_only_a_missing_table(maria: TheMariaDb, name: str) -> None:
    with pytest.raises(SchemaDrift, match="нет таблицы"):
        maria.pull(payments(table=name))


def test_a_missing_table_or_column_is_named_with_the_likest_there_is(maria: TheMariaDb) -> None:
    maria.books("CREATE OR REPLACE TABLE `Квитанции` (`ЛС` int, `КОплате` double, `Тайна` varbinary(9))")
    with pytest.raises(SchemaDrift, match="нет таблицы «Квитанци» — может быть, «Квитанции»"):
        maria.pull(wanted("bills", {"account": "ЛС"}, table="Квитанци"))
    wish = {"account": "ЛСчёт", "amount_due_kopecks": "КОплате", "number": "Тайна"}
    with pytest.raises(SchemaDrift) as caught:
        maria.pull(wanted("bills", wish, table="Квитанции"))
    assert "нет столбца «ЛСчёт»" in str(caught.value)
    assert "имеет тип double" in str(caught.value)
    assert "options.rounded" in str(caught.value)
    assert "имеет тип varbinary(9), а нужно текст" in str(caught.value)


@pytest.mark.parametrize("table", ["закрытая_база.Тайна", "mysql.global_priv"])
def test_a_table_that_may_not_be_read_needs_a_person(maria: TheMariaDb, table: str) -> None:
    maria.books("CREATE DATABASE IF NOT EXISTS закрытая_база; CREATE OR REPLACE TABLE закрытая_база.Тайна (a int)")
    with pytest.raises(AccessDenied, match="не хватает прав"):
        maria.pull(wanted("accounts", {"account": "a"}, table=table))


# Keys that sort in an order of their own


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("int", "seq"),
        ("bigint unsigned", "seq + 18446744073709551000"),
        ("int(9) unsigned zerofill", "seq"),
        ("decimal(30,0)", "seq * 1000000000000000000000"),
        ("char(12)", "CONCAT('Счёт ', seq)"),
        ("varchar(40) CHARACTER SET cp1251", "CONCAT('Счёт ', seq)"),
        ("varchar(40) COLLATE utf8mb4_unicode_ci", "CONCAT(IF(seq % 2, 'ё', 'Е'), seq)"),
        ("varchar(40) COLLATE utf8mb4_bin", "CONCAT(IF(seq % 2, 'ё', 'Я'), seq)"),
        ("varchar(40) COLLATE utf8mb4_unicode_nopad_ci", "CONCAT('А', seq DIV 2, IF(seq % 2, ' ', ''))"),
        ("varchar(40) CHARACTER SET latin1", "CONCAT('a', seq)"),
        ("uuid", "UUID()"),
    ],
)
@pytest.mark.parametrize("origin", ["table", "query"])
def test_pages_of_any_key_bring_every_row_once(
    maria: TheMariaDb, kind: str, make: str, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, 20)
    maria.books(
        f"CREATE OR REPLACE TABLE `Ключи` (`К` {kind} PRIMARY KEY, `Дом` varchar(40));"
        f"INSERT INTO `Ключи` SELECT {make}, CONCAT('дом ', seq) FROM seq_1_to_200"
    )
    rows = of_keys(maria, **{origin: "Ключи" if origin == "table" else "SELECT * FROM `Ключи`"})
    assert sorted(row[1] for row in rows) == sorted(f"дом {n}" for n in range(1, 201))


def of_keys(maria: TheMariaDb, **origin: Any) -> list[tuple[Any, ...]]:
    fields = (
        FieldMap(name="holder_name", kind="text", required=True, column="К"),
        FieldMap(name="address", kind="text", required=True, column="Дом"),
    )
    wish = Wanted(dataset=wanted("accounts", {}).dataset, fields=fields, time_zone="UTC", **origin)
    rows, rejects = taken(wish, maria.pull(wish))
    assert rejects == []
    return rows


ALIKE = ("Ёж", "ёж", "ЕЖ", "еж", "ёж ", "Еж  ", "Ё Ж", "ѐж")


@pytest.mark.parametrize("collation", ["utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_uca1400_ai_ci"])
@pytest.mark.parametrize("indexed", [False, True])
def test_keys_that_the_server_holds_for_equal_are_neither_lost_nor_doubled(
    maria: TheMariaDb, collation: str, indexed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page border falls among keys that differ in case, accents or spaces at their end only."""
    small_pages(monkeypatch, 10)
    texts = [f"{word[:-1]}{n:02d}{word[-1]}" for n in range(12) for word in ALIKE]
    key = ", KEY (`К`)" if indexed else ""
    maria.books(
        f"CREATE OR REPLACE TABLE `Похожие` (`К` varchar(40) COLLATE {collation}, `Дом` varchar(40){key});"
        "INSERT INTO `Похожие` VALUES " + ", ".join(f"({literal(text)}, 'дом {i}')" for i, text in enumerate(texts))
    )
    rows = of_keys(maria, table="Похожие")
    assert sorted(rows) == sorted((text.strip(), f"дом {i}") for i, text in enumerate(texts))


@pytest.mark.parametrize("origin", [{"table": "Слова"}, {"query": "SELECT * FROM `Слова`"}])
def test_a_key_of_listed_words_is_cut_as_it_is_sorted(
    maria: TheMariaDb, origin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ENUM sorts by the places of its words, here in the opposite of the alphabet's order."""
    small_pages(monkeypatch, 20)
    maria.books(
        "CREATE OR REPLACE TABLE `Слова` (`К` enum('я','щ','ж','в','а') NOT NULL, `Дом` varchar(40), KEY (`К`));"
        "INSERT INTO `Слова` SELECT 1 + seq % 5, CONCAT('дом ', seq) FROM seq_1_to_90"
    )
    rows = of_keys(maria, **origin)
    assert sorted(row[1] for row in rows) == sorted(f"дом {n}" for n in range(1, 91))


@pytest.mark.parametrize("nulls", [30, 90])
def test_rows_without_a_key_are_rejected_and_not_passed_over(
    maria: TheMariaDb, nulls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They sort first here."""
    small_pages(monkeypatch, 20)
    maria.books(
        "CREATE OR REPLACE TABLE `Пустые` (`ЛС` int, `С` date, KEY (`ЛС`));"
        f"INSERT INTO `Пустые` SELECT IF(seq <= {nulls}, NULL, seq), '2026-10-01' FROM seq_1_to_100"
    )
    wish = wanted("accounts", {"account": "ЛС", "opened_on": "С"}, table="Пустые")
    batches = maria.pull(wish)
    rows, rejects = taken(wish, batches)
    assert [len(rows), len(rejects)] == [100 - nulls, nulls]
    assert max(batch.rows for batch in batches) <= 20


@pytest.mark.parametrize("key", ["", ", PRIMARY KEY (`ид`)", ", UNIQUE (`ид`)"])
@pytest.mark.parametrize("origin", ["table", "query", "view"])
def test_fields_without_a_key_come_whole(
    maria: TheMariaDb, key: str, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, 10)
    maria.books(
        f"CREATE OR REPLACE TABLE `без ключа` (`Д` varchar(9), `С` decimal(9,2), `ид` int NOT NULL{key});"
        "INSERT INTO `без ключа` SELECT seq % 3, seq, seq FROM seq_1_to_55;"
        "CREATE OR REPLACE VIEW `вид` AS SELECT * FROM `без ключа`"
    )
    fields = (
        FieldMap(name="amount_kopecks", kind="money", required=True, column="С"),
        FieldMap(name="payment#1", kind="text", required=False, column="Д"),
    )
    where: Mapping[str, Mapping[str, Any]] = {
        "table": {"table": "без ключа"}, "query": {"query": "SELECT * FROM `без ключа`;"}, "view": {"table": "вид"},
    }  # fmt: skip
    wish = Wanted(dataset=payments().dataset, fields=fields, time_zone="UTC", **where[origin])
    batches = maria.pull(wish)
    rows, rejects = taken(wish, batches)
    assert rejects == []
    assert sorted(row[0] for row in rows) == [n * 100 for n in range(1, 56)]
    assert max(batch.rows for batch in batches) <= 10
    assert [batch.first_row for batch in batches] == [1 + sum(b.rows for b in batches[:i]) for i in range(len(batches))]


def test_a_query_of_a_known_quick_key_comes_in_exact_pages(maria: TheMariaDb, monkeypatch: pytest.MonkeyPatch) -> None:
    small_pages(monkeypatch, 20)
    maria.books(
        "CREATE OR REPLACE TABLE `Быстрые` (`ЛС` varchar(20), `С` date, KEY (`ЛС`));"
        "INSERT INTO `Быстрые` SELECT LPAD(seq, 9, '0'), '2026-10-01' FROM seq_1_to_100"
    )
    query = "SELECT * FROM `Быстрые` WHERE 'a?b' <> \"c?\" -- вопрос?"
    wish = wanted("accounts", {"account": "ЛС", "opened_on": "С"}, query=query, options={"by_ranges": True})
    batches = maria.pull(wish)
    assert all(batch.exact for batch in batches)
    assert sorted(cell for batch in batches for cell in batch.columns[0]) == [10**9 + n for n in range(1, 101)]


def test_an_array_that_the_server_would_cut_is_read_as_it_stands(maria: TheMariaDb) -> None:
    """Half a megabyte in each row makes a page of more than the server's max_allowed_packet."""
    maria.books(
        "CREATE OR REPLACE TABLE `Длинные` (`ЛС` int PRIMARY KEY, `А` longtext);"
        "INSERT INTO `Длинные` SELECT seq, REPEAT('улица ', 50000) FROM seq_1_to_40;"
        "INSERT INTO `Длинные` VALUES (99, 'ё')"
    )
    wish = wanted("accounts", {"account": "ЛС", "address": "А"}, table="Длинные")
    (batch,) = maria.pull(wish)
    assert not batch.exact
    rows, rejects = taken(wish, [batch])
    assert rows == [("99", "ё")]
    assert {reject.reason for reject in rejects} == {"длиннее 2000 знаков"}
    assert len(rejects) == 40


# Totals


def test_totals_come_by_period_and_service(maria: TheMariaDb) -> None:
    maria.books("CREATE OR REPLACE TABLE `Нач` (`ЛС` int, `М` date, `У` varchar(9), `И` decimal(9,2))")
    query = """
        SELECT 2026 * 100 + 10 AS period, 'отопление' AS service, 2 AS `rows`, 10.5 AS total_kopecks
        UNION ALL SELECT 202610, 'вода', 3, -0.05;"""
    fields = {"account": "ЛС", "period": "М", "service": "У", "total_kopecks": "И"}
    words = {"service": {"отопление": "heating", "вода": "water"}}
    totals = maria.totals(wanted("charges", fields, table="Нач", control_query=query, values=words))
    assert totals is not None
    assert (totals.rows, totals.sums) == (5, {"total_kopecks": 1045})
    assert sorted(totals.groups, key=lambda group: group.rows) == [
        GroupTotal(period=202610, service="heating", rows=2, sums={"total_kopecks": 1050}),
        GroupTotal(period=202610, service="water", rows=3, sums={"total_kopecks": -5}),
    ]


def test_a_control_query_that_is_no_query_is_told_with_its_place(maria: TheMariaDb) -> None:
    maria.books("CREATE OR REPLACE TABLE `Нач` (`ЛС` int, `И` decimal(9,2))")
    fields = {"account": "ЛС", "total_kopecks": "И"}
    with pytest.raises(BadData, match=r"charges\.guards\.control_total: запрос не выполняется"):
        maria.totals(wanted("charges", fields, table="Нач", control_query="SELECT 1 AS rows"))


# Survey


def test_a_survey_shows_what_may_be_read_and_nothing_of_the_server(maria: TheMariaDb) -> None:
    maria.books(
        "CREATE DATABASE IF NOT EXISTS `Обзор. База`; GRANT SELECT ON `Обзор. База`.* TO 'lk_reader'@'%';"
        "CREATE OR REPLACE TABLE `Обзор. База`.`Начисления` (`Месяц` date, `ЛС` varchar(20), `Сумма` decimal(15,2),"
        " `Объём` decimal(18,6), `Флаг` bit(1), `Плавает` double, `Когда` timestamp(6) NULL, `Кто` enum('а','б'),"
        " PRIMARY KEY (`ЛС`, `Месяц`));"
        "CREATE OR REPLACE VIEW `Вид обзора` AS SELECT 1 AS `ид`"
    )
    found = {one.origin: one for one in maria.source().survey()}
    assert not [name for name in found if name.startswith(("mysql.", "information_schema.", "sys.", "закрытая"))]
    charges = found['"Обзор. База".Начисления']
    assert (charges.how, charges.key) == ("from", ("ЛС", "Месяц"))
    assert [(column.name, column.type, column.kinds[:1]) for column in charges.columns] == [
        ("Месяц", "date", ("date",)),
        ("ЛС", "varchar(20)", ("text",)),
        ("Сумма", "decimal(15,2)", ("money",)),
        ("Объём", "decimal(18,6)", ("volume",)),
        ("Флаг", "bit(1)", ("bool",)),
        ("Плавает", "double", ()),
        ("Когда", "timestamp(6)", ("datetime",)),
        ("Кто", "enum('а','б')", ("text",)),
    ]
    assert [column.name for column in found["Вид обзора"].columns] == ["ид"]
    assert maria.pull(wanted("accounts", {"account": "ЛС"}, table=charges.origin)) == []


def test_a_right_to_some_columns_only_is_enough(maria: TheMariaDb) -> None:
    maria.books(
        "CREATE DATABASE IF NOT EXISTS `Часть`; CREATE OR REPLACE TABLE `Часть`.`Т` (`Тайна` int, `ЛС` int,"
        " PRIMARY KEY (`Тайна`, `ЛС`), KEY (`ЛС`), KEY (`Тайна`)); INSERT INTO `Часть`.`Т` VALUES (1, 7);"
        f"GRANT SELECT (`ЛС`) ON `Часть`.`Т` TO '{READER}'@'%'"
    )
    assert maria.pull(wanted("accounts", {"account": "ЛС"}, table="Часть.Т"))[0].columns == [[17]]
    with pytest.raises(SchemaDrift, match="нет столбца «Тайна»"):
        maria.pull(wanted("accounts", {"account": "Тайна"}, table="Часть.Т"))
