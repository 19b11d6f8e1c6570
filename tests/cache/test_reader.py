"""The portal's door to the cache: one consistent picture, read only, of whichever file stands there now."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo.cached import carry, fill, publish, put
from demo.postgres import Postgres
from demo.supplier import Books, Plan, Supplier
from demo.supplier.oddities import CAST, Oddity
from lk_sync.cache import schema
from lk_sync.cache.codes import Codes
from lk_sync.cache.places import PostgresCache
from lk_sync.cache.reader import CacheReader, View, statements
from lk_sync.errors import LkError
from lk_sync.records import DATASETS
from tests.at_the_store import TEMPLATE, Kept, Server

NOW = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
SUPPLIER = Supplier(Plan(seed=1, accounts=60, today=date(2026, 11, 23)))
ODD_NUMBER = "Т/17-б"


def books(oddity: Oddity) -> Books:
    return SUPPLIER.books(next(index for index, found in CAST.items() if found is oddity))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reader") / "cache.db"
    fill(path, SUPPLIER, published_at=NOW)
    with contextlib.closing(schema.open_for_writing(path)) as connection:
        row = [ODD_NUMBER, ODD_NUMBER, *books(Oddity.ORDINARY)["accounts"][0][2:]]
        put(connection, Codes(connection), "accounts", [row])
        publish(connection, published_at=NOW)
    return path


@pytest.fixture(scope="module")
def carried(server: Server, path: Path, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The same in PostgreSQL."""
    server.create("lk_reader_books", TEMPLATE)
    kept = Kept(tmp_path_factory.mktemp("carried"), server.environment("lk_reader_books"))
    place = kept.cache()
    assert isinstance(place, PostgresCache)
    carry(path, place)
    return kept


@pytest.fixture(params=["sqlite", "postgresql"])
def reader(request: pytest.FixtureRequest, path: Path) -> Iterator[CacheReader]:
    if request.param == "sqlite":
        made = CacheReader(path)
    else:
        kept: Kept = request.getfixturevalue("carried")
        made = kept.cache().reader()
    yield made
    made.close()


def key_of(reader: CacheReader, oddity: Oddity) -> int:
    key = reader.account_key(books(oddity)["accounts"][0][0])
    assert key is not None
    return key


@pytest.mark.parametrize("oddity", sorted(set(CAST.values()), key=str))
def test_everything_of_an_account_is_read_as_the_books_have_it(reader: CacheReader, oddity: Oddity) -> None:
    made, key = books(oddity), key_of(reader, oddity)
    with reader.view() as view:
        account = made["accounts"][0]
        card = view.card(key)
        assert card is not None
        assert tuple(card) == (account[1], account[2], account[3], account[5], *account[6:12], (), *account[13:15])
        bills = sorted(made["bills"], key=lambda row: row[1:4:2] + row[2:3], reverse=True)
        assert view.bills(key) == [(*row[1:8], ()) for row in bills]
        assert {tuple(row) for row in view.payments(key)} == {(*row[1:6], (), row[6]) for row in made["payments"]}
        assert {tuple(row) for row in view.documents(key)} == {(*row[1:6], (), row[6]) for row in made["documents"]}
        assert sorted(map(str, view.meters(key))) == sorted(map(str, _meters(view, made)))
        for meter in view.meters(key):
            shown = [tuple(reading) for reading in view.readings(key, meter.meter, most=500)]
            mine = [row for row in made["readings"] if row[1] == meter.meter]
            assert shown == [(*row[3:7], ()) for row in sorted(mine, key=lambda row: (row[3], row[2]), reverse=True)]
        last = {row[0]: (*row[3:7], ()) for row in _last(made)}
        assert {meter: tuple(reading) for meter, reading in view.last_readings(key).items()} == last


def test_what_the_supplier_labels_himself_comes_with_its_row(tmp_path: Path, path: Path) -> None:
    copy = tmp_path / "cache.db"
    copy.write_bytes(path.read_bytes())
    told, shown = '{"Этаж":"5","Дом":"кирпич \\"А\\""}', (("Этаж", "5"), ("Дом", 'кирпич "А"'))
    with contextlib.closing(schema.open_for_writing(copy)) as base:
        for name in ("accounts", "bills", "charges", "payments", "meters", "readings", "documents"):
            base.execute(f"UPDATE {name} SET extra = :told", {"told": told})
    with contextlib.closing(CacheReader(copy)) as reader, reader.view() as view:
        key = key_of(reader, Oddity.ORDINARY)
        rows = [view.card(key), *view.bills(key), *view.payments(key), *view.meters(key), *view.documents(key)]
        rows += [(view.last_payment(key) or (None,))[0], *view.last_readings(key).values()]
        rows += view.readings(key, view.meters(key)[0].meter)
        assert {row.extra for row in rows if row is not None} == {shown}
        assert {line[-1] for line in view.charges(key, 202601, 202610)} == {told}


def _meters(view: View, made: Books) -> list[Any]:
    from lk_sync.cache.reader import MeterRow

    return [
        MeterRow._make((row[1], row[2], row[3], *row[4:13], bool(row[13]), (), *row[14:20])) for row in made["meters"]
    ]


def _last(made: Books) -> list[tuple[Any, ...]]:
    newest: dict[str, Any] = {}
    for row in sorted(made["readings"], key=lambda row: (row[3], row[2])):
        newest[row[1]] = (row[1], None, None, *row[3:7])
    return list(newest.values())


def test_charges_and_balances_come_in_the_order_of_their_keys(reader: CacheReader) -> None:
    made, key = books(Oddity.ORDINARY), key_of(reader, Oddity.ORDINARY)
    with reader.view() as view:
        lines = view.charges(key, 202601, 202603)
        shown = {(line[0], view.code(line[1]), view.code(line[2])): line[10] for line in lines}
        assert shown == {tuple(row[1:4]): row[11] for row in made["charges"] if 202601 <= row[1] <= 202603}
        assert [line[:3] for line in lines] == sorted(line[:3] for line in lines)
        settled = view.settlements(key, 202601, 202603)
        assert sum(row[5] for row in settled) == sum(row[9] for row in made["balances"] if 202601 <= row[1] <= 202603)
        assert view.charged_months(key) == (min(row[1] for row in made["charges"]), 202610)
        assert view.balance(key)[0].period == 202610


def test_a_price_per_unit_comes_from_the_latest_month_that_was_charged_by_meter(reader: CacheReader) -> None:
    made, key = books(Oddity.ORDINARY), key_of(reader, Oddity.ORDINARY)
    lines = [row for row in made["charges"] if row[2] == "hot_water" and row[6] == "meter"]
    month = max(row[1] for row in lines)
    latest = [row for row in lines if row[1] == month]
    carrier = next(row for row in latest if row[3] == "carrier")
    with reader.view() as view:
        price = view.unit_price_micro(key, "hot_water", "m3")
        assert price is not None
        assert price * carrier[4] / 10**10 == pytest.approx(sum(row[7] for row in latest), abs=1)
        assert view.unit_price_micro(key, "hot_water", "kWh") is None
        assert view.unit_price_micro(key, "no such service", "m3") is None


def test_a_number_that_is_no_digits_has_a_key_and_an_unknown_one_has_none(reader: CacheReader) -> None:
    key = reader.account_key(ODD_NUMBER)
    assert key is not None
    assert key < 0
    with reader.view() as view:
        card = view.card(key)
        assert card is not None
        assert card.number == ODD_NUMBER
        assert view.card(1000099999) is None
        assert view.balance(1000099999) == []
        assert view.charged_months(1000099999) is None
    assert reader.account_key("Нет/такого") is None
    assert reader.holder_key(1000099999) is None


def test_leading_zeros_keep_accounts_apart(reader: CacheReader) -> None:
    assert reader.account_key("000012345") != reader.account_key("12345")


def test_services_are_called_by_what_their_components_share(reader: CacheReader) -> None:
    with reader.view() as view:
        assert view.service_title("hot_water") == "Горячая вода"
        assert view.service_title("heating") == "Отопление"
        assert view.service_title("unknown") == "unknown"


def test_a_view_does_not_see_what_is_published_while_it_is_open(tmp_path: Path, path: Path) -> None:
    copy = tmp_path / "cache.db"
    copy.write_bytes(path.read_bytes())
    reader = CacheReader(copy)
    key = key_of(reader, Oddity.ORDINARY)
    with contextlib.closing(schema.open_for_writing(copy)) as writer, contextlib.closing(reader):
        with reader.view() as view:
            before = view.card(key)
            writer.execute("UPDATE accounts SET residents = 77")
            writer.execute("UPDATE services SET title = 'Тепло: всё'")
            assert view.card(key) == before
            assert view.service_title("heating") == "Отопление"
        with reader.view() as view:
            card = view.card(key)
            assert card is not None
            assert card.residents == 77
            assert view.service_title("heating") == "Тепло"


def test_new_words_and_states_are_known_at_once(tmp_path: Path) -> None:
    copy = tmp_path / "cache.db"
    writer = schema.open_for_writing(copy)
    with contextlib.closing(writer), contextlib.closing(CacheReader(copy)) as reader:
        with reader.view() as view:
            assert view.state("payments") is None
            assert view.oldest("payments", "accounts") is None
        row = ("000000001", "p-1", "2026-11-01", 202611, 100, "голубиная почта")
        put(writer, Codes(writer), "payments", [row])
        publish(writer, published_at=NOW, datasets=["payments"])
        with reader.view() as view:
            assert view.payments(1000000001)[0].channel == "голубиная почта"
            state = view.state("payments")
            assert state is not None
            assert (state.source, state.published_at) == ("demo", "2026-11-23T02:10:00.000Z")
            assert view.oldest("payments") == state
            assert view.oldest("payments", "accounts") is None


def test_the_least_fresh_dataset_decides(tmp_path: Path) -> None:
    with contextlib.closing(schema.open_for_writing(tmp_path / "cache.db")) as writer:
        publish(writer, published_at=NOW, datasets=["accounts"])
        publish(writer, published_at=NOW.replace(day=20), datasets=["bills"])
    with contextlib.closing(CacheReader(tmp_path / "cache.db")) as reader, reader.view() as view:
        oldest = view.oldest("accounts", "bills")
        assert oldest is not None
        assert oldest.dataset == "bills"


def test_an_absent_cache_is_one_in_which_nothing_is_loaded(tmp_path: Path) -> None:
    with contextlib.closing(CacheReader(tmp_path / "cache.db")) as reader, reader.view() as view:
        assert view.state("accounts") is None
        assert view.card(1000012345) is None
        assert not (tmp_path / "cache.db").exists()


def test_a_cache_that_is_replaced_is_opened_anew(tmp_path: Path, path: Path) -> None:
    place = tmp_path / "cache.db"
    with contextlib.closing(CacheReader(place)) as reader:
        place.write_bytes(path.read_bytes())
        assert reader.holder_key(1000012345) == books(Oddity.ORDINARY)["accounts"][0][3]
        place.unlink()
        assert reader.holder_key(1000012345) is None
        other = tmp_path / "other.db"
        other.write_bytes(path.read_bytes())
        other.replace(place)
        assert reader.holder_key(1000012345) is not None


def test_an_empty_file_is_a_cache_in_the_making(tmp_path: Path) -> None:
    (tmp_path / "cache.db").touch()
    with contextlib.closing(CacheReader(tmp_path / "cache.db")) as reader:
        assert reader.holder_key(1000012345) is None
        schema.open_for_writing(tmp_path / "cache.db").close()
        with reader.view() as view:
            assert view.state("accounts") is None


def test_the_cache_cannot_be_written_through_this_door(reader: CacheReader) -> None:
    with reader.view() as view, pytest.raises((sqlite3.OperationalError, LkError), match=r"readonly|read-only"):
        view._door.execute("DELETE FROM accounts")


def test_a_page_that_fails_leaves_no_transaction_behind(reader: CacheReader) -> None:
    with contextlib.suppress(LookupError), reader.view():
        raise LookupError
    with reader.view() as view:
        assert view.card(1000012345) is not None


@pytest.mark.parametrize("name", sorted(statements()))
def test_every_statement_about_accounts_begins_with_the_account(name: str) -> None:
    sql = statements()[name]
    of_nobody = ("dataset_state", "codes", "services", "account_keys", "works", "weather", "norms", "request_answers")
    if any(f"FROM {table}" in sql for table in of_nobody):
        return
    if name == "billed":  # who is to be printed a bill: numbers of accounts, for the supplier's own staff
        assert sql.startswith("SELECT a.account, a.number FROM accounts AS a\nWHERE a.account >= :least")
        return
    if name == "flats":  # of all flats of a house: what they use, for a median that tells nobody's
        assert "WHERE a.building = :building" in sql
        assert not re.search(r"number|holder|address", sql)
        return
    if ("FROM journal" in sql or ":after" in sql) and ":account" not in sql:  # of all accounts together
        return
    for condition in re.findall(r"WHERE\s+(\S+) = :account|ON\s+(\S+) = :account|WHERE\s+(\S+)", sql):
        assert not condition[2], f"{name}: a condition that does not begin with the account"


SHORT = ("SCAN n", "SCAN w")  # a few rows of the statement's own; works that are planned


@pytest.mark.parametrize("name", sorted(statements()))
def test_every_statement_is_a_search_and_not_a_scan(path: Path, name: str) -> None:
    sql = statements()[name]
    if ":account" not in sql and name != "flats":
        return
    with contextlib.closing(sqlite3.connect(path)) as connection:
        nothing = dict.fromkeys(re.findall(r":(\w+)", sql))
        plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, nothing)]
    tables = "|".join(DATASETS)
    assert not [step for step in plan if re.match(rf"SCAN ({tables}|[a-z])\b", step) and step not in SHORT], plan


@pytest.fixture(scope="module")
def cache_in_postgresql(postgres: Postgres) -> Iterator[psycopg.Connection[Any]]:
    postgres.create_database("cache_reader")
    with postgres.connect("cache_reader") as connection:
        for statement in schema.tables("public"):
            connection.execute(statement)  # type: ignore[arg-type]
        yield connection


@pytest.mark.parametrize("name", sorted(statements()))
def test_every_statement_runs_on_postgresql_too(cache_in_postgresql: psycopg.Connection[Any], name: str) -> None:
    sql = re.sub(r":(\w+)", r"%(\1)s", statements()[name])
    with cache_in_postgresql.transaction(force_rollback=True):
        cache_in_postgresql.execute(sql, dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))  # type: ignore[arg-type]
