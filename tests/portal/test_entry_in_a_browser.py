"""In a real browser: registering, logging in, a link in a letter, and the back button after leaving."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright

from lk_sync.clock import instant
from lk_sync.store import maintenance, recoveries
from lk_sync.store.maintenance import Mode, Works
from portal.access import SESSION
from portal.keys import WORKS
from tests.journeys.audit import AXE, RUN
from tests.portal.world import NEWCOMER, SUBSCRIBER, World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

OWN = "сова клевер мост янтарь"


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield await chromium.new_context(locale="ru-RU")
        await chromium.close()


async def register_and_enter(world: World, browser: BrowserContext) -> None:
    page = await browser.new_page()
    await page.goto(f"{world.base}/register")
    await page.get_by_label("Номер лицевого счёта").fill(NEWCOMER)
    await page.get_by_label("Электронная почта").fill("ivanova@example.ru")
    await page.get_by_label("Сумма к оплате").fill("1234,56")
    await page.locator("#rules").check()
    await page.locator("#consent").check()
    await page.get_by_role("button", name="Регистрация").click()
    await page.wait_for_url("**/register/sent")
    (letter,) = await world.letters()
    password = re.search(r"входа: (\S+)", letter.get_body(("plain",)).get_content())[1]
    await page.goto(f"{world.base}/login")
    await page.get_by_label("Номер лицевого счёта").fill(NEWCOMER)
    await page.get_by_label("Пароль").fill(password)
    await page.get_by_role("button", name="Войти").click()
    await page.wait_for_url("**/password")
    await page.get_by_label("Новый пароль", exact=True).fill(OWN)
    await page.get_by_label("Новый пароль ещё раз").fill(OWN)
    await page.get_by_role("button", name="Сохранить пароль").click()
    await page.wait_for_url(f"{world.base}/")
    await page.close()


async def mail_program(link: str) -> asyncio.Server:
    """A page of another site with a link, as a letter is in a mail program on the web."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = f'<meta charset="utf-8"><a href="{link}">кабинет</a>'.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


async def test_from_the_bill_to_the_own_password_and_out_again(world: World, browser: BrowserContext) -> None:
    await register_and_enter(world, browser)
    assert SESSION in {cookie["name"] for cookie in await browser.cookies()}
    page = await browser.new_page()
    await page.goto(f"{world.base}/password")
    await page.get_by_role("button", name="Выйти").click()
    await page.wait_for_url("**/login")
    assert SESSION not in {cookie["name"] for cookie in await browser.cookies()}
    await page.go_back()
    assert "/login" in page.url
    assert NEWCOMER not in await page.content()


@pytest.mark.parametrize("worker", [False, True])
async def test_a_link_in_a_letter_opens_the_page_for_who_is_logged_in(
    world: World, browser: BrowserContext, worker: bool
) -> None:
    """Also where the browser's worker stands between the pages and the network."""
    await register_and_enter(world, browser)
    if worker:
        before = await browser.new_page()
        await before.goto(f"{world.base}/password")
        await before.wait_for_function("async () => { await navigator.serviceWorker.ready; return true }")
    server = await mail_program(f"{world.base}/password")
    # another name is another site, whatever the port
    address = f"http://localhost:{server.sockets[0].getsockname()[1]}/"
    page = await browser.new_page()
    await page.goto(address)
    await page.get_by_role("link", name="кабинет").click()
    await page.wait_for_url("**/password")
    await page.get_by_label("Нынешний пароль").wait_for()
    assert "/login" not in page.url
    server.close()


async def test_a_link_in_a_letter_leads_a_stranger_to_the_login(world: World, browser: BrowserContext) -> None:
    server = await mail_program(f"{world.base}/password")
    page = await browser.new_page()
    await page.goto(f"http://localhost:{server.sockets[0].getsockname()[1]}/")
    await page.get_by_role("link", name="кабинет").click()
    await page.wait_for_url("**/login?next=/password")
    server.close()


async def examine(page: Page, *, width: int) -> list[str]:
    """What axe-core finds, and whether anything lies beyond the edge."""
    await page.set_viewport_size({"width": width, "height": 800})
    await page.evaluate(AXE)
    found = [f"{page.url} {each['id']}: {each['nodes'][0]['html']}" for each in await page.evaluate(RUN)]
    over = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [*found, *([f"{page.url}: {over} pixels over the edge"] if over > 0 else [])]


async def fill(page: Page, **typed: str) -> None:
    for name, value in typed.items():
        await page.locator(f"#{name}").fill(value)
    await page.locator("main form button.button").first.click()
    await page.wait_for_load_state()


def works(world: World, mode: Mode, *, starts: int = 0) -> None:
    now = world.clock()
    begins, ends = instant(now + timedelta(hours=starts)), instant(now + timedelta(hours=starts + 2))
    planned = Works(mode=mode, starts_at=begins, ends_at=ends, text_ru="Меняем сервер.", set_by="operator")
    world.store.write_now(lambda tx: maintenance.plan(tx, planned, now=now))
    world.app[WORKS].look(at_once=True)


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
async def test_what_is_asked_for_refused_or_closed_is_found_faultless_by_axe(
    world: World, browser: BrowserContext, width: int, scheme: str
) -> None:
    user = world.registered(SUBSCRIBER)
    now, lasts = world.clock(), timedelta(hours=2)
    secret = world.store.write_now(lambda tx: recoveries.open_way(tx, user_code=user.user_code, lasts=lasts, now=now))
    page, found = await browser.new_page(), []
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.goto(f"{world.base}/register")
    found += await examine(page, width=width)
    for box in ("rules", "consent"):
        await page.locator(f"#{box}").check()
    await fill(page, account=NEWCOMER, email="a@example.ru", amount="0")
    assert await page.get_by_text("Почти готово").count()
    found += await examine(page, width=width)
    await fill(page, account="12;", meter="–", payment_sum="1")
    found += await examine(page, width=width)
    await page.goto(f"{world.base}/recovery")
    found += await examine(page, width=width)
    await page.locator("summary").click()
    await fill(page, desk_code="12")
    found += await examine(page, width=width)
    for path in ("/login?shown=yes", "/recovery/sent", f"/recovery/{secret}", "/recovery/nowhere"):
        await page.goto(world.base + path)
        found += await examine(page, width=width)
    await page.goto(f"{world.base}/login")
    await fill(page, account=SUBSCRIBER, password="wrong")
    found += await examine(page, width=width)
    works(world, "closed", starts=20)
    await page.goto(f"{world.base}/help")
    found += await examine(page, width=width)
    works(world, "read_only")
    await page.goto(f"{world.base}/recovery")
    await fill(page, account=SUBSCRIBER, email="a@example.ru")
    assert await page.get_by_text("Введённое не потерялось").count()
    found += await examine(page, width=width)
    works(world, "closed")
    await page.goto(f"{world.base}/login")
    found += await examine(page, width=width)
    assert not found, found
