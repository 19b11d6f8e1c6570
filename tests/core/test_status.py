"""What needs a person is said, with what to do; nothing else is."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shutil
import sqlite3
import struct
import subprocess
import termios
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from lk_sync import overview, printing, status
from lk_sync.clock import instant, now
from lk_sync.config import Config
from lk_sync.errors import AccessDenied, Unreachable
from lk_sync.records import DATASETS
from lk_sync.schedules import Job, Schedules
from lk_sync.store import batches, engines, outbox, pushes, runs
from lk_sync.store.batches import Batch
from lk_sync.store.database import Tx
from tests.core.conftest import LK_SYNC, Office

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def pulled(office: Office) -> Office:
    office.pull()
    return office


def _troubles(office: Office, hours: float = 0) -> list[str]:
    return [str(each) for each in status.look(office.config, office.store, now() + timedelta(hours=hours)).troubles]


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
    assert _troubles(pulled, hours=36.1) == [
        "данные устарели: accounts, payments; посмотрите lk-sync runs (предел 36 ч, источник books)"
    ]


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
            " created_at) VALUES (:id, :id, 'x', 'x', 'ru', '', :state, 1, '', :at)",
            [
                {"id": str(number), "state": state, "at": instant(now() - timedelta(days=days))}
                for number, (state, days) in enumerate(
                    [("failed", 6), ("uncertain", 6), ("sent", 1), ("failed", 8), ("uncertain", 8)]
                )
            ],
        )
    connection.close()
    refused, unknown = _troubles(pulled)
    assert refused == "писем за неделю, отвергнутых почтовым сервером: 1"
    assert unknown == "писем за неделю, о которых неизвестно, дошли ли: 1"


def test_a_run_that_failed_is_told_with_its_reason(pulled: Office) -> None:
    pulled.books["payments"]["act"] = "BadData"
    with pytest.raises(status.BadData):
        pulled.pull()
    (trouble,) = _troubles(pulled)
    assert trouble == (
        "задание books: запуск 2 не удался (так велел сценарий); "
        "причина — в скобках и в lk-sync runs; после исправления lk-sync pull books"
    )


def test_an_outage_is_told_once_with_its_beginning_however_many_jobs_have_met_it(pulled: Office) -> None:
    pulled.books["payments"]["act"] = "Unreachable"
    for _ in range(3):
        with pytest.raises(Unreachable):
            pulled.pull()
    seen = status.look(pulled.config, pulled.store, now())
    (outage,) = seen.outages
    assert (outage.does, outage.peer, outage.tries) == ("pull", "books", 3)
    assert outage.since == pulled.store.read(lambda tx: runs.one(tx, 2)).started_at  # type: ignore[union-attr] # it is there
    (trouble,) = seen.troubles
    assert (trouble.kind, trouble.subject, trouble.since) == ("unreachable", "источник books", outage.since)
    del pulled.books["payments"]["act"]
    pulled.pull()
    assert status.look(pulled.config, pulled.store, now()).outages == []


def test_what_a_person_must_do_depends_on_what_happened(pulled: Office) -> None:
    pulled.books["payments"]["act"] = "AccessDenied"
    with pytest.raises(AccessDenied):
        pulled.pull()
    (trouble,) = status.look(pulled.config, pulled.store, now()).troubles
    assert (trouble.kind, trouble.subject) == ("denied", "задание books")
    assert "исправьте имя, пароль или права и выполните lk-sync pull books" in trouble.todo


def test_a_sink_that_cannot_be_reached_is_an_outage_as_well(office: Office) -> None:
    sink = office.folder / "config" / "sinks"
    sink.mkdir()
    (sink / "files.yaml").write_text("sink: x\nconnection: {}\nexports: {}\n")
    config = Config(office.folder / "config", {})
    office.store.write_now(lambda tx: pushes.failed(tx, sink="files", kind="Unreachable", text="нет связи", now=now()))
    seen = status.look(config, office.store, now())
    assert [(outage.does, outage.peer) for outage in seen.outages] == [("push", "files")]
    assert "приёмник files недоступен (нет связи)" in [trouble.text for trouble in seen.troubles]
    assert status.look(office.config, office.store, now()).outages == []  # it is in no file of settings there


def test_little_room_on_the_disk_and_a_silent_engine_are_told(pulled: Office) -> None:
    pulled.config.lk = msgspec.structs.replace(pulled.config.lk, free_disk_alert_mb=10**9)
    pulled.store.write_now(lambda tx: engines.began(tx, engine="lk1", version="1", now=now()))
    kinds = [trouble.kind for trouble in status.look(pulled.config, pulled.store, now()).troubles]
    assert kinds == ["disk"]
    later = now() + timedelta(minutes=6)
    kinds = [trouble.kind for trouble in status.look(pulled.config, pulled.store, later).troubles]
    assert kinds == ["disk", "engine"]
    pulled.store.write_now(lambda tx: engines.ended(tx, engine="lk1", now=now()))
    assert [trouble.kind for trouble in status.look(pulled.config, pulled.store, later).troubles] == ["disk"]


def test_the_next_start_is_told_by_the_timetable(pulled: Office) -> None:
    jobs = {"books": Job(pull="books", every="1h"), "nightly": Job(pull="books", cron="10 3 * * *")}
    at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    seen = status.look(pulled.config, pulled.store, at, timetable=Schedules(jobs=jobs))
    (hourly, nightly) = seen.jobs
    assert (nightly.job, nightly.run, nightly.next_start) == ("nightly", None, "2026-12-02T00:10:00.000Z")
    assert (hourly.state, hourly.good_at is not None) == ("published", True)


STATUS_KEYS = {
    "": "at version engine jobs datasets held outages outbox letters disk troubles",
    "jobs": "job does peer run state started_at finished_at good_at next_start error_kind error_text failures"
    " failing_since",
    "datasets": "dataset source run as_of stale rejects",
    "disk": "path free_bytes total_bytes cache_bytes store_bytes",
    "outbox": "waiting exported unanswered stray oldest_waiting oldest_unanswered",
    "letters": "waiting failed uncertain",
}


def test_the_names_in_its_json_are_a_promise(pulled: Office) -> None:
    seen = json.loads(pulled.lk_sync("status", "--json").out)
    assert " ".join(seen) == STATUS_KEYS[""]
    for part, keys in STATUS_KEYS.items():
        if part:
            one = seen[part][0] if isinstance(seen[part], list) else seen[part]
            assert " ".join(one) == keys


def _on_a_terminal(office: Office, *words: str) -> str:
    """What the command writes on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = office.environment | {"TERM": "xterm-256color"}
    process = subprocess.Popen([LK_SYNC, *words], cwd=office.folder, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    with suppress(OSError):  # the end of a terminal
        while part := os.read(ours, 65536):
            said += part
    os.close(ours)
    process.wait(30)
    return said.decode()


def test_a_usual_installation_fits_on_a_screen_in_colour(office: Office) -> None:
    office.timetable(
        {
            "jobs": {
                "nightly": {"pull": "books", "cron": "10 3 * * *", "full": True},
                "hourly": {"pull": "books", "cron": "25 7-22 * * *"},
            }
        }
    )
    assert office.lk_sync("pull", "nightly", "hourly").code == 0
    said = _on_a_terminal(office, "status")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said).splitlines()
    assert said != "\n".join(plain)
    names = len(", ".join(DATASETS))
    assert len(plain) + names // 30 + 2 <= 24  # the names of all datasets in a narrow column, and a sink
    assert max(map(len, plain)) <= 80
    assert any(line.startswith("nightly") and "опубликован" in line for line in plain)
    assert "Всё в порядке." in plain


def test_datasets_that_are_alike_stand_together_and_others_apart() -> None:
    one = status.DatasetSeen(
        dataset="a", source="books", run=3, as_of="2026-11-23T02:10:00.000Z", stale=False, rejects=0
    )
    same = msgspec.structs.replace(one, dataset="b")
    others = [
        msgspec.structs.replace(one, dataset="c", **{name: value})
        for name, value in {"source": "bank", "run": 4, "as_of": "2026-11-24", "stale": True, "rejects": 1}.items()
    ]
    assert overview.alike([one, *others, same]) == [[one, same], *([other] for other in others)]


def test_a_broken_template_of_bills_is_told_once_tried_and_forgotten_when_it_is_mended(pulled: Office) -> None:
    assert not [each for each in _kinds(pulled) if each == "template"]
    folder = pulled.config.folder / "templates" / "bill"
    shutil.copytree(CONFIG / "templates" / "bill", folder)
    page = folder / "bill.html"
    whole = page.read_text("utf-8")
    assert "template" not in _kinds(pulled)
    page.write_text(whole.replace("<body>", "<body>\n<p>{{ typo }}"), "utf-8")
    (told,) = [each for each in status.look(pulled.config, pulled.store, now()).troubles if each.kind == "template"]
    assert f"{page}:12:7: UndefinedError" in told.text
    noted = (pulled.config.lk.data_dir / printing.NOTE).stat().st_mtime_ns
    assert "template" in _kinds(pulled)
    assert (pulled.config.lk.data_dir / printing.NOTE).stat().st_mtime_ns == noted  # it was not tried again
    page.write_text(whole, "utf-8")
    assert "template" not in _kinds(pulled)


def _kinds(pulled: Office) -> list[str]:
    return [trouble.kind for trouble in status.look(pulled.config, pulled.store, now()).troubles]
