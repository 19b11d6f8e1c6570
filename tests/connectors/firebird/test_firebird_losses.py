"""What if a Firebird server or the way to it is lost in the middle of a pull?"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from connectors.firebird.source import FirebirdSource
from connectors.sql import connection, reading
from demo import firebird as demo
from lk_sync.errors import Unreachable
from tests.at_the_base import PASSWORD, wanted
from tests.at_the_firebird import READER, TheFirebird
from tests.faults.proxy import Fault, Kind, Proxy
from tests.weight import peak

ROWS = 8_000
TABLE = """
RECREATE TABLE "{name}" ("ЛС" varchar(9), "Документ" varchar(20), "Дата" date, "Сумма" numeric(15,2),
                         "Канал" varchar(20));
COMMIT;
SET TERM ^ ;
EXECUTE BLOCK AS DECLARE N INTEGER = 0; BEGIN
  WHILE (N < {rows}) DO BEGIN
    INSERT INTO "{name}" VALUES (LPAD(:N / 5, 9, '0'), 'П-' || :N, DATE '2026-01-01' + MOD(:N, 300), :N / 100.00,
                                 'канал ' || MOD(:N, 5));
    N = N + 1;
  END
END^
SET TERM ; ^
COMMIT; GRANT SELECT ON "{name}" TO LK_READER; COMMIT;
"""
COLUMNS = {
    "account": "ЛС",
    "payment": "Документ",
    "paid_on": "Дата",
    "period": "Дата",
    "amount_kopecks": "Сумма",
    "channel": "Канал",
}
PAYMENTS = wanted("payments", COLUMNS, table="Платежи")
ENDLESS = wanted(
    "payments",
    COLUMNS,
    query='SELECT P.* FROM "Платежи" P, "Платежи" Q, "Платежи" R WHERE Q."Сумма" < 0 AND R."Сумма" <> P."Сумма"',
)


@pytest.fixture(scope="module", autouse=True)
def tables(bird: TheFirebird) -> None:
    bird.books(TABLE.format(name="Платежи", rows=ROWS))


@pytest.fixture(autouse=True)
def smaller_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", 1_000)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[TheFirebird]:
    """A server that this test may do anything to."""
    monkeypatch.setenv("LK_BASE_PASSWORD", PASSWORD)
    with demo.throw_away() as server:
        server.create_database("own")
        server.create_reader("own", READER, PASSWORD)
        bird = TheFirebird(server, "own")
        bird.books(TABLE.format(name="Платежи", rows=ROWS))
        yield bird


def test_a_server_killed_mid_fetch_is_unreachable(own: TheFirebird) -> None:
    with own.source().connect() as session:
        portions = session.pull(PAYMENTS)
        next(portions)
        own.server.stop(signal.SIGKILL)
        with pytest.raises(Unreachable, match=r"соединение оборвалось.*Данные прежние"):
            list(portions)
    with pytest.raises(Unreachable, match="не достучаться"):
        own.pull(PAYMENTS)
    own.server.start()
    assert sum(batch.rows for batch in own.pull(PAYMENTS)) == ROWS


def test_a_server_that_holds_its_breath_is_given_up_and_nothing_hangs(own: TheFirebird) -> None:
    with own.source(statement_timeout=2).connect() as session:
        portions = session.pull(PAYMENTS)
        next(portions)
        own.server.pause()
        began = time.monotonic()
        try:
            with pytest.raises(Unreachable, match="сервер молчит"):
                list(portions)
        finally:
            own.server.go_on()
    assert time.monotonic() - began < 8


def test_a_question_that_lasts_too_long_is_given_up(bird: TheFirebird) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match="statement_timeout"):
        bird.pull(ENDLESS, statement_timeout=2)
    assert time.monotonic() - began < 8


def test_a_session_that_the_administrator_ends_is_unreachable(bird: TheFirebird) -> None:
    with bird.source().connect() as session:
        portions = session.pull(PAYMENTS)
        next(portions)
        bird.books(f"DELETE FROM MON$ATTACHMENTS WHERE MON$USER = '{READER}'; COMMIT;")
        with pytest.raises(Unreachable, match="соединение оборвалось"):
            list(portions)


@pytest.mark.parametrize("at", [10, 300, 900, 20_000, 200_000])
@pytest.mark.parametrize("kind", ["close", "reset"])
def test_a_broken_way_is_unreachable_wherever_it_breaks(bird: TheFirebird, kind: Kind, at: int) -> None:
    with Proxy(bird.server.host, bird.server.port) as proxy:
        proxy.fault = Fault(kind, at=at)
        with pytest.raises(Unreachable):
            bird.pull(PAYMENTS, port=proxy.port)
    assert sum(batch.rows for batch in bird.pull(PAYMENTS)) == ROWS


def test_a_way_that_falls_silent_is_given_up(bird: TheFirebird, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_GRACE_SECONDS", 30)
    with Proxy(bird.server.host, bird.server.port) as proxy:
        proxy.fault = Fault("silence", at=100_000)
        began = time.monotonic()
        with pytest.raises(Unreachable, match="сервер молчит"):
            bird.pull(PAYMENTS, port=proxy.port, statement_timeout=2)
        assert time.monotonic() - began < 10


def test_a_pull_sees_one_moment_while_the_table_changes(bird: TheFirebird) -> None:
    with bird.source().connect() as session:
        totals = session.totals(PAYMENTS)
        portions = session.pull(PAYMENTS)
        rows = next(portions).rows
        bird.books('INSERT INTO "Платежи" SELECT FIRST 500 * FROM "Платежи"; COMMIT;')
        rows += sum(batch.rows for batch in portions)
        again = sum(batch.rows for batch in session.pull(PAYMENTS))
    bird.books(TABLE.format(name="Платежи", rows=ROWS))
    assert totals is not None
    assert (totals.rows, rows, again) == (ROWS, ROWS, ROWS)


def test_a_pull_left_half_way_leaves_the_session_fit_for_another(bird: TheFirebird) -> None:
    with bird.source().connect() as session:
        portions = session.pull(PAYMENTS)
        next(portions)
        portions.close()  # type: ignore[attr-defined]
        assert sum(batch.rows for batch in session.pull(PAYMENTS)) == ROWS


def test_memory_does_not_grow_with_the_table(bird: TheFirebird) -> None:
    bird.books(TABLE.format(name="Много", rows=3 * ROWS))
    few, many = (
        peak(FirebirdSource, bird.reach(), COLUMNS, table="Платежи"),
        peak(FirebirdSource, bird.reach(), COLUMNS, table="Много"),
    )
    assert (few[0], many[0]) == (ROWS, 3 * ROWS)
    assert many[1] <= few[1] + 25
