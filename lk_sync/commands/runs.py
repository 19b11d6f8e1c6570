"""Runs: how does an operator see what each run did, and decide on a held one?"""

from __future__ import annotations

import click

from lk_sync import reports, run_view
from lk_sync.commands.desk import Desk, as_json_option, person, sure, yes_option
from lk_sync.commands.speech import Command, Noun
from lk_sync.errors import SettingsError
from lk_sync.reports import as_json, say, seconds_between, when
from lk_sync.store import runs as runs_


@click.command(cls=Command)
@click.argument("job", required=False, metavar="[ЗАДАНИЕ]")
@click.option("--most", default=20, type=click.IntRange(1, 1000), metavar="ЧИСЛО", help="Сколько показать, обычно 20.")
@as_json_option
@click.pass_obj
def recent(desk: Desk, job: str | None, most: int, json: bool) -> None:
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
                reports.outcome(run),
                run.error_text or "",
            )
            for run in found
        ],
    )


@click.command(cls=Command)
@click.argument("run", type=int, metavar="ЗАПУСК")
@as_json_option
@click.pass_obj
def show(desk: Desk, run: int, json: bool) -> None:
    """Что принёс ЗАПУСК; что изменит задержанный или пробный, в рублях, и что делать."""
    seen = run_view.look(desk.store, run)
    if seen is None:
        raise SettingsError(f"запуска {run} не было; последние показывает lk-sync runs")
    if json:
        as_json(seen)
    else:
        run_view.show(seen, desk.config.lk.zone)


@click.command(cls=Command)
@click.argument("run", type=int, metavar="ЗАПУСК")
@yes_option
@click.pass_obj
def approve(desk: Desk, run: int, yes: bool) -> None:
    """Опубликовать задержанный ЗАПУСК: данные проверены человеком."""
    seen = run_view.look(desk.store, run)
    if seen is not None and seen.run.state == "held":
        run_view.show_findings(seen.findings)
        if seen.picture is not None:
            run_view.show_picture(seen.picture)
        say("")
        if not sure(f"Опубликовать запуск {run}?", yes=yes):
            say("Ничего не опубликовано.")
            return
    reports.run_report(desk.decider().approve(run, who=person()))


@click.command(cls=Command)
@click.argument("run", type=int, metavar="ЗАПУСК")
@yes_option
@click.pass_obj
def revert(desk: Desk, run: int, yes: bool) -> int:
    """Отменить опубликованный ЗАПУСК: вернуть всё, что он изменил."""
    undone = desk.store.read(lambda tx: runs_.datasets_of(tx, run))
    changes = [d for d in undone if d.inserted or d.updated or d.ended]
    told = ", ".join(f"{d.dataset} — {reports.number(d.inserted + d.updated + d.ended)}" for d in changes)
    if not sure(f"Запуск {run} изменил строки: {told or 'нет данных'}. Вернуть, как было?", yes=yes):
        say("Ничего не изменено.")
        return 0
    report = desk.decider().revert(run, who=person())
    reports.run_report(report)
    say(f"Запуск {run} отменён. Следующая загрузка принесёт эти данные снова: если они неверны, исправьте их в")
    say(f"источнике или остановите задание {report.job} в schedules.yaml. Файлы снова читаются, когда снова лежат в")
    say("папке выгрузки, а не в done.")
    return 0


runs = Noun("runs", usual=recent, help="Запуски: последние, все или одного ЗАДАНИЯ.")
runs.add_command(show, "show")

COMMANDS = (runs, approve, revert)
