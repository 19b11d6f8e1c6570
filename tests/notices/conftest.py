"""A supplier's books that change from day to day, and who is told of it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from demo.cached import fill
from demo.supplier.oddities import Oddity
from lk_sync import databases
from lk_sync.cache.schema import open_for_writing
from lk_sync.notices import digest, of_runs
from lk_sync.notices.walking import Ground
from lk_sync.store import letters, notifications, users
from lk_sync.store.database import Tx
from lk_sync.store.letters import Letter
from lk_sync.store.notifications import Notification
from tests.at_the_store import Kept
from tests.flow.conftest import World, third_party  # noqa: F401 - a fixture that the world takes
from tests.flow.test_history import Days
from tests.portal.pages.cast import NUMBER, PUBLISHED_AT, SUPPLIER
from tests.portal.world import configure

MOSCOW = ZoneInfo("Europe/Moscow")


class Town:
    """The books, the walks over them, and users."""

    def __init__(self, days: Days) -> None:
        self.days, self.books = days, days.world.books
        self.store, self.lk = days.world.store, days.world.config.lk
        self.stop = threading.Event()
        self.reader = databases.cache(days.world.config).reader()

    def ground(self, at: datetime | None = None) -> Ground:
        return Ground(self.lk, self.store, self.reader, at or self.days.today, self.stop)

    def settings(self, **changed: Any) -> None:
        self.lk = msgspec.structs.replace(
            self.lk, notifications=msgspec.structs.replace(self.lk.notifications, **changed)
        )  # fmt: skip

    def user(self, account: str, *, holder: str | None = None) -> str:
        def work(tx: Tx) -> str:
            code = users.create(
                tx, account=account, holder_key=holder or f"K{account}", email=f"{account}@example.ru", language="ru",
                password_hash="one", lasts=timedelta(1), now=self.days.today,
            )  # fmt: skip
            found = users.find(tx, user_code=code)
            assert found is not None
            users.choose_password(tx, user=found, password_hash="own")
            return code

        return self.store.write_now(work)

    def pull(self) -> int:
        """A day later the source is read, and whoever is to be told of it is told."""
        run = self.days.pull()
        of_runs.go(self.ground())
        return run

    def revert(self, run: int) -> None:
        self.days.today += timedelta(days=1)
        self.days.puller.revert(run, who="test")
        of_runs.go(self.ground())

    def unread(self, code: str) -> list[Notification]:
        return self.store.read(lambda tx: notifications.unread(tx, user_code=code, most=100))

    def kinds(self, code: str) -> list[str]:
        return [each.kind for each in self.unread(code)]

    def look(self, code: str) -> list[Notification]:
        """He opens the page."""
        seen = self.unread(code)
        ids = [each.notification for each in seen]
        self.store.write_now(lambda tx: notifications.read(tx, user_code=code, seen=ids, now=self.days.today))
        return seen

    def write_letters(self, day: date, hour: int) -> list[Letter]:
        """The letters of an hour, taken out of the queue."""
        digest.go(self.ground(datetime(day.year, day.month, day.day, hour, 30, tzinfo=MOSCOW)))
        until = datetime(2100, 1, 1, tzinfo=MOSCOW)
        found = []
        while letter := self.store.write_now(lambda tx: letters.claim(tx, now=until, lease_until=until + timedelta(1))):
            found.append(letter)
        return found


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """In files; `test_notices_on_postgresql` tells a story on a server."""
    return Kept(tmp_path)


@pytest.fixture
def days(kept: Kept, tmp_path: Path, third_party: None) -> Iterator[Days]:  # noqa: F811 - pytest's way to take it
    world = World(tmp_path, kept.environment)
    for number in range(5):
        world.account(f"00{number}")
    yield Days(world)
    world.store.close()


@pytest.fixture
def town(days: Days) -> Iterator[Town]:
    """Every account has a bill of September; the first load has been walked over."""
    made = Town(days)
    for number in range(5):
        days.charge(f"00{number}", "2026-09", "100.00")
        days.bill(f"00{number}", "2026-09", "100.00", f"С{number}")
        days.world.payment(f"00{number}", f"П{number}", "50.00")
    made.pull()
    yield made
    made.reader.close()


class Houses:
    """The demo's accounts as one run has published them, on any day, and users of them."""

    def __init__(self, folder: Path, cache: Path) -> None:
        (folder / "var").mkdir()
        shutil.copy(cache, folder / "var" / "cache.db")
        config = configure(folder, port=1)
        self.lk, self.store = config.lk, databases.open_store(config)
        self.reader = databases.cache(config).reader()
        self.stop = threading.Event()

    def ground(self, at: datetime) -> Ground:
        return Ground(self.lk, self.store, self.reader, at, self.stop)

    def user(self, oddity: Oddity) -> str:
        number = NUMBER[oddity]
        holder = self.reader.holder_key(self.reader.account_key(number) or 0) or ""

        def work(tx: Tx) -> str:
            code = users.create(
                tx, account=number, holder_key=holder, email="reader@example.ru", language="ru", password_hash="one",
                lasts=timedelta(1), now=datetime(2026, 1, 1, tzinfo=MOSCOW),
            )  # fmt: skip
            found = users.find(tx, user_code=code)
            assert found is not None
            users.choose_password(tx, user=found, password_hash="own")
            return code

        return self.store.write_now(work)

    def unread(self, code: str) -> list[Notification]:
        return self.store.read(lambda tx: notifications.unread(tx, user_code=code, most=100))

    def amend(self, statement: str, **values: Any) -> None:
        with closing(open_for_writing(self.lk.cache_path)) as connection:
            connection.execute(statement, values)


@pytest.fixture(scope="session")
def demo_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("houses") / "cache.db"
    fill(path, SUPPLIER, published_at=PUBLISHED_AT)
    return path


@pytest.fixture
def houses(tmp_path: Path, demo_cache: Path) -> Iterator[Houses]:
    made = Houses(tmp_path, demo_cache)
    yield made
    made.reader.close()
    made.store.close()
