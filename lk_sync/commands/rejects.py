"""Rejects: how does an operator see which rows were not taken and why, and settle them?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from lk_sync import reports
from lk_sync.clock import now
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.speech import Command, Noun
from lk_sync.errors import SettingsError
from lk_sync.flow import listing
from lk_sync.flow.run import RunReport
from lk_sync.reports import as_json, number, say
from lk_sync.store import audit
from lk_sync.store import rejects as rejects_
from lk_sync.store import runs as runs_
from lk_sync.store.database import Tx
from lk_sync.store.rejects import Unsettled

HEADING: Final = ("№", "источник", "набор", "где", "строка", "ключ", "счёт", "поле", "значение", "причина")
most_option = click.option(
    "--most", default=50, type=click.IntRange(1, 10_000), metavar="ЧИСЛО", help="Сколько показать, обычно 50."
)
dataset_option = click.option("--dataset", default=None, metavar="НАБОР", help="Только этого набора данных.")


@click.command(cls=Command)
@click.argument("run", required=False, type=int, metavar="[ЗАПУСК]")
@most_option
@as_json_option
@click.pass_obj
def listed(desk: Desk, run: int | None, most: int, json: bool) -> None:
    """Что не принято и ещё не разобрано, по причинам; или всё, что не принято в ЗАПУСКЕ."""
    if run is not None:
        _of_run(desk, run, most, json=json)
        return
    causes = desk.store.read(rejects_.causes)
    rows = desk.store.read(rejects_.unsettled)
    if json:
        as_json({"causes": causes, "rejects": [_told(row) for row in rows[:most]]})
        return
    if not causes:
        say("Неразобранных строк нет.")
        return
    say("Не принято и не разобрано — причины по числу случаев")
    reports.table(
        ("раз", "счетов", "источник", "набор", "поле", "запуски", "причина"),
        [
            (
                number(c.times),
                number(c.accounts),
                c.source,
                c.dataset,
                c.field,
                _runs(c.first_run, c.last_run),
                c.reason,
            )
            for c in causes
        ],
    )
    say("")
    reports.table(HEADING, [_line(row) for row in rows[:most]])
    if len(rows) > most:
        say(f"…и ещё {number(len(rows) - most)}; все — lk-sync rejects export ФАЙЛ")
    say("")
    say(
        "Исправлено описание источника — lk-sync rejects replay --all. Исправлена учётная система — дождитесь загрузки "
        "или lk-sync pull --full. Исправлять не будут — lk-sync rejects dismiss №."
    )


def _of_run(desk: Desk, run: int, most: int, *, json: bool) -> None:
    if desk.store.read(lambda tx: runs_.one(tx, run)) is None:
        raise SettingsError(f"запуска {run} не было; последние показывает lk-sync runs")
    found = desk.store.read(lambda tx: rejects_.of_run(tx, run, most=most))
    reasons = desk.store.read(lambda tx: rejects_.reasons_of_run(tx, run))
    if json:
        as_json({"run": run, "reasons": reasons, "rejects": found})
        return
    say(f"Запуск {run}: " + ("отклонённых строк нет." if not reasons else "причины по числу случаев"))
    if reasons:
        reports.table(
            ("раз", "набор", "поле", "причина"), [(number(r.times), r.dataset, r.field, r.reason) for r in reasons]
        )
        say("")
        reports.table(
            ("набор", "где", "строка", "ключ", "поле", "значение", "причина"),
            [(r.dataset, r.found_in, r.row_number, r.row_key, r.field, r.value, r.reason) for r in found],
        )


def _runs(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _line(row: Unsettled) -> Sequence[object]:
    place = (row.number, row.source, row.dataset, row.found_in, row.row_number, row.row_key, row.account or "")
    return (*place, row.field, row.value, row.reason)


def _told(row: Unsettled) -> dict[str, object]:
    names = ("source", "dataset", "found_in", "row_number", "row_key", "account", "field", "value", "reason")
    return {"number": row.number, "run": row.run} | {name: getattr(row, name) for name in names}


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="ФАЙЛ")
@dataset_option
@click.pass_obj
def export(desk: Desk, file: Path, dataset: str | None) -> None:
    """Неразобранные строки — в ФАЙЛ .csv или .xlsx, чтобы отдать тем, кто ведёт учётную систему."""
    rows = desk.store.read(lambda tx: rejects_.unsettled(tx, dataset=dataset))
    listing.write(file, HEADING, (_line(row) for row in rows))
    say(f"{file}: строк {number(len(rows))}")


@click.command(cls=Command)
@click.argument("numbers", nargs=-1, required=True, metavar="№…")
@click.option("--why", required=True, metavar="ПРИЧИНА", help="Почему: останется в журнале.")
@click.pass_obj
def dismiss(desk: Desk, numbers: tuple[str, ...], why: str) -> None:
    """Отложить строки: исправлять их не будут. № — как в списке; 17/charges — весь набор запуска, 17 — весь запуск."""
    rows = chosen(desk.store.read(rejects_.unsettled), numbers)
    moment: datetime = now()

    def work(tx: Tx) -> int:
        for name in numbers:
            told = {"why": why}
            audit.append(tx, actor="operator", act="reject.dismiss", object=f"reject:{name}", now=moment, detail=told)
        return rejects_.settle(tx, rows, by=f"отложено: {why}", now=moment)

    say(f"Отложено отклонённых значений: {number(desk.store.write_now(work))}")


def chosen(rows: Iterable[Unsettled], numbers: Sequence[str]) -> list[Unsettled]:
    """Those that a person has named. Raises SettingsError for a name that means none."""
    named = {name: [row for row in rows if f"{row.number}/".startswith(f"{name}/")] for name in numbers}
    for name, found in named.items():
        if not found:
            raise SettingsError(f"«{name}»: такой неразобранной строки нет; их показывает lk-sync rejects")
    return list({row.number: row for found in named.values() for row in found}.values())


@click.command(cls=Command)
@click.argument("numbers", nargs=-1, metavar="[№…]")
@click.option("--all", "everything", is_flag=True, help="Все неразобранные.")
@dataset_option
@as_json_option
@click.pass_obj
def replay(desk: Desk, numbers: tuple[str, ...], everything: bool, dataset: str | None, json: bool) -> int:
    """Принять заново по исправленному описанию источника. № — как в списке; 17/charges, 17 — набор, запуск."""
    if everything == bool(numbers):
        raise SettingsError("назовите строки (их показывает lk-sync rejects) или укажите --all")
    found = desk.store.read(lambda tx: rejects_.unsettled(tx, dataset=dataset))
    picked = [row for row in (found if everything else chosen(found, numbers)) if row.state != "held"]
    torn = [row for row in picked if row.cells is None]
    whole = sorted((row for row in picked if row.cells is not None), key=_run_of)
    reports_ = [desk.decider().replay(*place, list(rows)) for place, rows in groupby(whole, key=_run_of)]
    if json:
        as_json(reports_)
    else:
        _say_replayed(reports_, len(found) if everything else len(picked), torn)
    return int(bool(torn) or any(not report.clean for report in reports_))


def _run_of(row: Unsettled) -> tuple[str, int]:
    return row.source, row.run


def _say_replayed(done: Sequence[RunReport], asked: int, torn: Sequence[Unsettled]) -> None:
    for report in done:
        reports.run_report(report)
    if torn:
        say(
            f"Не разобраны на столбцы и заново не принимаются, нужна новая загрузка: {number(len(torn))} "
            f"(первая — {torn[0].number})"
        )
    if not done and not torn:
        say("Повторять нечего: неразобранных строк нет." if not asked else "Запуск задержан: сначала lk-sync approve.")


rejects = Noun("rejects", usual=listed, help="Что не принято, почему, и что с этим сделать.")
for _command in (export, dismiss, replay):
    rejects.add_command(_command)

COMMANDS = (rejects,)
