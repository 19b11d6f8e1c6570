"""Pull: how does an operator bring the data in now?"""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import Any

import click

from lk_sync import reports, run_view
from lk_sync.clock import now
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.speech import INTERRUPTED, Command
from lk_sync.errors import LkError, SettingsError
from lk_sync.flow.run import Puller, RunReport
from lk_sync.reports import as_json, complain, say
from lk_sync.schedules import Job


@click.command(cls=Command)
@click.argument("jobs", nargs=-1, metavar="[ЗАДАНИЕ]…")
@click.option("--full", is_flag=True, help="Полная выгрузка вместо изменений.")
@click.option("--dry-run", "dry", is_flag=True, help="Показать, что изменилось бы, в рублях; ничего не публиковать.")
@click.option(
    "--since",
    metavar="ВРЕМЯ",
    help="Изменения с этого времени (или числа), а не с последней отметки; наборы без отметки — целиком.",
)
@as_json_option
@click.pass_obj
def pull(desk: Desk, jobs: tuple[str, ...], full: bool, dry: bool, since: str | None, json: bool) -> int:
    """Загрузить данные сейчас: ЗАДАНИЯ или все источники по разу."""
    if full and since is not None:
        raise SettingsError("--full и --since вместе не имеют смысла: полная выгрузка начинается с начала")
    code, stop = 0, _stop_by_signal()
    reported = []
    for name, job in _pull_jobs(desk, jobs):
        try:
            report = _walk(desk, name, job, stop, full=full, dry=dry, since=since)
        except LkError as error:
            complain(f"Ошибка: задание {name}: {error}")
            code = max(code, error.exit_code)
        else:
            reported.append(report)
            code = max(code, 0 if report.clean else 1)
        if stop.is_set():
            code = INTERRUPTED
            break
    if json:
        as_json(reported)
    else:
        for report in reported:
            _show(report)
    return code


def _show(report: RunReport) -> None:
    reports.run_report(report)
    if report.kind == "dry" and report.picture is not None:
        run_view.show_picture(report.picture)
        say("")
        say(f"Это проба: ничего не опубликовано. Ещё раз показать: lk-sync runs show {report.run}")


def _walk(desk: Desk, name: str, job: Job, stop: threading.Event, **how: Any) -> RunReport:
    with reports.progress() as watch:
        puller = Puller(desk.config, desk.store, clock=now, watch=watch, stop=stop, started_by="hand")
        return puller.walk(name, job, **how)


def _pull_jobs(desk: Desk, names: tuple[str, ...]) -> list[tuple[str, Job]]:
    known = {name: job for name, job in desk.timetable.jobs.items() if job.does == "pull"}
    for name in names:
        if name not in known:
            raise SettingsError(f"в расписании нет задания загрузки «{name}»; есть: {', '.join(known) or 'ни одного'}")
    if names:
        return [(name, known[name]) for name in names]
    first_of_source: dict[str, tuple[str, Job]] = {}
    for name, job in sorted(known.items(), key=lambda pair: pair[1].full):
        first_of_source.setdefault(job.peer, (name, job))
    return list(first_of_source.values())


def _stop_by_signal() -> threading.Event:
    stop = threading.Event()
    for code in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):  # not the main thread: whoever runs us there stops us
            signal.signal(code, lambda *_: stop.set())
    return stop


COMMANDS = (pull,)
