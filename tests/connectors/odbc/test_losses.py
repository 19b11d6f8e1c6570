"""What if the server or the way to it is lost in the middle of a pull?"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from connectors.odbc.source import OdbcSource
from connectors.sql import connection, reading
from demo.postgres import throw_away
from lk_sync.contracts import Batch
from lk_sync.errors import Unprotected, Unreachable
from tests.at_the_base import PASSWORD, READER, TheBase, wanted
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
ROWS = 30_000
PAYMENTS = wanted("payments", COLUMNS, table="Платежи")
TABLE = """
CREATE TABLE "Платежи" AS
SELECT to_char(n / 5, 'FM000000000') AS "ЛС", 'П-' || n AS "Документ", date '2026-01-01' + n % 300 AS "Дата",
       (n / 100.0)::numeric(15,2) AS "Сумма", 'канал ' || n % 5 AS "Канал"
FROM generate_series(1, {rows}) AS n;
CREATE INDEX ON "Платежи" ("ЛС");
"""


@pytest.fixture(scope="module", autouse=True)
def tables(base: TheBase) -> None:
    base.books.execute(TABLE.format(rows=ROWS))


@pytest.fixture(autouse=True)
def smaller_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", 2_000)
    monkeypatch.setattr(reading, "AIM_ROWS", 1_900)


def kill_backends(base: TheBase) -> None:
    base.books.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (READER,))


def test_a_backend_killed_between_pages_is_unreachable(base: TheBase) -> None:
    with base.source().connect() as session:
        pages = session.pull(PAYMENTS)
        next(pages)
        kill_backends(base)
        with pytest.raises(Unreachable) as caught:
            list(pages)
    assert "соединение оборвалось" in str(caught.value)
    assert "Данные прежние" in str(caught.value)


def test_a_backend_killed_in_the_middle_of_a_question_is_unreachable(base: TheBase) -> None:
    killer = threading.Timer(0.5, kill_backends, [base])
    with base.source().connect() as session:
        killer.start()
        slow = wanted("payments", COLUMNS, query='SELECT p.* FROM "Платежи" AS p, pg_sleep(20)')
        with pytest.raises(Unreachable, match=r"57P01|08"):
            list(session.pull(slow))
    killer.join()


def test_a_question_that_lasts_too_long_is_ended_by_the_server(base: TheBase) -> None:
    slow = wanted("payments", COLUMNS, query='SELECT p.* FROM "Платежи" AS p, pg_sleep(20)')
    began = time.monotonic()
    with pytest.raises(Unreachable, match="statement_timeout"):
        base.pull(slow, statement_timeout=2)
    assert time.monotonic() - began < 8


def test_a_server_that_falls_silent_is_given_up_and_the_next_pull_works(
    base: TheBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_GRACE_SECONDS", 0)
    with Proxy(base.server.host, base.server.port) as proxy:
        proxy.fault = Fault("silence", at=200_000)
        began = time.monotonic()
        with pytest.raises(Unreachable, match="молчит дольше 2 с"):
            base.pull(PAYMENTS, port=proxy.port, statement_timeout=2, connections=1)
        assert time.monotonic() - began < 10
    assert sum(batch.rows for batch in base.pull(PAYMENTS)) == ROWS


CHANCE = random.Random(11)  # noqa: S311 - the same faults each time
FAULTS = [
    (kind, direction, at)
    for kind in ("close", "reset", "flip")
    for direction, most in (("from_server", 600_000), ("to_server", 20_000))
    for at in sorted(CHANCE.randrange(most) for _ in range(5))
]


@pytest.mark.parametrize(("kind", "direction", "at"), FAULTS)
def test_a_broken_way_never_brings_wrong_rows(base: TheBase, kind: Kind, direction: str, at: int) -> None:
    """Wherever the byte is that it breaks at: an error of ours, or everything came before it."""
    with Proxy(base.server.host, base.server.port) as proxy:
        proxy.fault = Fault(kind, at=at, direction=direction)  # type: ignore[arg-type]
        batches: list[Batch] = []
        try:
            with base.source(port=proxy.port, connections=1).connect() as session:
                batches += session.pull(PAYMENTS)
        except (Unreachable, Unprotected):
            broken = True
        else:
            broken = False
    assert broken or sum(batch.rows for batch in batches) == ROWS
    for batch in batches:
        for document, kopecks in zip(batch.columns[1], batch.columns[4], strict=True):
            assert document == f"П-{kopecks}"


@pytest.fixture
def other_base(monkeypatch: pytest.MonkeyPatch) -> Iterator[TheBase]:
    """A base on a server that may be stopped."""
    monkeypatch.setenv("LK_BASE_PASSWORD", PASSWORD)
    with throw_away() as server:
        server.create_database("lost")
        server.create_reader("lost", READER, PASSWORD)
        with server.connect("lost") as books:
            books.execute(TABLE.format(rows=ROWS))
        yield TheBase(server, "lost", books)


def test_a_server_that_crashes_in_the_middle_is_unreachable_until_it_is_back(other_base: TheBase) -> None:
    with other_base.source().connect() as session:
        pages = session.pull(PAYMENTS)
        next(pages)
        other_base.server.stop("immediate")
        with pytest.raises(Unreachable):
            list(pages)
    with pytest.raises(Unreachable, match="Проверьте host, port"):
        other_base.pull(PAYMENTS)
    other_base.server.start()
    assert sum(batch.rows for batch in other_base.pull(PAYMENTS)) == ROWS


# Memory


def as_table(name: str) -> dict[str, str]:
    return {"table": name}


def as_query(name: str) -> dict[str, str]:
    return {"query": f'SELECT * FROM "{name}"'}


@pytest.mark.parametrize("origin", [as_table, as_query])
def test_memory_does_not_grow_with_the_table(base: TheBase, origin: Callable[[str], dict[str, str]]) -> None:
    many = 8 * ROWS
    base.books.execute('DROP TABLE IF EXISTS "Много"')
    base.books.execute(TABLE.format(rows=many).replace("Платежи", "Много"))
    small, great = (
        peak(OdbcSource, base.reach(), COLUMNS, **origin("Платежи")),
        peak(OdbcSource, base.reach(), COLUMNS, **origin("Много")),
    )
    assert (small[0], great[0]) == (ROWS, many)
    assert great[1] <= small[1] + 25
    assert great[1] < 150


@pytest.mark.parametrize("origin", [as_table, as_query])
def test_a_pull_left_half_way_leaves_the_session_fit_for_another(
    base: TheBase, origin: Callable[[str], dict[str, str]]
) -> None:
    wish = wanted("payments", COLUMNS, **origin("Платежи"))
    with base.source().connect() as session:
        pages = session.pull(wish)
        next(pages)
        pages.close()  # type: ignore[attr-defined]
        assert sum(batch.rows for batch in session.pull(wish)) == ROWS
