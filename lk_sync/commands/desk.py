"""Desk: what does every command have at hand?"""

from __future__ import annotations

import os
import pwd
import sys
import threading
from pathlib import Path

import click

from lk_sync import databases, engine, schedules
from lk_sync.clock import now
from lk_sync.config import Config
from lk_sync.flow.decide import Decider
from lk_sync.schedules import Schedules
from lk_sync.store.database import Store


class Desk:
    """What every command has at hand, opened when first asked for."""

    def __init__(self, folder: Path, timetable: Path | None) -> None:
        self._folder, self._timetable = folder, timetable or engine.timetable_path(folder)
        self._config: Config | None = None
        self._store: Store | None = None

    @property
    def config(self) -> Config:
        if self._config is None:
            self._config = Config(self._folder)
        return self._config

    @property
    def timetable(self) -> Schedules:
        return schedules.load(self._timetable, sources=self.config.sources, sinks=self.config.sinks)

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = databases.open_store(self.config)
        return self._store

    def decider(self) -> Decider:
        """Whoever walks runs because a person has said so."""
        return Decider(
            self.config, self.store, clock=now, watch=lambda _: None, stop=threading.Event(), started_by="hand"
        )

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


def person() -> str:
    """Who types, for the audit: the system's own name for him, not what his environment says."""
    name = _name(os.getuid())
    asked_by = os.environ.get("SUDO_UID", "")
    return f"{name} ({_name(int(asked_by))})" if name == "root" and asked_by.isdecimal() else name


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def sure(question: str, *, yes: bool) -> bool:
    """Asks at a terminal. A program that calls us has made up its mind."""
    if yes or not sys.stdin.isatty():
        return True
    return click.confirm(question, prompt_suffix=" [да — y, нет — n] ", show_default=False, default=False)


yes_option = click.option("--yes", is_flag=True, help="Не переспрашивать.")
as_json_option = click.option("--json", "json", is_flag=True, help="Вывод для программ.")
