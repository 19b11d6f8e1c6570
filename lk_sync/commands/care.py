"""Care: how is the store copied, and how does a copy become the store again?"""

from __future__ import annotations

from pathlib import Path

import click

from lk_sync import backup as backup_
from lk_sync.clock import now
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.speech import Command
from lk_sync.reports import as_json, number, say, when


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="ФАЙЛ")
@as_json_option
@click.pass_obj
def backup(desk: Desk, file: Path, json: bool) -> None:
    """Снять копию хранилища в ФАЙЛ, не останавливая работы."""
    copy = backup_.backup(desk.config, file)
    if json:
        as_json(copy)
        return
    say(f"{copy.path}: {number(copy.bytes)} байт, проверена; SHA-256 {copy.sha256}")
    say("Копия хранит персональные данные: держите её там, куда нет доступа посторонним, и не на этом диске.")


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="ФАЙЛ")
@click.option("--force", is_flag=True, help="Заменить хранилище, которое уже есть; оно будет отложено рядом.")
@as_json_option
@click.pass_obj
def restore(desk: Desk, file: Path, force: bool, json: bool) -> None:
    """Вернуть хранилище из копии ФАЙЛ. lk-sync run и lk-portal должны быть остановлены."""
    done = backup_.restore(desk.config, file, force=force, now=now())
    if json:
        as_json(done)
        return
    restored = done.restored
    say(f"Хранилище возвращено из {file}; последнее, что оно помнит: {when(restored.copied_at, desk.config.lk.zone)}.")
    if not done.verified:
        say(f"! рядом с копией нет {file.name}.sha256, сумма не сверена; сама копия цела")
    if done.aside:
        say(f"Прежнее отложено: {done.aside}")
    say(f"Запуски дальше — с {restored.runs_past + 1}, файлы выгрузки — с {restored.batches_past + 1}.")
    say(f"Писем, о которых неизвестно, ушли ли: {number(restored.letters)}.")
    say(f"Закрыто сеансов: {number(restored.sessions)}; абоненты войдут заново.")
    say("Дальше: lk-sync check, lk-sync pull --full, lk-sync push; что не вернулось — в docs/operations.ru.md.")


COMMANDS = (backup, restore)
