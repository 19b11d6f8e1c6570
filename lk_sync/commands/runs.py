"""Runs: how does an operator see what each run did, and decide on a held one?"""

from __future__ import annotations

import threading

import click

from lk_sync import reports
from lk_sync.clock import now
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.speech import Command, Noun
from lk_sync.flow.run import Puller
from lk_sync.reports import as_json, seconds_between, when
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
                reports.STATES[run.state],
                run.error_text or "",
            )
            for run in found
        ],
    )


@click.command(cls=Command)
@click.argument("run", type=int, metavar="ЗАПУСК")
@click.pass_obj
def approve(desk: Desk, run: int) -> None:
    """Опубликовать задержанный ЗАПУСК: данные проверены человеком."""
    puller = Puller(desk.config, desk.store, clock=now, watch=lambda _: None, stop=threading.Event(), started_by="hand")
    reports.run_report(puller.approve(run))


runs = Noun("runs", usual=recent, help="Запуски: последние, все или одного ЗАДАНИЯ.")

COMMANDS = (runs, approve)
