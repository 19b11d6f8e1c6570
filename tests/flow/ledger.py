"""A cache and books that are staged beside it as they stand, for tests of what is checked, shown and taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lk_sync.cache.base import Base
from lk_sync.cache.codes import Codes
from lk_sync.cache.places import CachePlace, SqliteCache
from lk_sync.flow import publish
from lk_sync.flow.case import Case
from lk_sync.flow.check import check
from lk_sync.flow.findings import Finding
from lk_sync.flow.publish import Published
from lk_sync.flow.stage import Staged, Staging
from lk_sync.flow.validate import Validated
from lk_sync.guards import Guards
from lk_sync.locks import FileHold
from lk_sync.records import DATASETS

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
Row = Mapping[str, Any]


def account(number: int, holder: str = "K", **other: Any) -> Row:
    cells = {"number": str(number), "holder_name": "Иванов", "holder_kind": "person", "address": "Элиста"}
    return {"account": 1_000 + number, "holder_key": f"{holder}{number}"} | cells | other


def balance(number: int, period: int, opening: int, closing: int, service: str = "heating", **other: Any) -> Row:
    """Rubles. What is between opening and closing was charged."""
    cells = dict.fromkeys(("recalculated_kopecks", "benefit_kopecks", "penalty_kopecks", "paid_kopecks"), 0)
    money = {"opening_kopecks": opening * 100, "charged_kopecks": (closing - opening) * 100}
    key = {"account": 1_000 + number, "period": period, "service": service}
    return key | cells | money | {"closing_kopecks": closing * 100} | other


def charge(number: int, period: int, rubles: int, service: str = "heating", tariff: int = 2_500, **other: Any) -> Row:
    key = {"account": 1_000 + number, "period": period, "service": service, "component": "heat"}
    cells = {"volume_micro": 1_000_000, "tariff_micro": tariff * 1_000_000, "method": "norm"}
    money = {"charged_kopecks": rubles * 100, "recalculated_kopecks": 0, "benefit_kopecks": 0}
    return key | cells | money | {"total_kopecks": rubles * 100} | other


def payment(number: int, ident: str, rubles: int, period: int = 202611) -> Row:
    cells = {"paid_on": "2026-11-01", "period": period, "amount_kopecks": rubles * 100, "channel": "bank"}
    return {"account": 1_000 + number, "payment": ident} | cells


class Ledger:
    """What is staged stands beside the cache until it is published or left."""

    def __init__(self, folder: Path, cache: CachePlace | None = None) -> None:
        self.folder = folder
        self.cache = cache or SqliteCache(folder / "cache.db")
        self.run = 0

    @contextmanager
    def staged(
        self, books: Mapping[str, Sequence[Row]], *, mode: str = "full", source: str = "books", **more: Any
    ) -> Iterator[tuple[Base, dict[str, Staged]]]:
        """`more`: what else is said of every dataset, or of one by `name_what`."""
        path = self.folder / f"run-{self.run}.db"
        path.unlink(missing_ok=True)
        with closing(self.cache.open()) as base:
            staging = Staging(path, run=self.run, source=source, codes=Codes(base))
            for name, rows in books.items():
                _stage(staging, name, rows, mode, more)
            staging.close()
        with publish.staged_beside_cache(self.cache, path, FileHold(source)) as (base, staged):
            yield base, staged

    def publish(self, books: Mapping[str, Sequence[Row]], source: str = "books", **more: Any) -> dict[str, Published]:
        self.run += 1
        with self.staged(books, source=source, **more) as (base, staged):
            return publish.publish(
                base, staged, run=self.run, source=source, at=f"2026-11-{self.run:02d}T00:00:00.000Z"
            )

    def check(
        self,
        books: Mapping[str, Sequence[Row]],
        guards: Mapping[str, Guards] | None = None,
        *,
        now: datetime = NOW,
        **more: Any,
    ) -> list[Finding]:
        rules = {name: Guards() for name in DATASETS} | dict(guards or {})
        self.run += 1
        with self.staged(books, **more) as (base, staged):
            differences = publish.differences(base, staged, source="books")
            return check(Case(base, staged, rules, differences, source="books", now=now))

    def rows(self, sql: str) -> list[Any]:
        with closing(self.cache.open()) as base:
            found = base.execute(sql)
            return found.fetchall() if sql.startswith("SELECT") else []


def _stage(staging: Staging, name: str, rows: Sequence[Row], mode: str, more: Mapping[str, Any]) -> None:
    dataset = DATASETS[name]
    stage = staging.begin(dataset, (*dataset.columns, "extra"))
    columns = [[row.get(column) for row in rows] for column in (*dataset.columns, "extra")]
    numbers = range(1, len(rows) + 1)
    stage.add(Validated(columns=columns, numbers=numbers, rejects=[], rejected_rows=0), where="x")
    own = {key.removeprefix(f"{name}_"): value for key, value in more.items() if key.startswith(f"{name}_")}
    own |= {key: value for key, value in more.items() if key in (*Staged.__struct_fields__, "gone_keys")}
    if gone := own.pop("gone_keys", ()):
        stage.gone([list(column) for column in zip(*gone, strict=True)])
    said: dict[str, Any] = {"pulled": len(rows), "sums": stage.sums, "gone": stage.gone_rows, "months": stage.months}
    stage.finish(Staged(dataset=name, mode=mode, **(said | own)))
