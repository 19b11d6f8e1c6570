"""An account that the supplier has closed on the portal: one page with the reason instead of every page of it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from demo.supplier.oddities import Oddity
from lk_sync.store import blocks, calendars, outbox, recipients
from tests.journeys.audit import AXE
from tests.portal.pages.cast import NEIGHBOUR, NUMBER, SUBSCRIBER, enter
from tests.portal.pages.elements import check, is_ours
from tests.portal.pages.test_in_a_browser import CONTRASTS, OVERFLOW, SMALL_TARGETS, SMALLEST_TARGET, chromium, visit
from tests.portal.pages.test_readings import fields_of, form_on, last, typed
from tests.portal.world import World

MICRO = 1_000_000
HOSTILE = "<script>alert(1)</script> отозвано согласие"
OF_THE_ACCOUNT = ("/", "/charges", "/charges.csv", "/readings", "/payments", "/payments.xlsx", "/documents", "/people")
OF_THE_PERSON = ("/settings", "/settings/sessions", "/accounts", "/password")


def block(world: World, account: str = SUBSCRIBER, reason: str = "отозвано согласие") -> None:
    world.store.write_now(lambda tx: blocks.put(tx, account=account, reason=reason, by="офис", now=world.clock()))


def lift(world: World) -> bool:
    return world.store.write_now(lambda tx: blocks.lift(tx, account=SUBSCRIBER, by="офис", now=world.clock()))


async def test_every_page_of_the_account_is_the_reason_and_never_a_zero(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    block(world, reason="другая причина")
    block(world, reason=HOSTILE)
    for path in OF_THE_ACCOUNT:
        answer = await browser.get(path)
        page = check(answer.text)
        assert answer.status == 403
        assert HOSTILE in page.one("main").text, path
        assert "закрыл лицевой счёт" in page.one("main").text
        assert all(is_ours(script) for script in page.all("script"))
        assert "₽" not in answer.text
    for path in OF_THE_PERSON:
        answer = await browser.get(path)
        assert answer.status == 200, path
        assert "отозвано согласие" not in answer.text
    assert "К оплате" in (await enter(world, NUMBER[Oddity.DEBTOR]).get("/")).text


async def test_nothing_is_taken_for_it_until_it_is_open_again(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    fields = fields_of(await form_on(browser), value=typed(last(Oddity.ORDINARY) + MICRO))
    block(world)
    assert (await browser.post("/readings", fields)).status == 403
    assert (await browser.get("/readings/kept")).status == 403
    assert outbox.tally(world.store.reading) == {}
    assert lift(world)
    assert not lift(world)
    assert (await browser.post("/readings", fields)).status == 303


async def test_no_letter_and_no_calendar_tells_of_it(world: World) -> None:
    for account in (SUBSCRIBER, NEIGHBOUR):
        enter(world, account)
    told = {
        each.account: each.user_code for each in recipients.of_accounts(world.store.reading, [SUBSCRIBER, NEIGHBOUR])
    }
    assert told.keys() == {SUBSCRIBER, NEIGHBOUR}
    secret = world.store.write_now(
        lambda tx: calendars.begin(
            tx,
            user_code=told[SUBSCRIBER],
            account=SUBSCRIBER,
            form="f",
            language="ru",
            with_sums=True,
            now=world.clock(),
        )
    )
    stranger = world.browser()
    assert (await stranger.get(f"/calendar/{secret}.ics")).status == 200
    block(world)
    assert (await stranger.get(f"/calendar/{secret}.ics")).status == 404
    left = recipients.of_accounts(world.store.reading, [SUBSCRIBER, NEIGHBOUR])
    everyone = recipients.all_after(world.store.reading, user_code="", account="", most=10)
    assert {each.account for each in left} == {each.account for each in everyone} == {NEIGHBOUR}


@pytest.mark.browser
@pytest.mark.timeout(240)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_fits_a_phone_and_a_desk(world: World, scheme: str) -> None:
    async with chromium() as browser:
        context, _ = await visit(world, browser, Oddity.ORDINARY, color_scheme=scheme)
        block(world, reason="очень-длинная-причина-без-единого-пробела-которую-кто-то-написал-одним-словом")
        page = await context.new_page()
        for width in (320, 1280):
            await page.set_viewport_size({"width": width, "height": 640})
            await page.goto(world.base + "/")
            await expect(page.locator("h1")).to_have_text("Лицевой счёт закрыт в кабинете")
            assert await page.evaluate(OVERFLOW) <= 0
            assert await page.evaluate(SMALL_TARGETS, SMALLEST_TARGET) == []
            assert await page.evaluate(CONTRASTS) == []
            await page.evaluate(AXE)
            assert await page.evaluate("async () => (await axe.run(document)).violations.map(v => v.id)") == []
        await context.close()
