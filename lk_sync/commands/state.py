"""Status: how does an operator see whether all is well?"""

from __future__ import annotations

import click

from lk_sync import overview, status
from lk_sync.clock import now
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.maintenance import told
from lk_sync.commands.speech import Command
from lk_sync.reports import as_json, say
from lk_sync.store import maintenance


@click.command(cls=Command, name="status")
@as_json_option
@click.pass_obj
def status_command(desk: Desk, json: bool) -> int:
    """Что произошло, что задержано, что делать."""
    seen = status.look(desk.config, desk.store, now(), timetable=desk.timetable)
    if json:
        as_json(seen)
    else:
        overview.show(seen, desk.config.lk.zone)
        for each in desk.store.read(lambda tx: maintenance.standing(tx, now=now())):
            say(f"Кабинет: {told(each, desk.config.lk.zone)}.")
    return 1 if seen.troubles else 0


COMMANDS = (status_command,)
