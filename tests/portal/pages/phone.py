"""Phone: a browser in somebody's hand, with a network that comes and goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page, expect

from demo.supplier import Supplier
from demo.supplier.oddities import CAST, Oddity
from lk_sync.store import outbox, sessions, users
from portal.access import SESSION
from tests.portal.pages.cast import enter
from tests.portal.pages.test_in_a_browser import (
    chromium,
)
from tests.portal.world import World
from tests.portal.world import world as open_world

M3 = 1_000_000
INDEX = {oddity: index for index, oddity in CAST.items()}
PHONE = {"viewport": {"width": 320, "height": 640}, "locale": "ru-RU"}
WORKS = "async () => { await navigator.serviceWorker.ready; return navigator.serviceWorker.controller !== null }"
ENTRIES = """() => new Promise(done => {
  const asked = indexedDB.open('kept');
  asked.onsuccess = () => {
    if (!asked.result.objectStoreNames.contains('entries')) return done([]);
    const rows = asked.result.transaction('entries').objectStore('entries').getAll();
    rows.onsuccess = () => { asked.result.close(); done(rows.result) };
  };
})"""


@dataclass
class Phone:
    """A phone in somebody's hand, with the town of today around it: a browser's worker goes by its own clock."""

    world: World
    supplier: Supplier
    context: BrowserContext
    page: Page

    def number(self, oddity: Oddity) -> str:
        return str(self.supplier.books(INDEX[oddity])["accounts"][0][0])

    def value(self, oddity: Oddity, more: int) -> str:
        """As it is typed: so much more than the last reading in the books."""
        return f"{(max(row[5] for row in self.supplier.books(INDEX[oddity])['readings']) + more) / M3:.3f}"

    async def log_in(self, oddity: Oddity) -> None:
        """A session of this person's; how one is begun is another test's matter."""
        token = enter(self.world, self.number(oddity)).cookie(SESSION)
        assert token is not None
        at = self.world.base.replace("http:", "https:")
        await self.context.add_cookies([{"name": SESSION, "value": token, "url": at, "secure": True}])

    async def open(self, path: str = "/readings", page: Page | None = None) -> None:
        page = page or self.page
        await page.goto(self.world.base + path)
        await page.wait_for_function(WORKS)
        await page.wait_for_timeout(200)  # what the page tells the worker of its form

    async def hand_in(self, value: str, page: Page | None = None) -> None:
        page = page or self.page
        await page.get_by_label("Новое показание").first.fill(value)
        await page.get_by_role("button", name="Передать", exact=True).first.click()
        await page.wait_for_load_state()

    async def keep(self, value: str) -> None:
        """Typed into the open form while there is no network."""
        await self.context.set_offline(True)
        await self.hand_in(value)
        await self.says("1 показание ждёт сети")

    async def go_online(self) -> None:
        """The network is back, and with it the page that was wanted."""
        await self.context.set_offline(False)
        await expect(self.page.locator("h1")).not_to_have_text("Нет сети", timeout=15_000)
        await self.page.wait_for_load_state()

    def stored(self) -> int:
        return sum(outbox.tally(self.world.store.reading).values())

    def end_sessions(self, oddity: Oddity) -> None:
        user = users.of_account(self.world.store.reading, account=self.number(oddity))
        assert user is not None
        self.world.store.write_now(lambda tx: sessions.end_all(tx, user_code=user.user_code))

    async def says(self, words: str, page: Page | None = None) -> None:
        await expect((page or self.page).locator("main")).to_contain_text(words, timeout=15_000)

    async def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.page.evaluate(ENTRIES)
        return found


@asynccontextmanager
async def held(folder: Path, town: tuple[Path, Supplier], **screen: Any) -> AsyncIterator[Phone]:
    path, supplier = town
    window = {"first_day": 1, "last_day": 31}
    async with (
        open_world(folder, cache=path, background=False, readings=window) as world,
        chromium() as browser,
    ):
        world.clock.now = datetime.now(UTC)
        context = await browser.new_context(**PHONE | screen)
        phone = Phone(world, supplier, context, await context.new_page())
        await phone.log_in(Oddity.ORDINARY)
        yield phone
        await context.close()
