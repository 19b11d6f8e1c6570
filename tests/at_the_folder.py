"""A folder with files for one test, and an engine that pulls from it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from lk_sync.clock import now
from lk_sync.config import Config
from lk_sync.flow.decide import Decider
from lk_sync.flow.run import RunReport
from lk_sync.schedules import Job
from lk_sync.store.database import Store

LK = """
supplier: {name: АО «Энергосервис», short_name: ЭС, inn: "0814042970", address: Элиста, office: Элиста, phone: "1"}
portal: {base_url: "http://127.0.0.1:8080"}
legal: {rules: "1", personal_data: "1"}
"""
HEAD = "ЛС;Номер;Дата;Месяц;Сумма\r\n"
PAYMENTS: dict[str, Any] = {
    "file": "payments-*.csv",
    "fields": {
        "account": {"column": "ЛС"},
        "payment": {"column": "Номер"},
        "paid_on": {"column": "Дата"},
        "period": {"column": "Месяц"},
        "amount_kopecks": {"column": "Сумма"},
        "channel": {"constant": "bank"},
    },
    "guards": {"reject_percent": 100, "may_be_empty": True, "shrink_percent": 100},
}


def line(payment: str, amount: str = "100.00", day: str = "2026-11-03", account: str = "0001") -> str:
    return f"{account};{payment};{day};{day[:7]};{amount}\r\n"


@dataclass
class Shop:
    """A supplier whose accounting system lays files into a folder. `dataset` is what the mapping says of payments."""

    root: Path
    connection: dict[str, Any]
    source: str = "folder"
    dataset: dict[str, Any] = field(default_factory=lambda: dict(PAYMENTS))
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.config_folder = self.root / "config"
        (self.config_folder / "sources").mkdir(parents=True)
        (self.config_folder / "lk.yaml").write_text(LK, "utf-8")
        self.write()
        self.store = Store(Config(self.config_folder, {}).lk.store_path)

    @property
    def out(self) -> Path:
        return self.root / "out"

    def write(self, **other: Any) -> None:
        """The mapping, `other` keys of the dataset changed."""
        self.dataset |= other
        tree = {"source": self.source, "connection": self.connection, "datasets": {"payments": self.dataset}}
        (self.config_folder / "sources" / "bank.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")

    def lay(self, name: str, body: str | bytes, *, sign: bool = True, **said: Any) -> Path:
        """A file with a manifest that is right except where `said` says otherwise."""
        data = body.encode() if isinstance(body, str) else body
        path = self.out / name
        path.write_bytes(data)
        if sign:
            rows = max(0, data.count(b"\n") - 1)
            right = {"file": name, "rows": rows, "sha256": hashlib.sha256(data).hexdigest()}
            (self.out / f"{name}.ok").write_text(json.dumps(right | said), "utf-8")
        return path

    @property
    def puller(self) -> Decider:
        config = Config(self.config_folder, {})
        return Decider(config, self.store, clock=now, watch=lambda _: None, stop=self.stop, started_by="hand")

    def pull(self, *, full: bool = False) -> RunReport:
        return self.puller.walk("bank", Job(pull="bank", every="1h"), full=full)

    def cells(self, sql: str) -> list[Any]:
        path = Config(self.config_folder, {}).lk.cache_path
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    @property
    def paid(self) -> dict[str, int]:
        return dict(self.cells("SELECT payment, amount_kopecks FROM payments ORDER BY payment"))

    def names(self, below: str = "") -> list[str]:
        folder = self.out / below
        return sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []

    def report(self, name: str, below: str = "done") -> str:
        return (self.out / below / f"{name}.err.csv").read_text("utf-8-sig")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    (tmp_path / "out").mkdir(mode=0o750)
    shop = Shop(tmp_path, {"folder": str(tmp_path / "out")})
    yield shop
    shop.store.close()


@pytest.fixture
def bank(shop: Shop) -> Shop:
    """The same, with files of changes."""
    shop.write(options={"deltas": True})
    return shop
