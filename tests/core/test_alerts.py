"""The operator is written about a trouble once, whoever is started anew meanwhile, and with no portal at all."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest

from demo import mailbox as demo_mailbox
from demo.certificates import Authority
from demo.mailbox import Fault, Mailbox
from lk_sync import alerts, digest
from lk_sync.clock import now
from lk_sync.config import Config
from lk_sync.errors import AccessDenied, BadData, SettingsError, Unreachable
from lk_sync.schedules import Job, Schedules
from lk_sync.store import incidents, outbox, runs
from lk_sync.store.database import Store
from tests.core.conftest import LK, Office
from tests.core.engines import Start, engines_of, until
from tests.core.test_status import _exported
from tests.house.repository import ROOT

OPERATORS = ("it@energoservice.example", "second@energoservice.example")
TIMETABLE = Schedules(jobs={"books": Job(pull="books", every="1h")})
QUICK = "from lk_sync import cli, errands; errands.LOOK_SECONDS = 0.3; cli.main(['run'])"
SECRETS = ("Иванов", "000000", "П0", "так велел")  # what only the books know, and what a source has said


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def mailbox(tmp_path: Path, authority: Authority) -> Iterator[Mailbox]:
    certificate = authority.issue("mail")
    with demo_mailbox.running(tmp_path / "mail", certificate, username="lk", password="сезам") as box:
        yield box


@pytest.fixture
def told(office: Office, mailbox: Mailbox, authority: Authority) -> Office:
    """The office with an operator who is to be told."""
    folder = office.config.folder
    mail = {
        "host": "localhost", "port": mailbox.port, "ca": str(authority.ca), "username": "lk",
        "password": {"secret": "SMTP_PASSWORD"}, "sender": "Кабинет <lk@energoservice.example>",
    }  # fmt: skip
    wanted = {"to": OPERATORS, "digest_hour": None}
    more = f"mail: {json.dumps(mail, ensure_ascii=False)}\nalerts: {json.dumps(wanted)}\n"
    (folder / "lk.yaml").write_text(LK + more, "utf-8")
    shutil.copytree(ROOT / "config" / "letters", folder / "letters")
    office.config = Config(folder, {"LK_SMTP_PASSWORD": "сезам"})
    return office


@pytest.fixture
def start(told: Office) -> Iterator[Start]:
    with engines_of(told) as begin:
        yield lambda: begin(sys.executable, "-c", QUICK, LK_SMTP_PASSWORD="сезам")


def _sweep(office: Office, *, hours: float = 0) -> None:
    alerts.sweep(office.config, TIMETABLE, office.store, now() + timedelta(hours=hours))


def _queued(office: Office) -> list[tuple[str, dict[str, list[dict[str, str]]]]]:
    """(recipient, what the letter says) of the letters that wait, oldest first."""
    connection = sqlite3.connect(office.config.lk.store_path)
    try:
        rows = connection.execute("SELECT recipient, context FROM letters ORDER BY created_at, rowid").fetchall()
    finally:
        connection.close()
    return [(recipient, json.loads(context)) for recipient, context in rows]


def _text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _fails(office: Office, act: str, error: type[Exception]) -> None:
    office.books["payments"]["act"] = act
    with pytest.raises(error):
        office.pull()
    del office.books["payments"]["act"]


def test_a_trouble_is_written_about_once_and_once_when_it_is_over(told: Office, mailbox: Mailbox, start: Start) -> None:
    told.timetable({"jobs": {"books": {"pull": "books", "every": "1s"}}})
    told.books["payments"]["act"] = "BadData"
    told.keep_books()
    engine = start()
    until(lambda: len(mailbox.letters()) == len(OPERATORS))
    engine.end(signal.SIGKILL)
    until(lambda: not engine.left())
    second = start()
    walked = len(told.store.read(runs.recent))
    until(lambda: len(told.store.read(runs.recent)) >= walked + 3)
    assert len(mailbox.letters()) == len(OPERATORS)
    del told.books["payments"]["act"]
    told.keep_books()
    until(lambda: len(mailbox.letters()) == 2 * len(OPERATORS))
    assert second.end(signal.SIGTERM)[0] == 0
    for operator in OPERATORS:
        begun, over = mailbox.letters(to=operator)
        assert "нужен человек" in begun["Subject"]
        assert "задание books: запуск не удался" in _text(begun)
        assert "lk-sync pull books" in _text(begun)
        assert "снова в порядке" in over["Subject"]
        assert "Закончилось: задание books: запуск не удался" in _text(over)
        assert not [secret for secret in SECRETS for each in (begun, over) if secret in each.as_string() + _text(each)]


def test_a_mail_server_that_is_away_for_a_while_loses_nothing(told: Office, mailbox: Mailbox, start: Start) -> None:
    mailbox.next_time(Fault.DROP_AT_MAIL)
    _fails(told, "BadData", BadData)
    told.keep_books()
    told.timetable({"jobs": {"books": {"pull": "books", "cron": "0 0 1 1 *"}}})
    start()
    until(lambda: len(mailbox.letters()) == 1)  # the first one is put off for a minute, the other has gone


def test_two_engines_that_look_at_the_same_moment_write_once(told: Office) -> None:
    _fails(told, "BadData", BadData)
    stores = [Store(told.config.lk.store_path) for _ in range(4)]
    barrier = threading.Barrier(len(stores))

    def look(store: Store) -> None:
        barrier.wait()
        for _ in range(3):
            alerts.sweep(told.config, TIMETABLE, store, now())

    threads = [threading.Thread(target=look, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert sorted(recipient for recipient, _ in _queued(told)) == sorted(OPERATORS)


def test_a_held_run_is_told_by_its_rule_and_without_its_rows(told: Office) -> None:
    told.pull()
    told.books["payments"]["rows"] = told.books["payments"]["rows"][:5]
    assert told.pull(full=True).state == "held"
    _sweep(told)
    (_, context), _ = _queued(told)
    (opened,) = context["opened"]
    assert opened["what"] == "задание books: запуск задержан проверкой, абоненты видят прежние данные"
    assert "lk-sync approve 2" in opened["todo"][0]
    assert opened["todo"][1].startswith("payments, правило shrink: если строки удалены намеренно")
    told.puller.approve(2, who="root")
    _sweep(told)
    assert [context["closed"][0]["what"] for _, context in _queued(told)[2:]] == [opened["what"]] * 2


def test_a_short_outage_is_not_written_about_and_a_long_one_is(told: Office) -> None:
    told.pull()
    _fails(told, "Unreachable", Unreachable)
    _sweep(told, hours=0.2)
    assert _queued(told) == []
    _sweep(told, hours=0.26)
    (_, context), _ = _queued(told)
    assert context["opened"][0]["what"] == "источник books: нет связи"
    told.pull()
    _sweep(told, hours=2)
    (_, context) = _queued(told)[-1]
    assert context["closed"][0]["lasted"] == "1 ч 44 мин"


def test_one_trouble_that_becomes_another_is_told_as_both(told: Office) -> None:
    _fails(told, "BadData", BadData)
    _sweep(told)
    _fails(told, "AccessDenied", AccessDenied)
    _sweep(told)
    (_, context) = _queued(told)[-1]
    assert [each["what"] for each in context["opened"]] == ["задание books: отказано в доступе, попытки прекращены"]
    assert [each["what"].split(":")[1] for each in context["closed"]] == [
        " запуск не удался, абоненты видят прежние данные"
    ]
    assert len(told.store.read(incidents.still_open)) == 1


def test_stale_data_unanswered_readings_and_a_full_disk_are_told_in_one_letter(told: Office) -> None:
    told.pull()
    told.store.write_now(_exported)
    told.config.lk = msgspec.structs.replace(told.config.lk, free_disk_alert_mb=10**9)
    _sweep(told, hours=49)
    (_, context), _ = _queued(told)
    assert [each["what"] for each in context["opened"]] == [
        "источник books: данные устарели",
        "выгрузка: учётная система не отвечает на выгруженное",
        "диск: мало места",
    ]
    assert told.store.read(lambda tx: outbox.backlog(tx, unanswered_since="9")).unanswered == 1


def test_the_digest_comes_once_a_day_after_its_hour_and_holds_nothing_of_a_row(told: Office) -> None:
    def written(at: datetime, *, hour: int) -> bool:
        wanted = msgspec.structs.replace(told.config.lk.alerts, digest_hour=hour)
        told.config.lk = msgspec.structs.replace(told.config.lk, alerts=wanted)
        return digest.write_if_due(told.config, TIMETABLE, told.store, at)

    told.books["payments"]["rows"][0]["сумма"] = "x"
    told.pull()
    told.puller.approve(1, who="root")
    here = now().astimezone(told.config.lk.zone)
    assert not written(here.replace(hour=22, minute=59), hour=23)
    assert _queued(told) == []
    assert [written(here, hour=0), written(here, hour=0)] == [True, True]
    (_, context), _ = _queued(told)
    (cause,) = context["rejects"]
    assert (cause["dataset"], cause["field"], cause["times"]) == ("payments", "amount_kopecks", 1)
    assert [each["inserted"] for each in context["changes"]] == [10, 9]
    assert not [secret for secret in SECRETS if secret in json.dumps(context, ensure_ascii=False)]
    assert written(here + timedelta(days=1), hour=0)
    assert len(_queued(told)) == 4


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("нет строки «000123» в справочнике", "нет строки … в справочнике"),
        ("это не число", "это не число"),
        ("год 1056 вне разумных пределов", "год … вне разумных пределов"),
        ("счёт №45-1, Иванов", "счёт … Иванов"),
    ],
)
def test_a_reason_loses_what_it_quotes(reason: str, shown: str) -> None:
    assert digest.harmless(reason) == shown


def test_an_operator_without_a_mail_server_is_refused(told: Office) -> None:
    path = told.config.folder / "lk.yaml"
    path.write_text(LK + 'alerts: {to: ["it@energoservice.example"]}\n', "utf-8")
    said = told.lk_sync("check")
    assert said.code == 2
    assert "alerts: письма отправляются через раздел mail, а его нет" in said.out + said.err
    path.write_text(LK + 'alerts: {to: ["it"]}\n', "utf-8")
    with pytest.raises(SettingsError, match=r"alerts\.to"):
        Config(told.config.folder, {})


def test_an_engine_that_could_not_write_does_not_start(told: Office) -> None:
    (told.config.folder / "letters" / "operator_alert.ru.txt").write_text("Тема\n{{ balance }}", "utf-8")
    said = told.lk_sync("run", LK_SMTP_PASSWORD="сезам")
    assert said.code == 2
    assert "operator_alert.ru" in said.err
