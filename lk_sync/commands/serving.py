"""Run: how is the timetable walked until it is stopped?"""

from __future__ import annotations

import click

from lk_sync import engine, peers
from lk_sync.clock import now
from lk_sync.commands.desk import Desk
from lk_sync.commands.speech import Command


@click.command(cls=Command)
@click.pass_obj
def run(desk: Desk) -> None:
    """Работать по расписанию, пока не остановят."""
    config, timetable = desk.config, desk.timetable
    for name in config.sources:
        peers.source(config, name)
    for name in config.sinks:
        peers.sink(config, name)
    engine.run(config, timetable, clock=now)


COMMANDS = (run,)
