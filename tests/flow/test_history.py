"""What was seen on a past day is what was published by its end, and news are what differs from it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lk_sync import databases
from lk_sync.cache import history, news
from lk_sync.cache.reader import View
from lk_sync.clock import instant
from lk_sync.config import Config
from lk_sync.flow.decide import Decider
from lk_sync.flow.run import RunReport
from lk_sync.schedules import Job
from tests.flow.conftest import World

ZONE = ZoneInfo("Europe/Moscow")
FIRST = datetime(2026, 11, 1, 3, tzinfo=UTC)
MAPPING = """
  charges:
    from: начисления
    fields:
      account: {column: ЛС}
      period: {column: месяц}
      service: {column: услуга}
      component: {constant: ""}
      method: {constant: norm}
      charged_kopecks: {column: сумма}
      recalculated_kopecks: {constant: "0"}
      benefit_kopecks: {constant: "0"}
      total_kopecks: {column: сумма}
    guards: {shrink_percent: 100, may_be_empty: true}
  bills:
    from: квитанции
    fields:
      account: {column: ЛС}
      period: {column: месяц}
      number: {column: номер}
      issued_on: {constant: "2026-11-01"}
      amount_due_kopecks: {column: сумма}
      state: {constant: issued}
    guards: {shrink_percent: 100, may_be_empty: true}
"""
DATASETS = ("payments", "charges", "bills")


class Days:
    """The world with a calendar: each pull is published a day after the one before."""

    def __init__(self, world: World) -> None:
        self.world, self.today = world, FIRST
        source = world.config.folder / "sources" / "books.yaml"
        text = source.read_text("utf-8")
        source.write_text(
            text.rstrip() + "\n    guards: {shrink_percent: 100, may_be_empty: true}\n" + MAPPING, "utf-8"
        )
        world.config = Config(world.config.folder, world.config.environment)
        world.books |= {"charges": {"rows": []}, "bills": {"rows": []}}

    @property
    def puller(self) -> Decider:
        world = self.world
        return Decider(
            world.config,
            world.store,
            clock=lambda: self.today,
            watch=lambda _: None,
            stop=world.stop,
            started_by="hand",
        )

    def walk(self) -> RunReport:
        self.world.script.write_text(json.dumps(self.world.books), "utf-8")
        self.today += timedelta(days=1)
        return self.puller.walk("books", Job(pull="books", every="1h"), full=True)

    def pull(self) -> int:
        report = self.walk()
        assert report.state in ("published", "unchanged"), report.findings
        return report.run

    @contextmanager
    def view(self) -> Iterator[View]:
        reader = databases.cache(self.world.config).reader()
        with reader.view() as view:
            yield view
        reader.close()

    def charge(self, number: str, period: str, amount: str, service: str = "тепло") -> dict[str, Any]:
        row = {"ЛС": number, "месяц": period, "услуга": service, "сумма": amount}
        self.world.books["charges"]["rows"].append(row)
        return row

    def bill(self, number: str, period: str, amount: str, name: str) -> None:
        row = {"ЛС": number, "месяц": period, "номер": name, "сумма": amount}
        self.world.books["bills"]["rows"].append(row)


@pytest.fixture
def days(world: World) -> Days:
    for i in range(3):
        world.account(f"00{i}")
    return Days(world)


@pytest.mark.parametrize("seed", range(3))
def test_any_past_day_reads_as_it_was_published(days: Days, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the test repeats by its seed
    days.charge("001", "2026-10", "1.00")
    seen: list[tuple[str, Any]] = []
    for step in range(8):
        for name in DATASETS:
            rows = days.world.books[name]["rows"]
            if rows and chance.random() < 0.5:
                rows.pop(chance.randrange(len(rows)))
            for row in rows:
                if chance.random() < 0.4:
                    row["сумма"] = f"{chance.randrange(1000)}.00"
        days.world.payment("001", f"П{step}", f"{step}.00")
        days.charge("001", f"2026-{chance.randrange(1, 12):02d}", "5.00", service=f"у{step}")
        days.bill("001", "2026-10", "7.00", f"К{step}")
        days.pull()
        with days.view() as view:
            after = history.end_of(days.today.date(), ZONE)
            seen.append((after, history.as_of(view, 1001, after)))
            now = {n: len(view.stored(history.DATASETS[n], 1001)) for n in DATASETS}
            assert {name: len(seen[-1][1][name]) for name in DATASETS} == now
    with days.view() as view:
        for after, then in seen:
            assert history.as_of(view, 1001, after) == then


def test_before_the_first_publication_nothing_is_known(days: Days) -> None:
    days.pull()
    with days.view() as view:
        before = history.as_of(view, 1001, instant(days.today))
        after = history.as_of(view, 1001, instant(days.today + timedelta(seconds=1)))
    assert set(before.values()) == {None}
    assert after["payments"] == []
    assert after["readings"] is None  # this supplier never gave any
    (account,) = after["accounts"] or ()
    assert account["number"] == "001"
    assert account["holder_kind"] == "person"


def test_a_day_ends_by_the_suppliers_clock() -> None:
    assert history.end_of(date(2026, 11, 1), ZONE) == "2026-11-01T21:00:00.000Z"


def test_a_new_bill_a_changed_closed_month_and_a_booked_payment_are_news(days: Days) -> None:
    closed = days.charge("000", "2026-10", "100.00")
    days.charge("001", "2026-10", "100.00")
    days.bill("000", "2026-10", "100.00", "К-10")
    first = days.pull()
    with days.view() as view:
        assert list(news.since(view, first)) == []
        assert list(news.since(view, first - 1)) == []  # a first load is no news
    closed["сумма"] = "90.50"
    days.charge("000", "2026-11", "120.00")  # an open month
    days.charge("001", "2026-10", "1.00", service="вода")  # a month without a bill is not closed
    days.bill("000", "2026-11", "210.50", "К-11")
    days.world.payment("002", "П1", "55.10")
    days.pull()
    with days.view() as view:
        assert [tuple(event) for event in news.since(view, first)] == [
            ("bill", "000", 202611, "К-11", 21050),
            ("month", "000", 202610, None, -950),
            ("payment", "002", 202611, "П1", 5510),
        ]


def test_what_came_and_went_again_is_no_news(days: Days) -> None:
    closed = days.charge("000", "2026-10", "100.00")
    days.bill("000", "2026-10", "100.00", "К-10")
    days.world.payment("000", "П0", "1.00")
    first = days.pull()
    closed["сумма"] = "90.50"
    days.world.payment("000", "П1", "55.10")
    second = days.pull()
    closed["сумма"] = "100.00"
    del days.world.books["payments"]["rows"][:]
    days.pull()
    with days.view() as view:
        assert [tuple(event) for event in news.since(view, first)] == [("payment_gone", "000", 202611, "П0", 100)]
        assert [event.what for event in news.since(view, second)] == ["month", "payment_gone", "payment_gone"]


def test_what_was_held_is_seen_from_its_approval_on(days: Days) -> None:
    days.world.payment("000", "П0", "1.00")
    days.pull()
    days.world.books["payments"]["totals"] = {"rows": 7}
    days.world.payment("000", "П1", "2.00")
    held = days.walk()
    assert held.state == "held"
    days.today += timedelta(days=1)
    days.puller.approve(held.run, who="test")
    with days.view() as view:
        for hours, payments in ((-1, 1), (1, 2)):
            then = history.as_of(view, 1000, instant(days.today + timedelta(hours=hours)))
            assert len(then["payments"] or ()) == payments
