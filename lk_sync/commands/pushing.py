"""Push: how does an operator hand over what waits, and take the answers, now?"""

from __future__ import annotations

import click

from lk_sync import engine, reports
from lk_sync.clock import now
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.speech import Command
from lk_sync.errors import LkError, SettingsError
from lk_sync.reports import as_json, complain


@click.command(cls=Command)
@click.argument("sinks", nargs=-1, metavar="[ПРИЁМНИК]…")
@as_json_option
@click.pass_obj
def push(desk: Desk, sinks: tuple[str, ...], json: bool) -> int:
    """Выгрузить накопленное в ПРИЁМНИКИ (или во все) и забрать ответы."""
    for name in sinks:
        if name not in desk.config.sinks:
            raise SettingsError(f"нет приёмника «{name}»; есть: {', '.join(desk.config.sinks) or 'ни одного'}")
    code = 0
    reported = {}
    for name in sinks or tuple(desk.config.sinks):
        try:
            report = engine.push(desk.config, desk.store, name, clock=now)
        except LkError as error:
            complain(f"Ошибка: приёмник {name}: {error}")
            code = max(code, error.exit_code)
            continue
        reported[name] = report
        code = max(code, 1 if report.needs_attention or report.rejected else 0)
        if not json:
            reports.push_report(report)
    if json:
        as_json(reported)
    return code


COMMANDS = (push,)
