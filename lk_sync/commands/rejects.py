"""Rejects: how does an operator see which rows were not taken, and why?"""

from __future__ import annotations

import click

from lk_sync import reports
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.speech import Command, Noun
from lk_sync.errors import SettingsError
from lk_sync.reports import as_json, number, say
from lk_sync.store import rejects as rejects_
from lk_sync.store import runs as runs_


@click.command(cls=Command)
@click.argument("run", required=False, type=int, metavar="[ЗАПУСК]")
@click.option(
    "--most", default=50, type=click.IntRange(1, 10_000), metavar="ЧИСЛО", help="Сколько показать, обычно 50."
)
@as_json_option
@click.pass_obj
def of_run(desk: Desk, run: int | None, most: int, json: bool) -> None:
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


rejects = Noun("rejects", usual=of_run, help="Какие строки не приняты и почему.")

COMMANDS = (rejects,)
