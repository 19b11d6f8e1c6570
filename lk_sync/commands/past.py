"""Past: what did a subscriber see on a day, and what has happened to whom since a run?"""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import date, datetime
from typing import Any, Final

import click

from lk_sync import databases, reports
from lk_sync.cache import history, news
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.speech import Command
from lk_sync.errors import SettingsError
from lk_sync.records import DATASETS, Kind, month_text
from lk_sync.reports import as_json, say

_TITLES: Final = {
    "bill": "новая квитанция",
    "month": "изменён закрытый месяц",
    "payment": "учтён платёж",
    "payment_gone": "платёж больше не числится",
}


class Day(click.ParamType[date]):
    """A day as people write it."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        for form in ("%Y-%m-%d", "%d.%m.%Y"):
            with suppress(ValueError):
                return datetime.strptime(value, form).date()  # noqa: DTZ007 - a day of the calendar has no zone
        raise click.BadParameter(f"«{value}» — не день; нужен вид ГГГГ-ММ-ДД или ДД.ММ.ГГГГ", ctx, param)


@click.command(cls=Command, name="as-of")
@click.argument("account", metavar="ЛИЦЕВОЙ_СЧЁТ")
@click.argument("day", type=Day(), metavar="ДЕНЬ")
@as_json_option
@click.pass_obj
def as_of(desk: Desk, account: str, day: date, json: bool) -> None:
    """Что абонент видел по ЛИЦЕВОМУ_СЧЁТУ к концу прошедшего ДНЯ."""
    moment = history.end_of(day, desk.config.lk.zone)
    with closing(databases.cache(desk.config).reader()) as reader:
        key = reader.account_key(account)
        with reader.view() as view:
            found = {} if key is None else history.as_of(view, key, moment)
    if not any(found.values()):
        raise SettingsError(
            f"лицевой счёт «{account}» на конец {day:%d.%m.%Y} неизвестен: его не было или данные ещё не загружались"
        )
    if json:
        as_json({"account": account, "day": day, "datasets": found})
        return
    for dataset, rows in found.items():
        say(f"{dataset}: " + ("данных ещё не было" if rows is None else f"строк {len(rows)}"))
        if rows:
            _show(dataset, rows)


def _show(dataset: str, rows: list[history.Row]) -> None:
    kinds = {field.name: field.kind for field in DATASETS[dataset].fields if field.name != "account"}
    names = [name for name in (*kinds, "extra") if any(row.get(name) is not None for row in rows)]
    reports.table(names, [[shown(kinds.get(name, "text"), row.get(name)) for name in names] for row in rows])


def shown(kind: Kind, cell: object) -> str:
    """A cell of a record for a person."""
    match kind, cell:
        case _, None:
            return ""
        case "money", int():
            return reports.rubles(cell)
        case "volume", int():
            return reports.decimal(cell, 6)
        case "month", int():
            return month_text(cell)
        case _, dict():
            return "; ".join(f"{label}: {text}" for label, text in cell.items())
    return str(cell)


@click.command(cls=Command, name="news")
@click.argument("run", type=click.IntRange(min=0), metavar="ЗАПУСК")
@as_json_option
@click.pass_obj
def since(desk: Desk, run: int, json: bool) -> None:
    """У кого после ЗАПУСКА новая квитанция, изменён закрытый месяц, учтён платёж."""
    with closing(databases.cache(desk.config).reader()) as reader, reader.view() as view:
        found = list(news.since(view, run))
    if json:
        as_json([event._asdict() for event in found])
        return
    if not found:
        say(f"После запуска {run} ничего такого не было.")
        return
    reports.table(
        ("что", "лицевой счёт", "месяц", "номер", "рублей"),
        [(_TITLES[e.what], e.account, month_text(e.period), e.subject or "", reports.rubles(e.kopecks)) for e in found],
        right=(4,),
    )


COMMANDS = (as_of, since)
