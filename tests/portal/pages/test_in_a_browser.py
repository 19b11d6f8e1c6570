"""In a real browser: a small old phone, a large screen, at night, on paper; without JavaScript and without a fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, async_playwright

from demo.supplier.oddities import Oddity
from portal.access import SESSION
from tests.portal.pages.cast import NUMBER, enter
from tests.portal.pages.test_readings import last, typed
from tests.portal.world import World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATHS = (
    *("/", "/charges", "/readings", "/bills", "/payments", "/documents", "/password", "/help"),
    *("/notifications", "/notifications/settings", "/calendar", "/charges/difference", "/charges/check"),
)
FAULTS = ("error", "warning")
LEFT = "net::ERR_ABORTED"  # the visitor went on before a picture had come
SMALLEST_TARGET = 44
LARGEST_PAGE_FONT = 18

# What the page says of itself, asked by the test from outside: the pages have no script of their own.
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL_TARGETS = """least => [...document.querySelectorAll('a[href], button, select, input:not([type=hidden])')]
  .filter(each => !each.matches('.skip') && getComputedStyle(each).display !== 'inline')
  .map(each => [each.outerHTML.slice(0, 90), each.getBoundingClientRect()])
  .filter(([, box]) => box.width && Math.min(box.height, box.width) < least)
  .map(([html, box]) => `${Math.round(box.width)}×${Math.round(box.height)} ${html}`)"""
SMALL_TYPE = """least => [...document.querySelectorAll('main *')]
  .filter(each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .filter(each => parseFloat(getComputedStyle(each).fontSize) < least)
  .map(each => each.outerHTML.slice(0, 90))"""
CONTRASTS = """() => {
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const behind = each => {
    for (; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return parse(getComputedStyle(document.documentElement).backgroundColor);
  };
  const found = [];
  for (const each of document.querySelectorAll('body *')) {
    if (![...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    const both = [luminance(parse(getComputedStyle(each).color)), luminance(behind(each))];
    const [light, dark] = both.sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${each.outerHTML.slice(0, 90)}`);
  }
  return found;
}"""


@asynccontextmanager
async def chromium() -> AsyncIterator[Chromium]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


async def visit(world: World, browser: Chromium, oddity: Oddity, **screen: Any) -> tuple[BrowserContext, list[str]]:
    """A context with a session of the oddity's holder, and the complaints that its console gathers."""
    token = enter(world, NUMBER[oddity]).cookie(SESSION)
    assert token is not None
    context = await browser.new_context(locale="ru-RU", **screen)
    await context.add_cookies(
        [{"name": SESSION, "value": token, "url": world.base.replace("http:", "https:"), "secure": True}]
    )
    complaints: list[str] = []
    context.on("console", lambda said: complaints.append(said.text) if said.type in FAULTS else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("response", lambda response: complaints.append(response.url) if response.status >= 400 else None)
    context.on("requestfailed", lambda asked: complaints.append(asked.url) if asked.failure != LEFT else None)
    return context, complaints


async def test_every_page_fits_a_small_phone_and_is_easy_to_read_and_to_hit(world: World) -> None:
    async with chromium() as browser:
        for oddity in (Oddity.TWO_METERS, Oddity.LONG, Oddity.VERIFICATION_EXPIRED, Oddity.DEBTOR):
            phone = {"viewport": {"width": 320, "height": 640}}
            context, complaints = await visit(world, browser, oddity, **phone)
            page = await context.new_page()
            for path in PATHS:
                await page.goto(world.base + path)
                assert urlsplit(page.url).path == path
                assert await page.evaluate(OVERFLOW) <= 0, f"{path} scrolls sideways"
                assert await page.evaluate(SMALL_TARGETS, SMALLEST_TARGET) == [], path
                assert await page.evaluate(SMALL_TYPE, 16) == [], path
                size = await page.evaluate("() => parseFloat(getComputedStyle(document.body).fontSize)")
                assert size >= LARGEST_PAGE_FONT
            assert complaints == []
            await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_stands_out_from_its_ground(world: World, scheme: str) -> None:
    async with chromium() as browser:
        context, complaints = await visit(
            world, browser, Oddity.TWO_METERS, viewport={"width": 1280, "height": 900}, color_scheme=scheme
        )
        page = await context.new_page()
        for path in PATHS:
            await page.goto(world.base + path)
            assert await page.evaluate(CONTRASTS) == [], path
            assert await page.evaluate(OVERFLOW) <= 0, path
        assert complaints == []


async def test_a_reading_is_handed_in_by_keyboard_without_javascript(world: World) -> None:
    async with chromium() as browser:
        context, complaints = await visit(
            world, browser, Oddity.ORDINARY, viewport={"width": 320, "height": 640}, java_script_enabled=False
        )
        page = await context.new_page()
        await page.goto(world.base + "/")
        await page.get_by_role("link", name="Передать показания").click()
        await _type_reading(page, typed(last(Oddity.ORDINARY) + 150_000_000))
        assert await page.get_by_role("heading", level=1).inner_text() == "Проверьте показание"
        await page.get_by_role("button", name="Исправить").press("Enter")
        await _type_reading(page, typed(last(Oddity.ORDINARY) + 2_000_000))
        assert await page.get_by_role("heading", level=1).inner_text() == "Переданное показание"
        assert "В очереди на передачу поставщику" in await page.locator("main").inner_text()
        await page.get_by_role("link", name="Главная").click()
        assert "В очереди на передачу поставщику" in await page.locator("main").inner_text()
        assert complaints == []


async def _type_reading(page: Page, value: str) -> None:
    field = page.get_by_label("Новое показание")
    await field.fill(value)
    await field.press("Enter")
    await page.wait_for_load_state()


async def test_the_first_tab_leads_past_the_menu(world: World) -> None:
    async with chromium() as browser:
        context, _ = await visit(world, browser, Oddity.ORDINARY, viewport={"width": 1280, "height": 900})
        page = await context.new_page()
        await page.goto(world.base + "/charges")
        await page.keyboard.press("Tab")
        assert await page.evaluate("() => document.activeElement.className") == "skip"
        box = await page.locator(".skip").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        await page.keyboard.press("Enter")
        assert await page.evaluate("() => document.activeElement.id") == "main"


async def test_paper_shows_the_sums_and_not_the_buttons(world: World) -> None:
    async with chromium() as browser:
        context, _ = await visit(world, browser, Oddity.ORDINARY, viewport={"width": 1280, "height": 900})
        page = await context.new_page()
        await page.goto(world.base + "/charges")
        await page.emulate_media(media="print")
        assert await page.locator(".charges").is_visible()
        for gone in (".menu", ".period", ".languages"):
            assert not await page.locator(gone).is_visible()
