"""What happens when the disk is full in the middle of a pull or of its publication?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo import snapshot
from demo.bookkeeper import Bookkeeper, PaymentBooked
from lk_sync import engine, schedules
from lk_sync.cache.reader import CacheReader, PaymentRow
from lk_sync.clock import now
from lk_sync.errors import BadData, LkError
from lk_sync.flow import publish
from lk_sync.flow.run import RunReport
from lk_sync.store import runs
from lk_sync.store.database import Store
from tests.faults.disks import SmallDisk, mounted, short_files
from tests.faults.killing import truths
from tests.faults.killing.founding import founded
from tests.faults.killing.town import Town

ACCOUNTS = 50


class Office:
    """A town whose books have been published once."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.store = Store(town.store)
        self.books: Bookkeeper = town.books
        self.business()
        assert self.pull().state == "published"

    def business(self) -> None:
        """Everybody pays, and the books are exported."""
        moment = datetime.now(UTC)
        for books in list(self.books.every()):
            self.books.book(
                PaymentBooked(
                    account=books["accounts"][0][0],
                    at=moment.isoformat(),
                    payment=f"К-{moment.timestamp()}",
                    paid_on="2026-11-20",
                    amount_kopecks=12_345,
                )
            )
        snapshot.write(self.town.drop / "out", self.books, moment)

    def pull(self) -> RunReport:
        config = self.town.config
        job = schedules.load(self.town.timetable, sources=config.sources, sinks=config.sinks).jobs["pull"]
        report = engine.walk(config, self.store, "pull", job, clock=now, stop=threading.Event())
        assert isinstance(report, RunReport)
        return report

    @property
    def shown(self) -> str:
        return truths.of_cache(self.town.cache)

    @property
    def meant(self) -> str:
        return truths.of_every_book(self.books)

    @property
    def runs(self) -> list[runs.Run]:
        """The newest first."""
        return self.store.read(runs.recent)


@contextmanager
def _office(folder: Path) -> Iterator[Office]:
    with founded(folder, accounts=ACCOUNTS) as town:
        office = Office(town)
        try:
            yield office
        finally:
            office.store.close()


@pytest.fixture
def on_small_disk(tmp_path: Path) -> Iterator[tuple[Office, SmallDisk]]:
    with mounted(tmp_path / "town" / "var", megabytes=24) as disk, _office(tmp_path / "town") as office:
        yield office, disk


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with _office(tmp_path / "town") as office:
        yield office


def _at_publication(patch: pytest.MonkeyPatch, trouble: Callable[[], AbstractContextManager[None]]) -> None:
    """The trouble begins at the moment when publication does."""
    publication = publish.publish

    def publish_in_trouble(*args: Any, **kwargs: Any) -> Any:
        with trouble():
            return publication(*args, **kwargs)

    patch.setattr(publish, "publish", publish_in_trouble)


def _payments(office: Office, reader: CacheReader) -> list[PaymentRow]:
    """What a page would show."""
    account = next(office.books.every())["accounts"][0][0]
    key = reader.account_key(account)
    assert key is not None
    with reader.view() as view:
        return view.payments(key)


def test_a_disk_that_fills_up_while_publishing_changes_nothing_and_the_next_pull_publishes(
    on_small_disk: tuple[Office, SmallDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, disk = on_small_disk
    before, reader = office.shown, CacheReader(office.town.cache)
    paid = _payments(office, reader)
    office.business()

    @contextmanager
    def full_from_now_on() -> Iterator[None]:
        disk.fill()
        yield

    with monkeypatch.context() as patch:
        _at_publication(patch, full_from_now_on)
        with pytest.raises(BadData, match=r"прежние остались.*освободите место на диске и повторите"):
            office.pull()
    assert office.shown == before
    assert _payments(office, reader) == paid
    disk.clear()
    assert office.pull().state == "published"
    assert office.shown == office.meant
    assert len(_payments(office, reader)) == len(paid) + 1
    assert [run.state for run in office.runs] == ["published", "failed", "published"]


def test_files_that_may_not_grow_while_publishing_change_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = office.shown
    office.business()
    with monkeypatch.context() as patch:
        _at_publication(patch, lambda: short_files(most=100_000))
        with pytest.raises(BadData, match="прежние остались"):
            office.pull()
    assert office.shown == before
    assert office.pull().state == "published"
    assert office.shown == office.meant
    assert [run.state for run in office.runs] == ["published", "failed", "published"]


def test_a_store_that_cannot_even_note_the_failure_hears_of_it_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.business()
    with monkeypatch.context() as patch, ExitStack() as trouble:
        _at_publication(patch, lambda: nullcontext(trouble.enter_context(short_files(most=0))))
        with pytest.raises(BadData, match="прежние остались"):
            office.pull()
        with pytest.raises(BadData, match="прежние остались"):
            office.pull()
    assert office.pull().state == "published"
    assert [run.state for run in office.runs] == ["published", "broken", "published"]


def test_a_disk_without_room_for_staging_is_told_as_such(on_small_disk: tuple[Office, SmallDisk]) -> None:
    office, disk = on_small_disk
    before = office.shown
    office.business()
    disk.fill(leave=200_000)
    with pytest.raises(LkError, match="освободите место на диске и повторите"):
        office.pull()
    assert office.shown == before
    disk.clear()
    assert office.pull().state == "published"
    assert office.shown == office.meant
