"""The door to a cache in PostgreSQL: whole pictures, nothing to write, and no waiting for a server that is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lk_sync.cache import schema
from lk_sync.cache.base import Base
from lk_sync.cache.codes import Codes
from lk_sync.cache.reader import CacheReader
from lk_sync.errors import BadData, LkError, Unreachable
from tests.at_the_store import Kept, Server

PAYMENT = "INSERT INTO cache.payments VALUES (1001, :id, '2026-11-01', 202611, 100, :channel, NULL, NULL, 0, 1)"


@pytest.fixture
def base(shared: Kept) -> Iterator[Base]:
    with closing(shared.cache().open()) as made:
        yield made


@pytest.fixture
def reader(shared: Kept) -> Iterator[CacheReader]:
    with closing(shared.cache().reader()) as made:
        yield made


def _publish(base: Base, ident: str, word: str = "bank") -> None:
    (channel,) = Codes(base).ids([word])
    with base.exclusively("publication"):
        base.execute(PAYMENT, {"id": ident, "channel": channel})


def _seen(reader: CacheReader) -> list[tuple[str, str]]:
    with reader.view() as view:
        return sorted((row.payment, row.channel) for row in view.payments(1001))


def test_a_picture_does_not_change_while_it_is_looked_at(base: Base, reader: CacheReader) -> None:
    _publish(base, "a")
    with reader.view() as view:
        _publish(base, "b", "голубиная почта")
        assert [row.payment for row in view.payments(1001)] == ["a"]
    assert _seen(reader) == [("a", "bank"), ("b", "голубиная почта")]


def test_words_are_read_anew_only_when_something_was_published(base: Base, reader: CacheReader) -> None:
    _publish(base, "a")
    assert _seen(reader) == [("a", "bank")]
    base.execute("UPDATE cache.codes SET code = 'другое'")
    assert _seen(reader) == [("a", "bank")]
    _publish(base, "b")
    assert _seen(reader) == [("a", "другое"), ("b", "bank")]


def test_where_no_cache_is_nothing_is_loaded(shared: Kept, base: Base, reader: CacheReader) -> None:
    _publish(base, "a")
    assert _seen(reader) == [("a", "bank")]
    base.execute("DROP SCHEMA cache CASCADE")
    assert reader.holder_key(1001) is None
    assert _seen(reader) == []
    with reader.view() as view:
        assert view.state("payments") is None
        assert list(view.news(0)) == []
    assert reader.account_key("Т/1") is None
    with closing(shared.cache().open()) as again:
        _publish(again, "b")
    assert _seen(reader) == [("b", "bank")]


def test_a_cache_of_another_version_is_an_empty_one_and_is_made_anew(
    shared: Kept, base: Base, reader: CacheReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish(base, "a")
    (before,) = base.execute("SELECT number FROM cache.edition").fetchone()
    with monkeypatch.context() as patch:
        patch.setattr(schema, "LAYOUT", schema.LAYOUT + 1)
        assert _seen(reader) == []
    assert _seen(reader) == [("a", "bank")]
    monkeypatch.setattr(schema, "LAYOUT", schema.LAYOUT + 1)
    with closing(shared.cache().open()) as again:
        assert again.execute("SELECT COUNT(*) FROM cache.payments").fetchone() == (0,)
        assert again.execute("SELECT number FROM cache.edition").fetchone() == (before + 1,)
    assert _seen(reader) == []


def test_nothing_can_be_written_through_it(base: Base, reader: CacheReader) -> None:
    for in_picture in (False, True):
        if in_picture:
            reader.view().__enter__()
        with pytest.raises(LkError, match="read-only"):
            reader._door.execute("DELETE FROM payments")


def test_text_that_no_row_can_hold_finds_none(reader: CacheReader) -> None:
    assert reader.account_key("Т\0/1") is None
    with reader.view() as view:
        assert view.meters(1001) == []
        assert view.readings(1001, "м\0") == []


def test_many_rows_are_read_as_they_come(base: Base, reader: CacheReader) -> None:
    with base.exclusively("publication"):
        base.execute(
            "INSERT INTO cache.journal SELECT 2, 'payments', n, '[' || n || ']', 'insert', NULL, '{}'"
            " FROM generate_series(1, 5000) AS n"
        )
    with reader.view() as view:
        found = view.news(1)
        assert next(found)[:2] == (1, "payments")
        assert sum(1 for _ in found) == 4999


def test_a_session_that_was_ended_is_opened_anew_between_pictures(
    base: Base, reader: CacheReader, server: Server
) -> None:
    _publish(base, "a")
    assert _seen(reader) == [("a", "bank")]
    _end(server)
    assert _seen(reader) == [("a", "bank")]
    _end(server)
    assert reader.holder_key(1001) is None
    with reader.view() as view:
        _end(server)
        with pytest.raises(Unreachable):
            view.payments(1001)
    assert _seen(reader) == [("a", "bank")]


def _end(server: Server) -> None:
    with server.postgres.connect() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '%cache reader%'"
        )


def test_a_long_question_is_broken_off(reader: CacheReader) -> None:
    began = time.monotonic()
    with reader.view(), pytest.raises(Unreachable, match="не ответила вовремя"):
        reader._door.execute("SELECT pg_sleep(30)")
    assert time.monotonic() - began < 5


def test_a_server_that_is_away_is_waited_for_once_and_found_again(tmp_path: Path) -> None:
    from demo.postgres import throw_away
    from tests.at_the_store import TEMPLATE, made

    with throw_away() as postgres:
        kept = Kept(tmp_path, made(postgres).environment(TEMPLATE))
        with closing(kept.cache().reader()) as reader, closing(kept.store()) as store:
            assert _seen(reader) == []
            postgres.stop("immediate")
            with pytest.raises(Unreachable):
                _seen(reader)
            began = time.monotonic()
            for _ in range(100):
                with pytest.raises(Unreachable):
                    _seen(reader)
            assert time.monotonic() - began < 1
            with pytest.raises(Unreachable):
                store.reading.row("sessions.alive")
            postgres.start()
            until = time.monotonic() + 20
            while time.monotonic() < until:
                try:
                    assert _seen(reader) == []
                    assert store.reading.row("sessions.alive") == (1,)
                    break
                except Unreachable:
                    time.sleep(0.1)
            else:
                pytest.fail("the server is there again, and nobody has found it")


def test_what_cannot_be_stored_is_told_without_the_row(base: Base) -> None:
    _publish(base, "a")
    with pytest.raises(BadData, match="23505") as found, base.exclusively("publication"):
        base.execute(PAYMENT, {"id": "a", "channel": 1})
    assert "2026" not in str(found.value)
    _publish(base, "b")
