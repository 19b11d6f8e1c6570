"""Does every row come once and as it stands, however the pages are cut?"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.sql import reading
from lk_sync.contracts import Batch, Wanted
from lk_sync.errors import BadData, SettingsError
from lk_sync.records import plain_account
from tests.at_the_base import TheBase, taken, wanted

COLUMNS = {
    "account": "ЛС",
    "payment": "Документ",
    "paid_on": "Дата",
    "period": "Месяц",
    "amount_kopecks": "Сумма",
    "channel": "Канал",
}
PAGE = 100
Rows = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", PAGE)
    monkeypatch.setattr(reading, "AIM_ROWS", PAGE - 5)


def payments(count: int) -> Rows:
    """Rows of the base, in disorder; some accounts have many rows."""
    chance = random.Random(5)  # noqa: S311 - the same rows each time
    rows = [
        (f"{chance.randrange(60) ** 2:09d}", f"П-{i}", f"2026-{1 + i % 9:02d}-15", f"{i}.{i % 100:02d}", f"к{i % 7}")
        for i in range(count)
    ]
    chance.shuffle(rows)
    return rows


def table(base: TheBase, rows: Rows, *indices: str, account: str = 'text COLLATE "C"') -> Wanted:
    base.books.execute('DROP TABLE IF EXISTS "Платежи" CASCADE')
    base.books.execute(
        f'CREATE TABLE "Платежи" ("ЛС" {account}, "Документ" text, "Дата" date, "Месяц" date, "Сумма" numeric(15,2),'
        ' "Канал" text, "Изменено" timestamptz)'
    )
    with base.books.cursor().copy('COPY "Платежи" FROM STDIN') as copy:
        for number, document, day, sum_, channel in rows:
            copy.write_row((number, document, day, f"{day[:7]}-01", sum_, channel, f"{day} 12:00:00+03"))
    for index in indices:
        base.books.execute(f'CREATE INDEX ON "Платежи" ({index})')
    base.books.execute('ANALYZE "Платежи"')
    return wanted("payments", COLUMNS, table="Платежи", watermark="Изменено")


def expected(rows: Rows) -> set[tuple[Any, ...]]:
    return {
        (plain_account(a), d, day, int(day[:4]) * 100 + int(day[5:7]), int(s.replace(".", "")), c)
        for a, d, day, s, c in rows
    }


def check(batches: list[Batch], rows: Rows, wish: Wanted) -> None:
    seen, rejects = taken(wish, batches)
    assert rejects == []
    exact = [row if isinstance(row[0], int) else (plain_account(row[0]), *row[1:]) for row in seen]
    assert len(exact) == len(rows)
    assert set(exact) == expected(rows)
    assert [batch.first_row for batch in batches] == [1 + sum(b.rows for b in batches[:i]) for i in range(len(batches))]
    assert max((batch.rows for batch in batches), default=0) <= PAGE


@pytest.mark.parametrize("count", [1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 1234])
@pytest.mark.parametrize("connections", [1, 2, 3])
def test_ranges_of_an_index_bring_every_row_once(base: TheBase, count: int, connections: int) -> None:
    rows = payments(count)
    wish = table(base, rows, '"ЛС", "Дата"')
    check(base.pull(wish, connections=connections), rows, wish)


@pytest.mark.parametrize("count", [PAGE + 1, 1234])
def test_blocks_bring_every_row_once_where_there_is_no_index(base: TheBase, count: int) -> None:
    rows = payments(count)
    wish = table(base, rows)
    batches = base.pull(wish)
    check(batches, rows, wish)
    assert all(batch.exact for batch in batches)


def test_a_table_full_of_holes_comes_whole(base: TheBase) -> None:
    rows = payments(1500)
    wish = table(base, rows)
    base.books.execute('DELETE FROM "Платежи" WHERE right("Документ", 1) <> \'7\'')
    check(base.pull(wish), [row for row in rows if row[1].endswith("7")], wish)


def test_a_view_comes_through_a_cursor_in_one_pass(base: TheBase) -> None:
    rows = payments(750)
    wish = table(base, rows, '"ЛС"')
    base.books.execute('CREATE VIEW "Вид" AS SELECT * FROM "Платежи"')
    batches = base.pull(wanted("payments", COLUMNS, table="Вид", watermark="Изменено"))
    check(batches, rows, wish)
    assert not any(batch.exact for batch in batches)
    assert max(batch.watermark or "" for batch in batches) == "2026-09-15 09:00:00.000000+00:00"


def test_a_query_of_a_known_quick_key_comes_in_exact_pages(base: TheBase) -> None:
    rows = payments(750)
    wish = table(base, rows, '"ЛС"')
    query = 'SELECT * FROM "Платежи" /* {fn x} */;'
    asked = wanted("payments", COLUMNS, query=query, options={"by_ranges": True})
    batches = base.pull(asked)
    check(batches, rows, wish)
    assert all(batch.exact for batch in batches)
    check(base.pull(wanted("payments", COLUMNS, query=query)), rows, wish)


def test_one_account_with_more_rows_than_a_page_comes_in_parts(base: TheBase) -> None:
    rows = [("000000007", *row[1:]) for row in payments(4 * PAGE)]
    wish = table(base, rows, '"ЛС"')
    check(base.pull(wish), rows, wish)


def test_an_empty_table_brings_nothing_and_says_so(base: TheBase) -> None:
    wish = table(base, [])
    assert base.pull(wish) == []
    totals = base.totals(wish)
    assert totals is not None
    assert (totals.rows, totals.sums) == (0, {"amount_kopecks": 0})


def test_rows_without_a_key_are_not_lost_on_the_way(base: TheBase) -> None:
    """They are rejected by name, not passed over."""
    rows = payments(3 * PAGE)
    wish = table(base, [*rows, *((None, f"Н-{i}", "2026-01-15", "1.00", "к") for i in range(3))], '"ЛС"')
    batches = base.pull(wish)
    seen, rejects = taken(wish, batches)
    assert len(seen) == len(rows)
    assert [(reject.field, reject.reason) for reject in rejects] == [("account", "пусто, а поле обязательное")] * 3


def test_rows_with_the_same_key_all_come(base: TheBase) -> None:
    rows = [(a, "П", *rest) for a, _, *rest in payments(500)]
    wish = table(base, rows, '"ЛС", "Документ"')
    assert sum(batch.rows for batch in base.pull(wish)) == 500


def test_numbers_as_accounts_keep_their_order_and_their_rows(base: TheBase) -> None:
    rows = payments(500)
    wish = table(base, rows, '"ЛС"', account="bigint")
    seen, _ = taken(wish, base.pull(wish))
    assert {row[0] for row in seen} == {plain_account(str(int(row[0]))) for row in rows}
    assert len(seen) == 500


def test_totals_are_the_server_s(base: TheBase) -> None:
    rows = payments(500)
    totals = base.totals(table(base, rows))
    assert totals is not None
    assert totals.rows == 500
    assert totals.sums == {"amount_kopecks": sum(row[4] for row in expected(rows))}


def test_totals_may_come_from_a_query_of_the_mapping(base: TheBase) -> None:
    table(base, payments(500))
    query = 'SELECT 7 AS rows, 12345678901234.56 AS "amount_kopecks"'
    totals = base.totals(wanted("payments", COLUMNS, table="Платежи", control_query=query))
    assert totals is not None
    assert (totals.rows, totals.sums) == (7, {"amount_kopecks": 1234567890123456})


@pytest.mark.parametrize("query", ["SELECT 1 AS rows, 2 AS сумма", "SELECT 1 AS amount_kopecks"])
def test_a_control_query_with_other_columns_is_refused(base: TheBase, query: str) -> None:
    table(base, [])
    with pytest.raises(SettingsError, match="должен дать столбец rows и поля денег"):
        base.totals(wanted("payments", COLUMNS, table="Платежи", control_query=query))


def test_a_control_query_with_many_rows_is_refused(base: TheBase) -> None:
    table(base, [])
    with pytest.raises(BadData, match="дал 2 строк"):
        base.totals(
            wanted("payments", COLUMNS, table="Платежи", control_query="SELECT 1 AS rows FROM (VALUES (1), (2)) a")
        )


# One moment


def test_a_pull_sees_one_moment_while_the_table_changes(base: TheBase) -> None:
    """Between pages, between datasets, and on both connections."""
    rows = payments(1234)
    wish = table(base, rows, '"ЛС"')
    with base.source(connections=2).connect() as session:
        totals = session.totals(wish)
        pages = session.pull(wish)
        batches = [next(pages)]
        base.books.execute('DELETE FROM "Платежи" WHERE "ЛС" > \'000000900\'')
        base.books.execute('UPDATE "Платежи" SET "Сумма" = "Сумма" + 1')
        base.books.execute('INSERT INTO "Платежи" SELECT * FROM "Платежи"')
        batches += pages
        check(batches, rows, wish)
        again = list(session.pull(wish))
        check(again, rows, wish)
    assert totals is not None
    assert totals.rows == len(rows)
    assert totals.sums["amount_kopecks"] == sum(sum(batch.columns[4]) for batch in batches)


def test_a_second_connection_that_is_not_granted_is_done_without(base: TheBase) -> None:
    rows = payments(500)
    wish = table(base, rows, '"ЛС"')
    base.books.execute("ALTER ROLE lk_reader CONNECTION LIMIT 1")
    try:
        check(base.pull(wish, connections=2), rows, wish)
    finally:
        base.books.execute("ALTER ROLE lk_reader CONNECTION LIMIT -1")


def test_connections_are_closed_when_the_session_is(base: TheBase) -> None:
    wish = table(base, payments(500), '"ЛС"')
    base.pull(wish, connections=3)
    base.books.execute("SELECT pg_sleep(0.2)")
    left = base.books.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'lk_reader'").fetchone()
    assert left == (0,)


# Increments


def test_an_increment_brings_what_changed_since_and_not_the_rest(base: TheBase) -> None:
    rows = payments(1234)
    wish = table(base, rows, '"ЛС"', '"Изменено"')
    since = "2026-06-15 09:00:00.000000+00:00"
    part = wanted("payments", COLUMNS, table="Платежи", watermark="Изменено", since=since)
    changed = [row for row in rows if row[2] >= "2026-06"]
    batches = base.pull(part)
    check(batches, changed, wish)
    assert max(batch.watermark or "" for batch in batches) == "2026-09-15 09:00:00.000000+00:00"


@pytest.mark.parametrize("index", [(), ('"ЛС"',), ('"Изменено"',)])
def test_an_increment_is_the_same_with_and_without_an_index(base: TheBase, index: tuple[str, ...]) -> None:
    rows = payments(600)
    wish = table(base, rows, *index)
    part = wanted("payments", COLUMNS, table="Платежи", watermark="Изменено", since="2026-03-01 00:00:00+03:00")
    check(base.pull(part), [row for row in rows if row[2] >= "2026-03"], wish)


def test_an_increment_of_a_view_brings_what_changed(base: TheBase) -> None:
    rows = payments(600)
    wish = table(base, rows)
    base.books.execute('CREATE VIEW "Вид" AS SELECT * FROM "Платежи"')
    part = wanted("payments", COLUMNS, table="Вид", watermark="Изменено", since="2026-03-01 00:00:00+03:00")
    check(base.pull(part), [row for row in rows if row[2] >= "2026-03"], wish)


def test_a_watermark_read_back_finds_its_own_row_to_the_microsecond(base: TheBase) -> None:
    wish = table(base, payments(10))
    base.books.execute('UPDATE "Платежи" SET "Изменено" = \'2026-10-25 02:30:00.123456+03\' WHERE "Документ" = \'П-3\'')
    (batch,) = base.pull(wish)
    assert batch.watermark == "2026-10-24 23:30:00.123456+00:00"
    assert datetime.fromisoformat(batch.watermark).tzinfo == UTC
    (again,) = base.pull(wanted("payments", COLUMNS, table="Платежи", watermark="Изменено", since=batch.watermark))
    assert again.columns[1] == ["П-3"]


def test_a_watermark_in_the_future_does_not_blind_later_increments(base: TheBase) -> None:
    wish = table(base, payments(10))
    base.books.execute('UPDATE "Платежи" SET "Изменено" = \'2999-01-01\' WHERE "Документ" = \'П-3\'')
    base.books.execute('UPDATE "Платежи" SET "Изменено" = \'infinity\' WHERE "Документ" = \'П-4\'')
    (batch,) = base.pull(wish)
    assert batch.watermark is not None
    assert batch.watermark < "2027"
    assert batch.rows == 10


@pytest.mark.parametrize(
    ("kind", "values", "greatest"),
    [
        ("bigint", ("5", "70", "600"), "0000000000000000600"),
        ("integer", ("-5", "70", "600"), "0000000000000000600"),
        ("date", ("2026-01-05", "2026-11-01", "2026-02-01"), "2026-11-01 00:00:00.000000"),
        ("timestamp", ("2026-01-05 10:00", "2026-11-01 03:00:00.5", "2026-02-01"), "2026-11-01 03:00:00.500000"),
    ],
)
def test_a_watermark_of_any_growing_kind_sorts_as_text(
    base: TheBase, kind: str, values: tuple[str, ...], greatest: str
) -> None:
    table(base, payments(3))
    base.books.execute(f'ALTER TABLE "Платежи" DROP COLUMN "Изменено", ADD COLUMN "Изменено" {kind}')
    for number, value in enumerate(values):
        base.books.execute('UPDATE "Платежи" SET "Изменено" = %s WHERE "Документ" = %s', (value, f"П-{number}"))
    (batch,) = base.pull(wanted("payments", COLUMNS, table="Платежи", watermark="Изменено"))
    assert batch.watermark == greatest
    (again,) = base.pull(wanted("payments", COLUMNS, table="Платежи", watermark="Изменено", since=greatest))
    assert again.rows == 1
