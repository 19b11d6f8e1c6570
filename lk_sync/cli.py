"""The command `lk-sync`: what can the operator ask, and with which exit code does it end?

0 done · 1 finished with rejects or held data · 2 wrong settings or usage · 3 source unreachable ·
4 access denied · 130 stopped by a signal. With several jobs the gravest code wins.
Each group of commands is a module of `lk_sync.commands`.
"""

from __future__ import annotations

import logging
import os
import pkgutil
from importlib import import_module
from pathlib import Path

import click

from lk_sync import commands, logs
from lk_sync.commands.desk import Desk
from lk_sync.commands.speech import Commands


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
@click.option(
    "--log-format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    envvar=logs.FORMAT,
    metavar="text|json",
    help="Вид строк журнала; по умолчанию text или LK_LOG.",
)
@click.version_option(
    package_name="lk-sync", prog_name="lk-sync", message="%(prog)s %(version)s", help="Показать версию."
)
@click.pass_context
def main(ctx: click.Context, folder: Path, timetable: Path | None, form: str) -> None:
    """Обмен личного кабинета с учётной системой поставщика."""
    os.environ[logs.FORMAT] = form  # the processes that load data read it there
    logs.configure()
    logs.through_structlog(logging.WARNING)
    ctx.obj = Desk(folder, timetable)
    ctx.call_on_close(ctx.obj.close)


for _module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
    for _command in getattr(import_module(_module.name), "COMMANDS", ()):
        main.add_command(_command)
