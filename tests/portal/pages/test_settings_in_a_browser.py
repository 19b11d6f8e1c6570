"""Pages of settings, and all pages in the largest text and the strongest contrast, on a small old phone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from demo.supplier.oddities import Oddity
from lk_sync.clock import instant
from lk_sync.store import links, users
from lk_sync.store.database import Tx
from tests.portal.pages.cast import NUMBER, enter
from tests.portal.pages.test_in_a_browser import CONTRASTS, OVERFLOW, SMALL_TARGETS, SMALLEST_TARGET, chromium, visit
from tests.portal.world import World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

OURS = ("/settings", "/look", "/settings/sessions", "/settings/bill", "/settings/account", "/settings/email")
OURS += ("/accounts", "/accounts/add", "/people")
# What lies beyond the edge, to be told in a failure.
BEYOND = """() => [...document.querySelectorAll('body *')]
  .filter(each => each.getBoundingClientRect().right > innerWidth && !each.matches('.skip'))
  .map(each => each.outerHTML.slice(0, 70)).slice(-3)"""
LARGEST = ("/", "/charges", "/readings", "/bills", "/payments", "/settings", "/accounts", "/people")


def _crowded(world: World) -> None:
    """Two accounts with a long name, and a guest with a long address."""
    for oddity in (Oddity.ORDINARY, Oddity.TWO_METERS):
        enter(world, NUMBER[oddity])
    until = instant(world.clock() + timedelta(days=9))

    def work(tx: Tx) -> None:
        owner, other = (users.of_account(tx, account=NUMBER[each]) for each in (Oddity.ORDINARY, Oddity.TWO_METERS))
        assert owner is not None
        assert other is not None
        links.name(tx, user_code=owner.user_code, account=owner.account, alias="Квартира бабушки на улице Клыкова у п")
        guest = users.create_guest(
            tx,
            email="a.very.long.name.of.somebody@subdomain.example.ru",
            language="ru",
            password_hash="",
            now=world.clock(),
        )
        for code, of in ((guest, owner), (owner.user_code, other)):
            links.make(
                tx, user_code=code, account=of.account, holder_key=of.holder_key, role="view", until=until,
                granted_by=of.user_code, now=world.clock(),
            )  # fmt: skip

    world.store.write_now(work)


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
async def test_settings_fit_and_stand_out_with_long_names(world: World, width: int, scheme: str) -> None:
    _crowded(world)
    async with chromium() as browser:
        size = {"width": width, "height": 700}
        context, complaints = await visit(world, browser, Oddity.ORDINARY, viewport=size, color_scheme=scheme)
        page = await context.new_page()
        for path in OURS:
            await page.goto(world.base + path)
            assert await page.evaluate(OVERFLOW) <= 0, path
            assert await page.evaluate(SMALL_TARGETS, SMALLEST_TARGET) == [], path
            assert await page.evaluate(CONTRASTS) == [], path
        assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_largest_text_fits_a_small_phone_in_the_strongest_contrast(world: World, scheme: str) -> None:
    _crowded(world)
    async with chromium() as browser:
        size = {"width": 320, "height": 700}
        context, _ = await visit(world, browser, Oddity.ORDINARY, viewport=size, color_scheme=scheme)
        page = await context.new_page()
        await page.goto(world.base + "/look")
        await page.get_by_label("самый крупный").check()
        await page.get_by_label("высокий: чёрное и белое, толстые линии").check()
        await page.get_by_role("button", name="Сохранить").click()
        for path in LARGEST:
            await page.goto(world.base + path)
            assert await page.evaluate("() => parseFloat(getComputedStyle(document.body).fontSize)") == 27
            assert await page.evaluate(OVERFLOW) <= 0, (path, await page.evaluate(BEYOND))
            assert await page.evaluate(CONTRASTS) == [], path
