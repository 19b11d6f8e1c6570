"""Check: is everything set so that the exchange can run?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from lk_sync import bill_qr, databases, peers, printing, proofs, working_days
from lk_sync.clock import now
from lk_sync.commands.desk import Desk
from lk_sync.commands.speech import Command
from lk_sync.config import Config
from lk_sync.errors import LkError, SettingsError
from lk_sync.reports import complain, say


@click.command(cls=Command)
@click.option("--connect", is_flag=True, help="Соединиться с базой хранилища, с каждым источником и приёмником.")
@click.pass_obj
def check(desk: Desk, connect: bool) -> int:
    """Проверить настройки, описания источников, расписание и папки."""
    config = desk.config
    faults: list[LkError] = []

    def step(title: str, work: Callable[[], str]) -> None:
        try:
            say(f"✓ {title}: {work()}")
        except LkError as error:
            faults.append(error)
            say(f"✗ {title}: {error}")

    step("настройки", lambda: f"{config.folder / 'lk.yaml'}, часовой пояс {config.lk.time_zone}")
    step("папка данных", lambda: _writable(config.lk.data_dir))
    step("хранилище и кэш", lambda: databases.look(config, connect=connect))
    step("регистрация", lambda: proofs.told(config.lk.registration, config.environment))
    step("квитанции", lambda: _payable(config))
    step("заявки", lambda: _requests(desk))
    step("расписание", lambda: f"заданий: {len(desk.timetable.jobs)}")
    if config.lk.alerts or config.lk.heartbeat or config.lk.metrics:
        step("надзор", lambda: _watched(desk))
    for name in config.sources:
        step(f"источник {name}", partial(peers.look_at_source, config, name, connect=connect))
    for name in config.sinks:
        step(f"приёмник {name}", partial(peers.look_at_sink, config, name, connect=connect))
    if faults:
        complain(f"Найдено ошибок: {len(faults)}")
    return max((fault.exit_code for fault in faults), default=0)


def _payable(config: Config) -> str:
    sentence, doubts = bill_qr.told(config.lk)
    sentence = f"{sentence}; {printing.printer().examined(config)}"
    return "".join([sentence, *(f"\n! {doubt}" for doubt in doubts)])


def _requests(desk: Desk) -> str:
    config, kinds = desk.config, f"видов: {len(desk.config.requests)}"
    if missing := config.working_days.missing(now().astimezone(config.lk.zone).date()):
        years = ", ".join(map(str, missing))
        return f"{kinds}; в {working_days.FILE} нет {years} года: сроки считаются по праздникам закона, без переносов"
    if config.requests and not any(sink.exports.request for sink in config.sinks.values()):
        return f"{kinds}; ни один приёмник их не забирает: допишите exports.request в sinks/*.yaml"
    return kinds


def _watched(desk: Desk) -> str:
    from lk_sync import errands  # here: letters take a tenth of a second to load

    return errands.checked(desk.config, desk.timetable)


def _writable(folder: Path) -> str:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise SettingsError(f"в {folder} нельзя писать ({error.strerror}); измените data_dir или права") from error
    return str(folder)


COMMANDS = (check,)
