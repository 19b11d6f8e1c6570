"""What needs a person is said, with what to do; nothing else is."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest

from lk_sync import status
from lk_sync.clock import instant, now
from lk_sync.store import batches, outbox
from lk_sync.store.batches import Batch
from lk_sync.store.database import Tx
from tests.core.conftest import Office


@pytest.fixture
def pulled(office: Office) -> Office:
    office.pull()
    return office


def _troubles(office: Office, hours: float = 0) -> list[str]:
    return status.look(office.config, office.store, now() + timedelta(hours=hours)).troubles


def _exported(tx: Tx) -> None:
    """One reading that has gone out and one that waits."""
    for item in ("a", "b"):
        outbox.insert(tx, item=item, kind="reading", account="1", payload="{}", now=now())
    file = Batch(
        sink="files", number=1, kind="reading", file="f.csv", row_count=1, control_sum=0, sha256="", layout="{}",
        created_at=instant(now()),
    )  # fmt: skip
    batches.open(tx, file)
    outbox.batch(tx, sink="files", number=1, lines=[(2, "a")])
    outbox.export(tx, sink="files", number=1, now=now())


def test_all_is_well_after_a_pull(pulled: Office) -> None:
    seen = status.look(pulled.config, pulled.store, now())
    assert seen.troubles == []
    assert [dataset.dataset for dataset in seen.datasets] == ["accounts", "payments"]
    assert (seen.outbox.waiting, seen.letters.waiting) == (0, 0)


def test_data_that_nobody_has_looked_at_for_long_are_stale(pulled: Office) -> None:
    assert _troubles(pulled, hours=35.9) == []
    assert _troubles(pulled, hours=36.1) == ["данные устарели: accounts, payments; посмотрите lk-sync runs"]


def test_a_silent_accounting_system_is_told_after_two_days(pulled: Office) -> None:
    pulled.store.write_now(_exported)
    seen = status.look(pulled.config, pulled.store, now())
    assert (seen.outbox.waiting, seen.outbox.exported, seen.troubles) == (1, 1, [])
    assert _troubles(pulled, hours=48.1)[1] == (
        "без ответа учётной системы дольше 48 ч: 1; проверьте загрузку файлов в учётную систему"
    )


def test_letters_that_did_not_arrive_are_told(pulled: Office) -> None:
    connection = sqlite3.connect(pulled.config.lk.store_path)
    with connection:
        connection.executemany(
            "INSERT INTO letters (letter, once, kind, recipient, language, context, state, attempts, next_try_at,"
            " created_at) VALUES (:id, :id, 'x', 'x', 'ru', '', :state, 1, '', '')",
            [{"id": "1", "state": "failed"}, {"id": "2", "state": "uncertain"}, {"id": "3", "state": "sent"}],
        )
    connection.close()
    refused, unknown = _troubles(pulled)
    assert refused == "писем, отвергнутых почтовым сервером: 1"
    assert unknown.startswith("писем, о которых неизвестно, дошли ли (обрыв при передаче): 1")


def test_a_run_that_failed_is_told_with_its_reason(pulled: Office) -> None:
    pulled.books["payments"]["act"] = "BadData"
    with pytest.raises(status.BadData):
        pulled.pull()
    (trouble,) = _troubles(pulled)
    assert trouble == "задание books: запуск 2 не удался (так велел сценарий)"
