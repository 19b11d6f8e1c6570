"""Move: how does an operator bring the store from a file into PostgreSQL?"""

from __future__ import annotations

from pathlib import Path

import click

from lk_sync import databases, reports
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.speech import Command
from lk_sync.errors import SettingsError
from lk_sync.postgresql.address import SETTING
from lk_sync.reports import as_json, number, say


@click.command(cls=Command, name="move-store")
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="ФАЙЛ",
    help="Прежнее хранилище; обычно store.db из data_dir.",
)
@as_json_option
@click.pass_obj
def move_store(desk: Desk, file: Path | None, json: bool) -> None:
    """Перенести хранилище из файла SQLite в PostgreSQL: всё до строки, один раз."""
    shared = databases.server(desk.config)
    if shared is None:
        raise SettingsError(f"некуда переносить: задайте {SETTING}, адрес базы PostgreSQL")
    from lk_sync.postgresql.moving import move  # here: its driver takes a quarter of a second to load

    old = (file or desk.config.lk.store_path).absolute()
    moved = move(old, shared)
    if json:
        as_json({"from": str(old), "to": shared.peer, "rows": moved})
        return
    reports.table(("таблица", "строк"), [(name, number(rows)) for name, rows in moved.items()], right=(1,))
    say("")
    say(f"Перенесено в {shared.peer}; каждая строка сверена. Файл {old} больше не хранилище: уберите его в архив.")
    say("Кэш в новой базе пуст: выполните lk-sync pull --full.")


COMMANDS = (move_store,)
