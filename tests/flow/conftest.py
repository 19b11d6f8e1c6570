"""A supplier whose books are a script, reached by a foreign connector that is found by its entry point."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lk_sync import databases, registry
from lk_sync.clock import now
from lk_sync.config import Config
from lk_sync.flow.decide import Decider
from lk_sync.flow.run import Puller, RunReport
from lk_sync.schedules import Job
from tests.at_the_store import Kept


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A foreign distribution with an entry point, installed as pip would."""
    installed = tmp_path / "site"
    info = installed / "scripted-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scripted\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lk_sync.sources]\nscripted = scripted_source:ScriptedSource\n")
    shutil.copy(Path(__file__).with_name("scripted_source.py"), installed)
    monkeypatch.syspath_prepend(str(installed))
    registry._found.cache_clear()
    yield
    registry._found.cache_clear()


LK = """
supplier: {name: АО «Энергосервис», short_name: ЭС, inn: "0814042970", address: Элиста, office: Элиста, phone: "1"}
portal: {base_url: "http://127.0.0.1:8080"}
legal: {rules: "1", personal_data: "1"}
"""

SOURCE = """
source: scripted
connection: {script: %s}
datasets:
  accounts:
    from: счета
    fields:
      account: {column: ЛС}
      holder_key: {column: код}
      holder_name: {column: ФИО}
      holder_kind: {constant: person}
      address: {column: адрес}
  payments:
    from: платежи
    watermark: изменён
    overlap_minutes: 0
    fields:
      account: {column: ЛС}
      payment: {column: ид}
      paid_on: {column: дата}
      period: {column: месяц}
      amount_kopecks: {column: сумма}
      channel: {column: канал}
"""


class World:
    """A supplier's books in a script file, and the engine over them."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.script = folder / "script.json"
        config = folder / "config"
        (config / "sources").mkdir(parents=True)
        (config / "lk.yaml").write_text(LK, "utf-8")
        (config / "sources" / "books.yaml").write_text(SOURCE % self.script, "utf-8")
        self.books: dict[str, dict[str, Any]] = {"accounts": {"rows": []}, "payments": {"rows": []}}
        self.config = Config(config, environment or {})
        self.store = databases.open_store(self.config)
        self.stop = threading.Event()

    def account(self, number: str, **other: str) -> None:
        row = {"ЛС": number, "код": f"K{number}", "ФИО": "Иванов Ёжик", "адрес": "г. Элиста, ул. Мира, 1"}
        self.books["accounts"]["rows"].append(row | other)

    def payment(self, number: str, ident: str, amount: str, changed: str = "2026-11-01T00:00:00", **other: str) -> None:
        row = {"ЛС": number, "ид": ident, "сумма": amount, "дата": "2026-11-01", "месяц": "2026-11"}
        self.books["payments"]["rows"].append(row | {"канал": "касса", "изменён": changed} | other)

    def pull(self, *, full: bool = False, dry: bool = False, since: str | None = None, **job: Any) -> RunReport:
        self.script.write_text(json.dumps(self.books), "utf-8")
        puller = Puller(self.config, self.store, clock=now, watch=lambda _: None, stop=self.stop, started_by="hand")
        return puller.walk("books", Job(pull="books", every="1h", **job), full=full, dry=dry, since=since)

    @property
    def puller(self) -> Decider:
        return Decider(self.config, self.store, clock=now, watch=lambda _: None, stop=self.stop, started_by="hand")


@pytest.fixture
def world(kept: Kept, tmp_path: Path, third_party: None) -> Iterator[World]:
    world = World(tmp_path, kept.environment)
    yield world
    world.store.close()


@pytest.fixture
def cells(world: World, kept: Kept) -> Callable[[str], list[tuple[Any, ...]]]:
    """Rows of a query over the published cache."""

    return partial(kept.cells, world.config.lk.cache_path)
