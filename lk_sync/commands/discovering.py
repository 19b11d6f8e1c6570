"""Discover: what is in a source that nobody has described yet?"""

from __future__ import annotations

from pathlib import Path

import click

from lk_sync import registry
from lk_sync.clock import local, now
from lk_sync.commands.desk import Desk
from lk_sync.commands.speech import Command
from lk_sync.config import Config
from lk_sync.contracts import Found, Surveyed
from lk_sync.discovery.draft import Draft, draft
from lk_sync.errors import SettingsError
from lk_sync.reports import complain, say
from lk_sync.settings_fault import hint


@click.command(cls=Command)
@click.argument("source", metavar="ИСТОЧНИК")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="ФАЙЛ",
    help="Куда записать набросок; иначе он печатается. Файл не должен существовать.",
)
@click.pass_obj
def discover(desk: Desk, source: str, out: Path | None) -> None:
    """Набросать описание ИСТОЧНИКА по тому, какие в нём таблицы и столбцы.

    В config/sources/ИСТОЧНИК.yaml достаточно source и connection. Данные не читаются.
    """
    if out is not None and out.exists():
        raise SettingsError(f"{out}: файл уже есть; укажите в --out другой")
    made = _drafted(desk.config, source)
    if out is None:
        say(made.text)
    else:
        _write(out, made.text)
        say(f"Набросок записан: {out}")
    tell = complain if out is None else say
    tell("Не хватает:" if made.missing else "Все обязательные поля нашлись; проверьте каждую строку.")
    for gap in made.missing:
        tell(f"  {gap}")


def _drafted(config: Config, name: str) -> Draft:
    if name not in config.sources:
        raise SettingsError(f"нет источника «{name}»{hint(name, config.sources)}")
    tables = _surveyed(config, name)
    if not tables:
        raise SettingsError(f"источник {name}: в нём не видно ни одной таблицы; проверьте права учётной записи")
    today = local(now().isoformat(), config.lk.zone)
    return draft(config.sources[name], tables, today=f"{today:%d.%m.%Y}")


def _surveyed(config: Config, name: str) -> list[Found]:
    setting, file = config.sources[name], config.folder / "sources" / f"{name}.yaml"
    built = registry.source(setting.source, setting.connection, file)
    if not isinstance(built, Surveyed):
        raise SettingsError(
            f"источник {name}: коннектор {setting.source} не умеет рассказать, что в нём есть; опишите наборы сами, "
            "образец — config/sources/accounting.yaml"
        )
    built.channel()
    return list(built.survey())


def _write(out: Path, text: str) -> None:
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SettingsError(f"{out}: не записывается ({error.strerror})") from error


COMMANDS = (discover,)
