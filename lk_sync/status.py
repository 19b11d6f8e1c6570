"""Status: is everything well between the accounting system and the subscribers, and if not, what to do?"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from lk_sync import databases, reports
from lk_sync.clock import instant, moment
from lk_sync.config import Config
from lk_sync.errors import BadData
from lk_sync.reports import number, say, when
from lk_sync.store import letters, outbox, runs
from lk_sync.store.database import Store


class DatasetSeen(msgspec.Struct, frozen=True):
    dataset: str
    source: str
    run: int
    as_of: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """`troubles`: sentences that need a person, each with what to do."""

    jobs: list[runs.Run]
    datasets: list[DatasetSeen]
    outbox: outbox.Backlog
    letters: letters.Backlog
    troubles: list[str]


def look(config: Config, store: Store, now: datetime) -> Seen:
    jobs = store.read(runs.last_of_each_job)
    datasets = _datasets(config)
    late = instant(now - timedelta(hours=config.lk.unanswered_alert_hours))
    waiting = store.read(lambda tx: outbox.backlog(tx, unanswered_since=late))
    mail = store.read(letters.backlog)
    troubles = [*_of_jobs(jobs), *_of_data(config, datasets, now), *_of_outbox(config, waiting), *_of_mail(mail)]
    return Seen(jobs=jobs, datasets=datasets, outbox=waiting, letters=mail, troubles=troubles)


def _datasets(config: Config) -> list[DatasetSeen]:
    try:
        with closing(databases.cache(config).reader()) as reader, reader.view() as view:
            return [DatasetSeen(*state) for state in view.states()]
    except sqlite3.DatabaseError as error:
        path = config.lk.cache_path
        raise BadData(f"{path}: кэш повреждён ({error}); удалите его и выполните lk-sync pull --full") from error


def _of_jobs(jobs: list[runs.Run]) -> list[str]:
    troubles = []
    for run in jobs:
        if run.state == "held":
            troubles.append(
                f"задание {run.job}: запуск {run.run} задержан ({run.error_text}); проверьте выгрузку, "
                f"затем lk-sync approve {run.run} или исправьте её и повторите lk-sync pull {run.job}"
            )
        elif run.state in ("failed", "broken"):
            troubles.append(f"задание {run.job}: запуск {run.run} не удался ({run.error_text})")
    return troubles


def _of_data(config: Config, datasets: list[DatasetSeen], now: datetime) -> list[str]:
    if not datasets:
        return ["данные ещё не загружались; выполните lk-sync pull"]
    limit = now - timedelta(hours=config.lk.portal.stale_after_hours)
    old = [seen.dataset for seen in datasets if moment(seen.as_of) < limit]
    return [f"данные устарели: {', '.join(old)}; посмотрите lk-sync runs"] if old else []


def _of_outbox(config: Config, waiting: outbox.Backlog) -> list[str]:
    troubles = []
    if waiting.unanswered:
        troubles.append(
            f"без ответа учётной системы дольше {config.lk.unanswered_alert_hours} ч: {number(waiting.unanswered)}; "
            "проверьте загрузку файлов в учётную систему"
        )
    if waiting.stray:
        troubles.append(f"ответов, не подошедших ни к одной записи: {number(waiting.stray)}; отчёты — в папке error")
    return troubles


def _of_mail(mail: letters.Backlog) -> list[str]:
    troubles = []
    if mail.failed:
        troubles.append(f"писем, отвергнутых почтовым сервером: {number(mail.failed)}")
    if mail.uncertain:
        troubles.append(f"писем, о которых неизвестно, дошли ли (обрыв при передаче): {number(mail.uncertain)}")
    return troubles


def show(seen: Seen, zone: ZoneInfo) -> None:
    reports.table(
        ("задание", "запуск", "закончен", "итог"),
        [(r.job, r.run, when(r.finished_at, zone), reports.STATES[r.state]) for r in seen.jobs],
    )
    say("")
    reports.table(
        ("набор", "источник", "запуск", "данные на"),
        [(d.dataset, d.source, d.run, when(d.as_of, zone)) for d in seen.datasets],
    )
    say("")
    say(f"К выгрузке: {number(seen.outbox.waiting)}, ждут ответа: {number(seen.outbox.exported)}")
    say(f"Писем в очереди: {number(seen.letters.waiting)}")
    say("")
    for trouble in seen.troubles:
        say(f"! {trouble}")
    if not seen.troubles:
        say("Всё в порядке.")
