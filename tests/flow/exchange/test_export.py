"""What waits goes out once, in numbered files whose bytes never change."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from lk_sync.contracts import AnswerFile, ExportFile
from lk_sync.errors import BadData, SettingsError, Unprotected, Unreachable
from lk_sync.store import audit, outbox
from lk_sync.store.database import Store
from tests.flow.exchange.conftest import Exchange


class Down:
    """A sink whose server does not answer, and which remembers what it was asked to deliver."""

    def __init__(self) -> None:
        self.asked: list[ExportFile] = []

    def channel(self) -> None: ...

    def probe(self) -> None: ...

    def deliver(self, file: ExportFile) -> None:
        self.asked.append(file)
        raise Unreachable("нет связи")

    def answers(self) -> list[AnswerFile]:
        raise Unreachable("нет связи")

    def put_aside(self, answer: AnswerFile, *, taken: bool, report: str | None = None) -> None: ...


def test_what_waits_goes_out_in_the_order_it_came(exchange: Exchange) -> None:
    items = [exchange.submit(value * 1_000_000, meter=f"М{value}") for value in (30, 10, 20)]
    report = exchange.push()
    assert (report.files, report.exported, report.needs_attention) == (("readings-000001.csv",), 3, False)
    rows = exchange.rows("readings-000001.csv")
    assert [row[0] for row in rows] == ["id", *items]
    assert [row[5] for row in rows] == ["Показание", "30", "10", "20"]
    for line, item in enumerate(items, 2):
        known = exchange.item(item)
        assert (known.state, known.sink, known.batch, known.line) == ("exported", "books", 1, line)
        assert known.file == "readings-000001.csv"
        assert known.exported_at is not None
        assert known.answered_at is None


def test_the_manifest_vouches_for_the_file(exchange: Exchange) -> None:
    exchange.submit(12_345_678)
    exchange.submit(1)
    exchange.push()
    said = json.loads((exchange.drop.root / "in" / "readings-000001.csv.ok").read_text("utf-8"))
    body = (exchange.drop.root / "in" / "readings-000001.csv").read_bytes()
    assert (said["rows"], said["control_sum"], said["number"]) == (2, "12.345679", 1)
    assert said["sha256"] == hashlib.sha256(body).hexdigest()
    assert exchange.query("SELECT number, row_count, control_sum, sha256 FROM batches") == [
        (1, 2, 12_345_679, said["sha256"])
    ]


def test_with_nothing_waiting_no_number_is_taken(exchange: Exchange) -> None:
    assert exchange.push().files == ()
    exchange.submit(1)
    exchange.push()
    assert exchange.push().files == ()
    assert exchange.drop.names("in") == ["readings-000001.csv", "readings-000001.csv.ok"]


def test_numbers_grow_by_one_whatever_becomes_of_the_files(exchange: Exchange) -> None:
    for _ in range(3):
        exchange.submit(1)
        exchange.push()
        for path in (exchange.drop.root / "in").glob("readings*"):
            path.unlink()
    assert exchange.query("SELECT number FROM batches ORDER BY number") == [(1,), (2,), (3,)]


def test_more_than_a_file_holds_goes_out_in_several(exchange: Exchange) -> None:
    items = [exchange.submit(value) for value in range(5)]
    report = exchange.push(max_rows=2)
    assert report.files == ("readings-000001.csv", "readings-000002.csv", "readings-000003.csv")
    assert [exchange.item(item).batch for item in items] == [1, 1, 2, 2, 3]


def test_many_items_of_the_same_instant_are_all_taken_over_several_pages(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PAGE", 2)
    instant = exchange.now()
    monkeypatch.setattr(exchange, "now", lambda: instant)
    items = {exchange.submit(value) for value in range(7)}
    exchange.push(max_rows=5)
    rows = exchange.rows("readings-000001.csv")[1:] + exchange.rows("readings-000002.csv")[1:]
    assert {row[0] for row in rows} == items
    assert len(rows) == 7


def test_a_superseded_item_stays_here_and_its_successor_goes(exchange: Exchange) -> None:
    first = exchange.submit(10)
    second = exchange.submit(20)
    assert exchange.store.write_now(lambda tx: outbox.supersede(tx, item=first, by=second))
    exchange.push()
    assert [row[0] for row in exchange.rows("readings-000001.csv")[1:]] == [second]
    assert (exchange.item(first).state, exchange.item(first).superseded_by) == ("superseded", second)
    assert not exchange.store.write_now(lambda tx: outbox.supersede(tx, item=second, by="x"))
    assert exchange.item(second).state == "exported"


def test_a_server_that_is_down_costs_nothing_and_takes_no_second_number(exchange: Exchange) -> None:
    items = [exchange.submit(1)]
    down = Down()
    for _ in range(3):
        with pytest.raises(Unreachable):
            exchange.push(sink=down)  # type: ignore[arg-type]
        items.append(exchange.submit(1))
    assert {file.name for file in down.asked} == {"readings-000001.csv"}
    assert len({(file.body, file.manifest) for file in down.asked}) == 1
    assert exchange.push().files == ("readings-000001.csv", "readings-000002.csv")
    assert [exchange.item(item).batch for item in items] == [1, 2, 2, 2]


def test_the_same_number_has_the_same_bytes_though_the_layout_was_changed(exchange: Exchange) -> None:
    exchange.submit(1_500_000)
    down = Down()
    with pytest.raises(Unreachable):
        exchange.push(sink=down, encoding="cp1251", decimal=",")  # type: ignore[arg-type]
    exchange.submit(2_500_000)
    exchange.push(encoding="utf-8", delimiter="|", file="новые-{number}.csv")
    assert (exchange.drop.root / "in" / "readings-000001.csv").read_bytes() == down.asked[0].body
    assert exchange.rows("readings-000001.csv", encoding="cp1251")[1][5] == "1,5"
    assert exchange.rows("новые-2.csv", delimiter="|")[1][5] == "2.5"


def test_bytes_that_cannot_be_made_again_are_not_sent_under_a_used_number(exchange: Exchange) -> None:
    item = exchange.submit(1)
    down = Down()
    with pytest.raises(Unreachable):
        exchange.push(sink=down)  # type: ignore[arg-type]
    exchange.store.write_now(
        lambda tx: tx._connection.execute("UPDATE outbox SET payload = replace(payload, '48-', '49-')")
    )
    with pytest.raises(BadData, match=r"readings-000001\.csv собирается не таким"):
        exchange.push()
    assert exchange.drop.names("in") == []
    assert exchange.item(item).state == "batched"


@pytest.mark.parametrize(("encoding", "serial"), [("cp1251", "№1→2"), ("cp866", "«48»"), ("cp866", "Ђ")])
def test_what_the_encoding_cannot_hold_waits_and_is_reported_while_the_rest_goes(
    exchange: Exchange, encoding: str, serial: str
) -> None:
    odd = exchange.submit(1, serial=serial)
    plain = exchange.submit(2, serial="№ 48" if encoding == "cp866" else "«48»")
    for _ in range(2):
        report = exchange.push(encoding=encoding)
        assert [withheld.item for withheld in report.withheld] == [odd]
        assert serial in report.withheld[0].reason
        assert report.needs_attention
    assert (exchange.item(odd).state, exchange.item(plain).state) == ("waiting", "exported")
    assert exchange.push().exported == 1
    assert exchange.item(odd).state == "exported"


def test_items_that_must_wait_do_not_stand_in_the_way_of_full_files(exchange: Exchange) -> None:
    for _ in range(4):
        exchange.submit(1, serial="☃")
    items = [exchange.submit(2) for _ in range(4)]
    report = exchange.push(encoding="cp1251", max_rows=2)
    assert [exchange.item(item).batch for item in items] == [1, 1, 2, 2]
    assert len(report.withheld) == 4


def test_a_spreadsheet_executes_nothing_and_the_accounting_system_reads_the_exact_text(exchange: Exchange) -> None:
    serial = '=HYPERLINK("http://example.test";"48")'
    exchange.submit(5, serial=serial, meter="-1+1", account="@000012345")
    exchange.push()
    (row,) = exchange.rows("readings-000001.csv")[1:]
    assert row[1:4] == ["'@000012345", "'-1+1", f"'{serial}"]
    exchange.accountant.work()
    exchange.push()
    assert exchange.query("SELECT state FROM outbox") == [("confirmed",)]


def test_a_layout_that_cannot_work_is_refused_before_anything_is_written(exchange: Exchange) -> None:
    exchange.submit(1)
    with pytest.raises(SettingsError):
        exchange.push(file="readings.csv")
    with pytest.raises(Unprotected):
        exchange.push(sink=exchange.drop.sink(host_key=""))
    assert exchange.query("SELECT COUNT(*) FROM batches") == [(0,)]


def test_every_change_of_state_is_in_the_audit_trail(exchange: Exchange) -> None:
    item = exchange.submit(1)
    exchange.push()
    exchange.accountant.work()
    exchange.push()
    batch = exchange.store.read(lambda tx: audit.about(tx, object="batch:books/1"))
    assert {entry.act for entry in batch} == {"batch_opened", "batch_delivered"}
    (entry,) = exchange.store.read(lambda tx: audit.about(tx, object=f"item:{item}"))
    assert (entry.actor, entry.act) == ("system", "item_confirmed")


def test_two_engines_at_once_send_every_item_once(exchange: Exchange, tmp_path: Path) -> None:
    items = {exchange.submit(value) for value in range(60)}
    other = exchange.kept.store()

    def engine(store: Store) -> None:
        for _ in range(4):
            exchange.push(store=store, max_rows=7)

    threads = [threading.Thread(target=engine, args=(store,)) for store in (exchange.store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    exchange.push()
    other.close()
    names = [name for name in exchange.drop.names("in") if name.endswith(".csv")]
    sent = [row[0] for name in names for row in exchange.rows(name)[1:]]
    assert sorted(sent) == sorted(items)


def test_the_backlog_counts_what_is_under_way(exchange: Exchange) -> None:
    def backlog(since: str = "") -> tuple[Any, ...]:
        found = exchange.store.read(lambda tx: outbox.backlog(tx, unanswered_since=since))
        return found.waiting, found.exported, found.unanswered, found.stray

    assert backlog() == (0, 0, 0, 0)
    exchange.submit(1)
    assert backlog() == (1, 0, 0, 0)
    exchange.push()
    assert backlog() == (0, 1, 0, 0)
    assert backlog("2026-11-24T00:00:00.000Z") == (0, 1, 1, 0)
    exchange.answer(1, "f00d;confirmed;;")
    exchange.push()
    assert backlog() == (0, 1, 0, 1)


def test_a_batch_number_is_unique_in_the_store_itself(exchange: Exchange) -> None:
    exchange.submit(1)
    exchange.push()
    with pytest.raises((sqlite3.IntegrityError, BadData), match=r"UNIQUE|unique"):
        exchange.store.write_now(
            lambda tx: tx._connection.execute("INSERT INTO batches SELECT * FROM batches WHERE number = 1")
        )
