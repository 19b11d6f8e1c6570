"""A store with items that wait, a real drop, and the accounting system at its other end."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from demo.accountant import Accountant
from lk_sync import config
from lk_sync.config import SinkSetting
from lk_sync.contracts import Sink
from lk_sync.flow.export import PushReport, push
from lk_sync.store import outbox
from lk_sync.store.attachments import Attachments
from lk_sync.store.database import Store
from tests.at_the_drop import TheDrop
from tests.at_the_drop import drop as drop
from tests.at_the_drop import server_key as server_key
from tests.at_the_store import Kept

FIELDS = {
    "id": "item",
    "ЛС": "account",
    "Прибор": "meter",
    "ЗаводскойНомер": "serial",
    "Месяц": "period",
    "Показание": "value",
    "Дата": "taken_on",
    "Признаки": "flags",
    "Взамен": "supersedes",
    "Передано": "submitted_at",
}
BEGAN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Exchange:
    """Our side of the exchange. Time moves a second with every look at the clock."""

    kept: Kept
    store: Store
    drop: TheDrop
    accountant: Accountant
    submitted: dict[str, int] = field(default_factory=dict)
    booked: list[tuple[str, int]] = field(default_factory=list)
    ticks: int = 0

    @property
    def attachments(self) -> Attachments:
        return Attachments(self.drop.root.parent / "var")

    def now(self) -> datetime:
        self.ticks += 1
        return BEGAN + timedelta(seconds=self.ticks)

    def setting(self, **layout: Any) -> SinkSetting:
        fields = [{"name": name, "value": value} for name, value in FIELDS.items()]
        tree = {"sink": "sftp", "connection": {}, "exports": {"reading": {"fields": fields} | layout}}
        return config.convert(tree, SinkSetting, path=Path("sink.yaml"))

    def submit(self, value_micro: int, *, meter: str = "М1", account: str = "000012345", **other: Any) -> str:
        """A reading as the portal hands it in; its item id."""
        item = uuid4().hex
        payload = {
            "account": account,
            "meter": meter,
            "serial": "48-19203",
            "period": "2026-11",
            "value_micro": value_micro,
            "taken_on": "2026-11-20",
            "flags": [],
            "supersedes": None,
            "submitted_at": "2026-11-20T10:00:00.000Z",
        }
        text = json.dumps(payload | other, ensure_ascii=False)
        now = self.now()
        self.store.write_now(
            lambda tx: outbox.insert(tx, item=item, kind="reading", account=account, payload=text, now=now)
        )
        self.submitted[item] = value_micro
        return item

    def push(self, *, sink: Sink | None = None, store: Store | None = None, **layout: Any) -> PushReport:
        sink = sink or self.drop.sink()
        return push(
            store or self.store,
            name="books",
            setting=self.setting(**layout),
            sink=sink,
            attachments=self.attachments,
            now=self.now,
        )

    def item(self, item: str) -> outbox.Passport:
        found = self.store.read(lambda tx: outbox.find(tx, item=item))
        assert found is not None
        return found

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.store.read(lambda tx: tx._connection.execute(sql).fetchall())

    def rows(self, name: str, folder: str = "in", *, encoding: str = "utf-8", delimiter: str = ";") -> list[list[str]]:
        text = (self.drop.root / folder / name).read_bytes().decode(encoding)
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))

    def answer(self, number: int, *lines: str, name: str = "answer", body: bytes | None = None, **said: Any) -> str:
        """An answer file of the accounting system; its name."""
        file = f"readings-{number:06d}.{name}.csv"
        text = "\r\n".join(["id;status;code;text", *lines]) + "\r\n"
        self.drop.lay("answers", file, text.encode() if body is None else body, rows=len(lines), **said)
        return file

    def book(self, **reading: Any) -> None:
        self.booked.append((reading["item"], reading["value_micro"]))

    def reopen(self) -> None:
        """The engine starts anew and finds what is on the disk."""
        self.store.close()
        self.store = self.kept.store()

    def begin_anew(self) -> None:
        """Another world: nothing was ever submitted."""
        self.store.close()
        self.kept.empty()
        for path in (*self.kept.folder.glob("*.db*"), *self.drop.root.rglob("*.*")):
            path.unlink()
        self.store = self.kept.store()
        self.submitted.clear()
        self.booked.clear()


@pytest.fixture
def exchange(kept: Kept, drop: TheDrop) -> Iterator[Exchange]:
    store = kept.store()
    exchange = Exchange(kept, store, drop, Accountant(drop.root))
    exchange.accountant = Accountant(drop.root, on_reading=exchange.book)
    yield exchange
    exchange.store.close()
