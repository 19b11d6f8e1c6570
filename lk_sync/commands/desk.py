"""Desk: what does every command have at hand?"""

from __future__ import annotations

from pathlib import Path

import click

from lk_sync import databases, engine, schedules
from lk_sync.config import Config
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

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


as_json_option = click.option("--json", "json", is_flag=True, help="Вывод для программ.")
