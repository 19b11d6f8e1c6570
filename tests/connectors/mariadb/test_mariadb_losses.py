"""What if MariaDB or the way to it is lost in the middle of a pull?"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable

import pytest

from connectors.odbc.mariadb import connect
from connectors.odbc.source import OdbcSource
from connectors.sql import reading
from lk_sync.contracts import Batch
from lk_sync.errors import Unprotected, Unreachable
from tests.at_the_base import READER, wanted
from tests.at_the_mariadb import TheMariaDb
from tests.faults.proxy import Fault, Kind, Proxy
from tests.weight import peak

COLUMNS = {
    "account": "ЛС",
    "payment": "Документ",
    "paid_on": "Дата",
    "period": "Дата",
    "amount_kopecks": "Сумма",
    "channel": "Канал",
}
ROWS = 20_000
PAYMENTS = wanted("payments", COLUMNS, table="Платежи")
SLOW = wanted("payments", COLUMNS, query="SELECT p.* FROM `Платежи` AS p WHERE SLEEP(0.01) = 0")
TABLE = """
CREATE OR REPLACE TABLE `Платежи` (
    `ЛС` varchar(20), `Документ` varchar(20), `Дата` date, `Сумма` decimal(15,2), `Канал` varchar(20), KEY (`ЛС`));
INSERT INTO `Платежи` SELECT LPAD(seq DIV 5, 9, '0'), CONCAT('П-', seq), '2026-01-01' + INTERVAL seq % 300 DAY,
    seq / 100, CONCAT('канал ', seq % 5) FROM seq_1_to_{rows};
"""


@pytest.fixture(scope="module", autouse=True)
def tables(maria: TheMariaDb) -> None:
    maria.books(TABLE.format(rows=ROWS))


@pytest.fixture(autouse=True)
def smaller_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", 2_000)
    monkeypatch.setattr(reading, "AIM_ROWS", 1_900)


def end(maria: TheMariaDb, how: str = "CONNECTION") -> None:
    ids = maria.books(f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{READER}'").split()
    for session in ids:
        maria.books(f"KILL {how} {session}")


@pytest.mark.parametrize("wish", [PAYMENTS, wanted("payments", COLUMNS, query="SELECT * FROM `Платежи`")])
def test_a_session_ended_between_pages_is_unreachable(maria: TheMariaDb, wish: object) -> None:
    """Over TLS the driver says «TLS/SSL error» of it, under a state that is good for everything."""
    with maria.source().connect() as session:
        pages = session.pull(wish)  # type: ignore[arg-type]
        next(pages)
        end(maria)
        with pytest.raises(Unreachable) as caught:
            list(pages)
    assert "соединение оборвалось" in str(caught.value)
    assert "Данные прежние" in str(caught.value)


@pytest.mark.parametrize("how", ["CONNECTION", "QUERY"])
def test_a_question_ended_by_an_administrator_is_tried_again_later(maria: TheMariaDb, how: str) -> None:
    killer = threading.Timer(0.5, end, [maria, how])
    with maria.source().connect() as session:
        killer.start()
        with pytest.raises(Unreachable):
            list(session.pull(SLOW))
    killer.join()


def test_a_question_that_lasts_too_long_is_ended_by_the_server(maria: TheMariaDb) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match="statement_timeout"):
        maria.pull(SLOW, statement_timeout=2)
    assert time.monotonic() - began < 8


def test_a_server_that_falls_silent_is_given_up_and_the_next_pull_works(
    maria: TheMariaDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the driver itself, so that no thread stays behind."""
    monkeypatch.setattr(connect, "ANSWER_GRACE_SECONDS", 0)
    threads = threading.active_count()
    with Proxy(maria.server.host, maria.server.port) as proxy:
        proxy.fault = Fault("silence", at=200_000)
        began = time.monotonic()
        with pytest.raises(Unreachable, match="оборвалось"):
            maria.pull(PAYMENTS, port=proxy.port, statement_timeout=2)
        assert time.monotonic() - began < 10
    deadline = time.monotonic() + 5
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= threads
    assert sum(batch.rows for batch in maria.pull(PAYMENTS)) == ROWS


CHANCE = random.Random(12)  # noqa: S311 - the same faults each time
FAULTS = [
    (kind, direction, at)
    for kind in ("close", "reset", "flip")
    for direction, most in (("from_server", 500_000), ("to_server", 15_000))
    for at in (*sorted(CHANCE.randrange(most) for _ in range(3)), CHANCE.randrange(3_000))
]


@pytest.mark.parametrize(("kind", "direction", "at"), FAULTS)
def test_a_broken_way_never_brings_wrong_rows(maria: TheMariaDb, kind: Kind, direction: str, at: int) -> None:
    """Wherever the byte is that it breaks at: an error of ours, or everything came before it."""
    with Proxy(maria.server.host, maria.server.port) as proxy:
        proxy.fault = Fault(kind, at=at, direction=direction)  # type: ignore[arg-type]
        batches: list[Batch] = []
        try:
            with maria.source(port=proxy.port, statement_timeout=5).connect() as session:
                batches += session.pull(PAYMENTS)
        except (Unreachable, Unprotected):
            broken = True
        else:
            broken = False
    assert broken or sum(batch.rows for batch in batches) == ROWS
    for batch in batches:
        for document, kopecks in zip(batch.columns[1], batch.columns[4], strict=True):
            assert document == f"П-{kopecks}"


def test_a_server_that_crashes_in_the_middle_is_unreachable_until_it_is_back(maria: TheMariaDb) -> None:
    with maria.source().connect() as session:
        pages = session.pull(PAYMENTS)
        next(pages)
        maria.server.stop(signal.SIGKILL)
        try:
            with pytest.raises(Unreachable):
                list(pages)
            with pytest.raises(Unreachable, match="Проверьте host, port"):
                maria.pull(PAYMENTS)
        finally:
            maria.server.start()
    assert sum(batch.rows for batch in maria.pull(PAYMENTS)) == ROWS


# Memory


def as_table(name: str) -> dict[str, str]:
    return {"table": name}


def as_query(name: str) -> dict[str, str]:
    return {"query": f"SELECT * FROM `{name}`"}


@pytest.mark.parametrize("origin", [as_table, as_query])
def test_memory_does_not_grow_with_the_table(maria: TheMariaDb, origin: Callable[[str], dict[str, str]]) -> None:
    """A query too, though the driver always takes a whole answer."""
    many = 6 * ROWS
    if maria.books("SHOW TABLES LIKE 'Много'") == "":
        maria.books(TABLE.format(rows=many).replace("Платежи", "Много"))
    small, great = (
        peak(OdbcSource, maria.reach(), COLUMNS, **origin("Платежи")),
        peak(OdbcSource, maria.reach(), COLUMNS, **origin("Много")),
    )
    assert (small[0], great[0]) == (ROWS, many)
    assert great[1] <= small[1] + 25
    assert great[1] < 150


@pytest.mark.parametrize("origin", [as_table, as_query])
def test_a_pull_left_half_way_leaves_the_session_fit_for_another(
    maria: TheMariaDb, origin: Callable[[str], dict[str, str]]
) -> None:
    wish = wanted("payments", COLUMNS, **origin("Платежи"))
    with maria.source().connect() as session:
        pages = session.pull(wish)
        next(pages)
        pages.close()  # type: ignore[attr-defined]
        assert sum(batch.rows for batch in session.pull(wish)) == ROWS
