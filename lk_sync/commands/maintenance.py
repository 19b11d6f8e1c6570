"""Maintenance: how does an operator close the portal for works, now or at a planned hour, and open it again?"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from lk_sync import reports
from lk_sync.clock import instant, now
from lk_sync.commands.desk import Desk, as_json_option, person
from lk_sync.commands.speech import Command, Noun
from lk_sync.errors import SettingsError
from lk_sync.reports import as_json, say, when
from lk_sync.store import maintenance as works_
from lk_sync.store.maintenance import Works

MODES: Final = {"read_only": "только смотреть", "closed": "закрыт"}
FORMS: Final = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M")
NO_DAY: Final = 1900  # the year of an hour that was given without its day
TEXT_LONGEST: Final = 300


class Hour(click.ParamType[datetime]):
    """A moment as people write it, by the supplier's clock; `%H:%M` alone is today's."""

    name = "hour"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        for form in FORMS:
            with suppress(ValueError):
                return datetime.strptime(value, form)  # noqa: DTZ007 - the supplier's zone is put to it later
        with suppress(ValueError):
            return datetime.strptime(value, "%H:%M")  # noqa: DTZ007 - as above
        raise click.BadParameter(f"«{value}» — не время; нужен вид 23:30 или 05.12.2026 23:30", ctx, param)


@click.command(cls=Command)
@as_json_option
@click.pass_obj
def show(desk: Desk, json: bool) -> None:
    """Идущие и запланированные работы."""
    found = desk.store.read(lambda tx: works_.standing(tx, now=now()))
    if json:
        as_json(found)
    elif not found:
        say("Работ нет: кабинет открыт.")
    else:
        zone, moment = desk.config.lk.zone, now()
        reports.table(
            ("работы", "кабинет", "с", "до", "текст", "кто"),
            [
                (
                    "идут" if works.go_on(moment) else "будут",
                    MODES[works.mode],
                    when(works.starts_at, zone),
                    when(works.ends_at, zone),
                    works.text_ru,
                    works.set_by,
                )
                for works in found
            ],
        )


@click.command(cls=Command)
@click.option("--mode", type=click.Choice(["read-only", "closed"]), required=True, help="Только смотреть или закрыт.")
@click.option("--from", "begins", type=Hour(), metavar="ВРЕМЯ", help="Начало; без ключа — сейчас.")
@click.option("--until", type=Hour(), metavar="ВРЕМЯ", help="Конец, наступит сам; без ключа — до команды off.")
@click.option("--text", default="", metavar="ТЕКСТ", help="Что ещё сказать абонентам.")
@click.option("--text-en", default="", metavar="ТЕКСТ", help="То же по-английски.")
@click.pass_obj
def on(desk: Desk, mode: str, begins: datetime | None, until: datetime | None, text: str, text_en: str) -> None:
    """Объявить работы: сейчас или заранее. Обмен с учётной системой идёт как обычно."""
    zone, moment = desk.config.lk.zone, now()
    starts_at = instant(_at(begins, zone, moment)) if begins else instant(moment)
    ends_at = instant(_at(until, zone, moment)) if until else None
    _refuse_nonsense(starts_at, ends_at, moment, text, text_en)
    works = Works(
        mode="closed" if mode == "closed" else "read_only",
        starts_at=starts_at,
        ends_at=ends_at,
        text_ru=text,
        text_en=text_en,
        set_by=person(),
    )
    desk.store.write_now(lambda tx: works_.plan(tx, works, now=moment))
    say(f"Кабинет: {told(works, zone)}. Все машины увидят это за несколько секунд.")


@click.command(cls=Command)
@click.pass_obj
def off(desk: Desk) -> None:
    """Закончить работы и отменить запланированные."""
    ended = desk.store.write_now(lambda tx: works_.end(tx, by=person(), now=now()))
    say("Кабинет открыт." if ended else "Работ не было: кабинет открыт.")


def told(works: Works, zone: ZoneInfo) -> str:
    until = f"до {when(works.ends_at, zone)}" if works.ends_at else "до lk-sync maintenance off"
    return f"{MODES[works.mode]} с {when(works.starts_at, zone)} {until}"


def _at(hour: datetime, zone: ZoneInfo, moment: datetime) -> datetime:
    """An hour without its day is today's."""
    if hour.year == NO_DAY:
        today = moment.astimezone(zone)
        hour = hour.replace(year=today.year, month=today.month, day=today.day)
    return hour.replace(tzinfo=zone)


def _refuse_nonsense(starts_at: str, ends_at: str | None, moment: datetime, *texts: str) -> None:
    if ends_at is not None and ends_at <= max(starts_at, instant(moment)):
        raise SettingsError("--until: работы кончились бы раньше, чем начались; проверьте день и час")
    if any(len(text) > TEXT_LONGEST for text in texts):
        raise SettingsError(f"--text: не больше {TEXT_LONGEST} знаков, его читают на каждой странице")


maintenance = Noun("maintenance", usual=show, help="Работы: закрыть кабинет или оставить только для чтения.")
maintenance.add_command(on, "on")
maintenance.add_command(off, "off")

COMMANDS = (maintenance,)
