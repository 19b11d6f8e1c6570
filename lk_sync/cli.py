"""The command `lk-sync`: what can the operator ask, and with which exit code does it end?

0 done · 1 finished with rejects or held data · 2 wrong settings or usage · 3 source unreachable ·
4 access denied · 130 stopped by a signal. With several jobs the gravest code wins.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import click

from lk_sync import engine, logs, peers, reports, schedules, status
from lk_sync.clock import now
from lk_sync.commands import INTERRUPTED, Commands
from lk_sync.config import Config
from lk_sync.errors import LkError, SettingsError
from lk_sync.flow.run import Puller, RunReport
from lk_sync.reports import as_json, complain, number, say, seconds_between, when
from lk_sync.schedules import Job, Schedules
from lk_sync.store import rejects as rejects_
from lk_sync.store import runs as runs_
from lk_sync.store.database import Store


class Desk:
    """What every command has at hand, opened when first asked for."""

    def __init__(self, folder: Path, timetable: Path | None) -> None:
        self._folder, self._timetable = folder, timetable or engine.timetable_path(folder)
        self._config: Config | None = None
        self._store: Store | None = None

    @property
    def config(self) -> Config:
        if self._config is None:
            self._config = Config(self._folder)
        return self._config

    @property
    def timetable(self) -> Schedules:
        return schedules.load(self._timetable, sources=self.config.sources, sinks=self.config.sinks)

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = engine.open_store(self.config)
        return self._store

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("config"),
    envvar="LK_CONFIG",
    metavar="ПАПКА",
    help="Папка настроек: lk.yaml, sources/, sinks/; по умолчанию config или LK_CONFIG.",
)
@click.option(
    "--schedules",
    "timetable",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    envvar="LK_SCHEDULES",
    metavar="ФАЙЛ",
    help="Расписание; по умолчанию schedules.yaml рядом с папкой настроек или LK_SCHEDULES.",
)
@click.version_option(
    package_name="lk-sync", prog_name="lk-sync", message="%(prog)s %(version)s", help="Показать версию."
)
@click.pass_context
def main(ctx: click.Context, folder: Path, timetable: Path | None) -> None:
    """Обмен личного кабинета с учётной системой поставщика."""
    logs.configure()
    logs.through_structlog(logging.WARNING)
    ctx.obj = Desk(folder, timetable)
    ctx.call_on_close(ctx.obj.close)


as_json_option = click.option("--json", "json", is_flag=True, help="Вывод для программ.")


@main.command()
@click.option("--connect", is_flag=True, help="Соединиться с каждым источником и приёмником.")
@click.pass_obj
def check(desk: Desk, connect: bool) -> int:
    """Проверить настройки, описания источников, расписание и папки."""
    config = desk.config
    faults: list[LkError] = []

    def step(title: str, work: Callable[[], str]) -> None:
        try:
            say(f"✓ {title}: {work()}")
        except LkError as error:
            faults.append(error)
            say(f"✗ {title}: {error}")

    step("настройки", lambda: f"{config.folder / 'lk.yaml'}, часовой пояс {config.lk.time_zone}")
    step("папка данных", lambda: _writable(config.lk.data_dir))
    step("расписание", lambda: f"заданий: {len(desk.timetable.jobs)}")
    for name in config.sources:
        step(f"источник {name}", partial(peers.look_at_source, config, name, connect=connect))
    for name in config.sinks:
        step(f"приёмник {name}", partial(peers.look_at_sink, config, name, connect=connect))
    if faults:
        complain(f"Найдено ошибок: {len(faults)}")
    return max((fault.exit_code for fault in faults), default=0)


def _writable(folder: Path) -> str:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise SettingsError(f"в {folder} нельзя писать ({error.strerror}); измените data_dir или права") from error
    return str(folder)


@main.command()
@click.argument("jobs", nargs=-1, metavar="[ЗАДАНИЕ]…")
@click.option("--full", is_flag=True, help="Полная выгрузка вместо изменений.")
@as_json_option
@click.pass_obj
def pull(desk: Desk, jobs: tuple[str, ...], full: bool, json: bool) -> int:
    """Загрузить данные сейчас: ЗАДАНИЯ или все источники по разу."""
    code, stop = 0, _stop_by_signal()
    reported = []
    for name, job in _pull_jobs(desk, jobs):
        try:
            report = _walk(desk, name, job, full=full, stop=stop)
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
            reports.run_report(report)
    return code


def _walk(desk: Desk, name: str, job: Job, *, full: bool, stop: threading.Event) -> RunReport:
    with reports.progress() as watch:
        puller = Puller(desk.config, desk.store, clock=now, watch=watch, stop=stop, started_by="hand")
        return puller.walk(name, job, full=full)


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


@main.command()
@click.argument("sinks", nargs=-1, metavar="[ПРИЁМНИК]…")
@as_json_option
@click.pass_obj
def push(desk: Desk, sinks: tuple[str, ...], json: bool) -> int:
    """Выгрузить накопленное в ПРИЁМНИКИ (или во все) и забрать ответы."""
    for name in sinks:
        if name not in desk.config.sinks:
            raise SettingsError(f"нет приёмника «{name}»; есть: {', '.join(desk.config.sinks) or 'ни одного'}")
    code = 0
    reported = {}
    for name in sinks or tuple(desk.config.sinks):
        try:
            report = engine.push(desk.config, desk.store, name, clock=now)
        except LkError as error:
            complain(f"Ошибка: приёмник {name}: {error}")
            code = max(code, error.exit_code)
            continue
        reported[name] = report
        code = max(code, 1 if report.needs_attention or report.rejected else 0)
        if not json:
            reports.push_report(report)
    if json:
        as_json(reported)
    return code


@main.command()
@click.pass_obj
def run(desk: Desk) -> None:
    """Работать по расписанию, пока не остановят."""
    config, timetable = desk.config, desk.timetable
    for name in config.sources:
        peers.source(config, name)
    for name in config.sinks:
        peers.sink(config, name)
    engine.run(config, timetable, clock=now)


@main.command(name="status")
@as_json_option
@click.pass_obj
def status_command(desk: Desk, json: bool) -> int:
    """Что произошло, что задержано, что делать."""
    seen = status.look(desk.config, desk.store, now())
    if json:
        as_json(seen)
    else:
        status.show(seen, desk.config.lk.zone)
    return 1 if seen.troubles else 0


@main.command(name="runs")
@click.argument("job", required=False, metavar="[ЗАДАНИЕ]")
@click.option("--most", default=20, type=click.IntRange(1, 1000), metavar="ЧИСЛО", help="Сколько показать, обычно 20.")
@as_json_option
@click.pass_obj
def runs_command(desk: Desk, job: str | None, most: int, json: bool) -> None:
    """Последние запуски, все или одного ЗАДАНИЯ."""
    found = desk.store.read(lambda tx: runs_.recent(tx, most=most, job=job))
    if json:
        details = desk.store.read(lambda tx: {run.run: runs_.datasets_of(tx, run.run) for run in found})
        as_json([{"run": run, "datasets": details[run.run]} for run in found])
        return
    reports.table(
        ("запуск", "задание", "начат", "длился", "итог", "подробности"),
        [
            (
                run.run,
                run.job,
                when(run.started_at, desk.config.lk.zone),
                seconds_between(run.started_at, run.finished_at),
                reports.STATES[run.state],
                run.error_text or "",
            )
            for run in found
        ],
    )


@main.command(name="rejects")
@click.argument("run", required=False, type=int, metavar="[ЗАПУСК]")
@click.option(
    "--most", default=50, type=click.IntRange(1, 10_000), metavar="ЧИСЛО", help="Сколько показать, обычно 50."
)
@as_json_option
@click.pass_obj
def rejects_command(desk: Desk, run: int | None, most: int, json: bool) -> None:
    """Какие строки не приняты в ЗАПУСКЕ (или в последнем таком) и почему."""
    chosen = run if run is not None else desk.store.read(rejects_.newest_run)
    if chosen is None or (run is not None and desk.store.read(lambda tx: runs_.one(tx, run)) is None):
        if run is not None:
            raise SettingsError(f"запуска {run} не было; последние показывает lk-sync runs")
        say("Отклонённых строк не было.")
        return
    found = desk.store.read(lambda tx: rejects_.of_run(tx, chosen, most=most))
    reasons = desk.store.read(lambda tx: rejects_.reasons_of_run(tx, chosen))
    if json:
        as_json({"run": chosen, "reasons": reasons, "rejects": found})
        return
    say(f"Запуск {chosen}: " + ("отклонённых строк нет." if not reasons else "причины по числу случаев"))
    if reasons:
        reports.table(
            ("раз", "набор", "поле", "причина"), [(number(r.times), r.dataset, r.field, r.reason) for r in reasons]
        )
        say("")
        reports.table(
            ("набор", "где", "строка", "ключ", "поле", "значение", "причина"),
            [(r.dataset, r.found_in, r.row_number, r.row_key, r.field, r.value, r.reason) for r in found],
        )


@main.command()
@click.argument("run", type=int, metavar="ЗАПУСК")
@click.pass_obj
def approve(desk: Desk, run: int) -> None:
    """Опубликовать задержанный ЗАПУСК: данные проверены человеком."""
    puller = Puller(desk.config, desk.store, clock=now, watch=lambda _: None, stop=threading.Event(), started_by="hand")
    reports.run_report(puller.approve(run))
