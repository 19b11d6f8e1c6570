"""Troubles: what needs a person, and what shall that person do?

`kind` and `subject` say which trouble it is and stay the same while it lasts; `text` may hold what a source said, and
so is for the terminal of the operator only. What a letter says of a kind: `alerts`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from lk_sync.clock import moment
from lk_sync.reports import number
from lk_sync.store import engines, letters, outbox, pushes, rejects, runs

Kind = Literal[
    "held", "unreachable", "denied", "settings", "failed", "broken", "stale", "empty", "unanswered", "stray",
    "letters_failed", "letters_uncertain", "disk", "engine", "rejects", "template",
]  # fmt: skip
OF_ERROR: Final[dict[str, Kind]] = {
    "Unreachable": "unreachable",
    "AccessDenied": "denied",
    "SettingsError": "settings",
    "Unprotected": "settings",
}
RECENT: Final = timedelta(days=7)  # what nobody can mend any more is told for so long
ENGINE_IS_SILENT_AFTER: Final = timedelta(minutes=5)
MEGABYTE: Final = 1024 * 1024


class Trouble(msgspec.Struct, frozen=True):
    """`since`: when it began, where that is known."""

    kind: Kind
    subject: str
    text: str
    todo: str
    since: str | None = None

    def __str__(self) -> str:
        return f"{self.text}; {self.todo}" if self.todo else self.text


def of_held(run: runs.Run, newer: int | None) -> Trouble:
    """`newer`: a run of the same source that has been published since."""
    again = f"исправьте выгрузку и повторите: lk-sync pull {run.job}"
    todo = (
        f"после него опубликован запуск {newer}, утвердить его уже нельзя; {again}"
        if newer
        else f"посмотрите lk-sync runs show {run.run}, проверьте выгрузку, затем lk-sync approve {run.run}; или {again}"
    )
    return Trouble(
        "held", run.job, f"задание {run.job}: запуск {run.run} задержан ({run.error_text})", todo, run.started_at
    )


def of_runs(
    settled: Iterable[runs.Run], outages: Iterable[runs.Outage], failing: Iterable[runs.Failing]
) -> Iterator[Trouble]:
    """`settled`: the newest run of each job that has come to an end; the next one may be under way."""
    ended = list(settled)
    said = {run.source: run.error_text for run in ended if run.error_kind == "Unreachable"}
    for out in outages:
        yield _outage("источник", out.source, out.since, said.get(out.source))
    since = {each.job: each.since for each in failing}
    for run in ended:
        kind = OF_ERROR.get(run.error_kind or "", "failed")
        if run.state == "failed" and kind != "unreachable":
            text = f"задание {run.job}: запуск {run.run} не удался ({run.error_text})"
            yield Trouble(kind, f"задание {run.job}", text, _todo(kind, f"lk-sync pull {run.job}"), since.get(run.job))


def of_broken(run: runs.Run) -> Trouble:
    text = f"задание {run.job}: запуск {run.run} прерван ({run.error_text})"
    return Trouble(
        "broken", f"задание {run.job}", text, f"он повторится по расписанию или сейчас: lk-sync pull {run.job}"
    )


def of_pushes(sinks: Iterable[pushes.Push]) -> Iterator[Trouble]:
    for push in sinks:
        kind = OF_ERROR.get(push.error_kind or "", "failed")
        if push.error_kind is None:
            continue
        if kind == "unreachable":
            yield _outage("приёмник", push.sink, push.failing_since, push.error_text)
            continue
        text = f"приёмник {push.sink}: выгрузка не удалась ({push.error_text})"
        yield Trouble(kind, f"приёмник {push.sink}", text, _todo(kind, f"lk-sync push {push.sink}"), push.failing_since)


def _outage(what: str, peer: str, since: str | None, said: str | None) -> Trouble:
    reason = f" ({said})" if said else ""
    todo = "проверьте связь и сервер (lk-sync check --connect); попытки продолжаются сами"
    return Trouble("unreachable", f"{what} {peer}", f"{what} {peer} недоступен{reason}", todo, since)


def _todo(kind: Kind, command: str) -> str:
    match kind:
        case "denied":
            return f"исправьте имя, пароль или права и выполните {command}: сама программа повторит только через сутки"
        case "settings":
            return f"исправьте настройки (lk-sync check --connect), перезапустите lk-sync run и выполните {command}"
    return f"причина — в скобках и в lk-sync runs; после исправления {command}"


def of_data(source: str, names: list[str], hours: int) -> Trouble:
    text = f"данные устарели: {', '.join(names)}"
    return Trouble("stale", source, text, f"посмотрите lk-sync runs (предел {hours} ч, источник {source})")


def of_rejects(causes: Iterable[rejects.Cause]) -> Iterator[Trouble]:
    """Of each source that has something on the desk, a whole file or a cell: its accounts show less than there is."""
    times = Counter[str]()
    for cause in causes:
        times[cause.source] += cause.times
    for source, cells in sorted(times.items()):
        text = f"источник {source}: не принято и ждёт решения: {number(cells)}"
        yield Trouble("rejects", source, text, "посмотрите lk-sync rejects, исправьте выгрузку или описание источника")


def of_outbox(waiting: outbox.Backlog, hours: int) -> Iterator[Trouble]:
    if waiting.unanswered:
        text = f"без ответа учётной системы дольше {hours} ч: {number(waiting.unanswered)}"
        todo = "проверьте загрузку файлов в учётную систему"
        yield Trouble("unanswered", "выгрузка", text, todo, waiting.oldest_unanswered)
    if waiting.stray:
        text = f"ответов за неделю, не подошедших ни к одной записи: {number(waiting.stray)}"
        yield Trouble("stray", "ответы", text, "отчёты — в папке error")


def of_mail(mail: letters.Backlog) -> Iterator[Trouble]:
    if mail.failed:
        yield Trouble(
            "letters_failed", "письма", f"писем за неделю, отвергнутых почтовым сервером: {number(mail.failed)}", ""
        )
    if mail.uncertain:
        text = f"писем за неделю, о которых неизвестно, дошли ли: {number(mail.uncertain)}"
        yield Trouble("letters_uncertain", "письма", text, "")


def of_disk(path: str, free_bytes: int, limit_mb: int) -> Iterator[Trouble]:
    if free_bytes < limit_mb * MEGABYTE:
        text = (
            f"мало места на диске: свободно {number(free_bytes // MEGABYTE)} МБ, предел {number(limit_mb)} МБ ({path})"
        )
        yield Trouble(
            "disk", "диск", text, "освободите место: без него загрузки не публикуются, показания не принимаются"
        )


def of_template(fault: str) -> Iterator[Trouble]:
    """The supplier's template of bills cannot be used."""
    if fault:
        text = f"шаблон квитанции не годится, квитанции печатает встроенный: {fault}"
        todo = "исправьте его, проверьте: lk-sync check, затем systemctl restart lk-portal"
        yield Trouble("template", "шаблон квитанции", text, todo)


def of_engine(engine: engines.Engine | None, now: datetime) -> Iterator[Trouble]:
    """One that never ran, or was told to stop, is no trouble."""
    if engine is not None and engine.ended_at is None and now - moment(engine.seen_at) > ENGINE_IS_SILENT_AFTER:
        text = f"lk-sync run на машине {engine.engine} не отзывается"
        yield Trouble("engine", engine.engine, text, "проверьте systemctl status lk-sync", engine.seen_at)
