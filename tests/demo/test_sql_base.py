"""Does the accounting system's SQL base hold the supplier's books, and does the clerk keep them right?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from demo import sql_base
from demo.accounting import CHANGED, TABLES, WORDS
from demo.bookkeeper import Bookkeeper, HolderChanged, PaymentBooked, ReadingTaken, Recalculated
from demo.postgres import Postgres
from demo.supplier import Plan, Supplier
from lk_sync.config import Config
from lk_sync.records import DATASETS

PLAN = Plan(seed=6, accounts=200, today=date(2026, 11, 23))
BEFORE = datetime(2026, 11, 23, tzinfo=UTC)
NOW = "2026-11-23T12:00:00+03:00"
ACCOUNT = "000012345"
CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="module")
def books() -> Bookkeeper:
    return Bookkeeper(Supplier(PLAN))


@pytest.fixture(scope="module")
def base(postgres: Postgres, books: Bookkeeper) -> Iterator[psycopg.Connection]:
    postgres.create_database("demo_books")
    with postgres.connect("demo_books") as connection:
        sql_base.load(connection, books)
        yield connection


def one(base: psycopg.Connection, query: str, *parameters: object) -> tuple[object, ...]:
    row = base.execute(sql.SQL(query), parameters).fetchone()
    assert row is not None
    return row


def test_every_row_and_every_kopeck_arrives(base: psycopg.Connection, books: Bookkeeper) -> None:
    every, common = list(books.every()), books.supplier.common()
    for name, table in TABLES.items():
        rows = common[name] if name in common else [row for one_ in every for row in one_[name]]
        assert one(base, f'SELECT count(*) FROM "{table.name}"') == (len(rows),)
        for column, field in table.columns.items():
            if field in DATASETS[name].totals:
                position = DATASETS[name].columns.index(field)
                expected = Decimal(sum(row[position] for row in rows)) / 100
                assert one(base, f'SELECT sum("{column}") FROM "{table.name}"') == (expected,)


def test_the_base_itself_says_that_the_books_close(base: psycopg.Connection) -> None:
    assert one(
        base,
        'SELECT count(*) FROM "Сальдо" WHERE "СальдоНачальное" + "Начислено" + "Перерасчет" - "Льгота" + "Пени"'
        ' - "Оплачено" <> "СальдоКонечное"',
    ) == (0,)
    assert one(
        base,
        'SELECT count(*) FROM "Квитанции" k WHERE "КОплате" <> (SELECT sum("СальдоКонечное") FROM "Сальдо" s '
        'WHERE s."ЛС" = k."ЛС" AND s."Месяц" = k."Месяц")',
    ) == (0,)


def test_odd_names_survive_the_copy(base: psycopg.Connection, books: Bookkeeper) -> None:
    expected = {row[0]: (row[4], row[7]) for one_ in books.every() for row in one_["accounts"]}
    found = base.execute('SELECT "ЛС", "ФИО", "Адрес" FROM "ЛицевыеСчета"').fetchall()
    assert {account: (name, address) for account, name, address in found} == expected


def test_rows_changed_over_the_past_months_and_not_in_the_future(base: psycopg.Connection) -> None:
    nights = f"date_trunc('month', \"{CHANGED}\" AT TIME ZONE 'Europe/Moscow')"
    (months,) = one(base, f'SELECT count(DISTINCT {nights}) FROM "Начисления"')
    assert months == 36
    for table in TABLES.values():
        (latest,) = one(base, f'SELECT max("{CHANGED}") FROM "{table.name}"')
        if table.dataset == "request_answers":  # nobody has asked for anything yet
            assert latest is None
        else:
            assert isinstance(latest, datetime)
            assert latest < BEFORE


def test_the_shipped_mapping_names_what_the_base_has(base: psycopg.Connection) -> None:
    setting = Config(CONFIG, {}).sources["accounting"]
    for name, dataset in setting.datasets.items():
        table = TABLES[name]
        assert dataset.table == table.name
        assert dataset.watermark == CHANGED
        assert {field: ours.column for field, ours in dataset.fields.items()} == {
            field: column for column, field in table.columns.items()
        }
        for field, ours in dataset.fields.items():
            assert dict(ours.values) == {word: code for code, word in WORDS.get((name, field), {}).items()}
        if dataset.guards.control_total:
            cursor = base.execute(sql.SQL(dataset.guards.control_total.query))  # type: ignore[arg-type]
            assert {column.name for column in cursor.description or ()} == {"rows", *DATASETS[name].totals}


def test_the_clerk_changes_the_rows_he_must_and_marks_them(base: psycopg.Connection, books: Bookkeeper) -> None:
    desk = sql_base.Desk(base, books)
    desk.book(
        ReadingTaken(
            account=ACCOUNT, at=NOW, reading="lk-1", meter="0000000-0", taken_on="2026-11-20", period=202611,
            value_micro=400_123_000,
        )
    )  # fmt: skip
    desk.book(PaymentBooked(account=ACCOUNT, at=NOW, payment="П-1", paid_on="2026-11-22", amount_kopecks=12_345))
    desk.book(Recalculated(account=ACCOUNT, at=NOW, service="heating", amount_kopecks=-5_000, reason="по акту"))
    desk.book(HolderChanged(account=ACCOUNT, at=NOW, holder_name="Юдина Юлия", since="2026-11-01"))
    changed = {
        name: one(base, f'SELECT count(*) FROM "{table.name}" WHERE "{CHANGED}" = %s', NOW)[0]
        for name, table in TABLES.items()
    }
    assert {name: rows for name, rows in changed.items() if rows} == {
        "accounts": 1, "charges": 1, "balances": 1, "bills": 1, "payments": 1, "readings": 1,
    }  # fmt: skip
    assert one(base, 'SELECT "ФИО", "КодАбонента" FROM "ЛицевыеСчета" WHERE "ЛС" = %s', ACCOUNT) == (
        "Юдина Юлия",
        "А0000000/2",
    )
    assert one(base, 'SELECT "Значение" FROM "Показания" WHERE "Показание" = %s', "lk-1") == (Decimal("400.123"),)
    test_the_base_itself_says_that_the_books_close(base)


def test_a_corrected_reading_leaves_the_base(base: psycopg.Connection, books: Bookkeeper) -> None:
    desk = sql_base.Desk(base, books)
    account = books.supplier.books(2)["accounts"][0][0]
    for reading, former in (("lk-2", None), ("lk-3", "lk-2")):
        desk.book(
            ReadingTaken(
                account=account, at=NOW, reading=reading, meter="0000002-0", taken_on="2026-11-20", period=202611,
                value_micro=400_000_000, supersedes=former,
            )
        )  # fmt: skip
    found = base.execute('SELECT "Показание" FROM "Показания" WHERE "Показание" IN (\'lk-2\', \'lk-3\')').fetchall()
    assert found == [("lk-3",)]


def test_a_table_is_emptied_and_a_column_renamed(base: psycopg.Connection, books: Bookkeeper) -> None:
    desk = sql_base.Desk(base, books)
    desk.rename_column("documents", "Наименование", "Название")
    assert one(base, 'SELECT count("Название") FROM "Документы"') != (0,)
    desk.rename_column("documents", "Название", "Наименование")
    desk.empty("documents")
    assert one(base, 'SELECT count(*) FROM "Документы"') == (0,)
