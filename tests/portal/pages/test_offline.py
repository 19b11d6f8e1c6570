"""Without a network: what is entered stays, is sent once, to nobody else's account, and is never silently dropped."""

from __future__ import annotations

import gzip
import re
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from playwright.async_api import Route, expect

from demo.supplier import Supplier
from demo.supplier.oddities import Oddity
from lk_sync.store.submissions import of_account
from portal.access import LANGUAGE
from portal.assets import assets
from portal.pages.offline import handlers as offline
from portal.pages.readings import handlers
from tests.journeys.audit import AXE, MOST_HTML, MOST_IN_ALL
from tests.portal.pages.cast import enter
from tests.portal.pages.phone import INDEX, M3, Phone, held
from tests.portal.pages.test_in_a_browser import (
    CONTRASTS,
    OVERFLOW,
    SMALL_TARGETS,
    SMALL_TYPE,
    SMALLEST_TARGET,
)
from tests.portal.pages.test_readings import fields_of, form_on

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


async def test_what_is_entered_without_a_network_waits_and_is_taken_once_when_it_is_back(phone: Phone) -> None:
    await phone.open()
    await phone.keep(phone.value(Oddity.ORDINARY, 2 * M3))
    assert await phone.page.locator("h1").inner_text() == "Нет сети"
    assert phone.stored() == 0
    await phone.go_online()
    await phone.says("Передано, когда появилась сеть.")
    assert phone.stored() == 1
    await phone.page.get_by_role("link", name="Показать", exact=True).click()
    assert await phone.page.locator("h1").inner_text() == "Переданное показание"
    assert await phone.entries() == []
    await phone.open("/")
    assert await phone.page.get_by_text("Передано, когда появилась сеть").count() == 0
    assert phone.stored() == 1


async def test_the_portal_opens_without_a_network_and_takes_readings_for_later(phone: Phone) -> None:
    await phone.open()
    await phone.context.set_offline(True)
    await phone.page.goto(phone.world.base + "/charges")
    form = phone.page.locator("#kept-form")
    await form.get_by_role("button").click()
    await expect(form.get_by_text("Введите показание")).to_be_visible()
    await form.get_by_label("Новое показание").fill(phone.value(Oddity.ORDINARY, 2 * M3))
    await form.get_by_role("button").click()
    await phone.says("1 показание ждёт сети")
    await form.get_by_label("Новое показание").fill(phone.value(Oddity.ORDINARY, 3 * M3))
    await form.get_by_role("button").click()
    await phone.says(phone.value(Oddity.ORDINARY, 3 * M3))
    assert [each["value"] for each in await phone.entries()] == [phone.value(Oddity.ORDINARY, 3 * M3)]
    await phone.go_online()
    await phone.says("Передано, когда появилась сеть.")
    assert phone.page.url == phone.world.base + "/charges"
    assert phone.stored() == 1


async def test_an_answer_that_is_lost_after_the_reading_was_stored_doubles_nothing(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await phone.open()

    def cut(request: web.Request, *_: object) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    monkeypatch.setattr(handlers, "_answer", cut)
    await phone.hand_in(phone.value(Oddity.ORDINARY, 2 * M3))
    monkeypatch.undo()
    await phone.says("Передано, когда появилась сеть.")
    assert phone.stored() == 1
    await phone.page.wait_for_timeout(500)
    assert await phone.entries() == []


async def test_what_was_entered_outlives_the_session_and_goes_when_its_person_is_back(phone: Phone) -> None:
    await phone.open()
    phone.end_sessions(Oddity.ORDINARY)
    await phone.hand_in(phone.value(Oddity.ORDINARY, 2 * M3))
    assert await phone.page.locator("h1").inner_text() == "Вход в личный кабинет"
    await phone.says("будет передано, когда войдёт тот, кто его ввёл")
    assert phone.stored() == 0
    await phone.log_in(Oddity.ORDINARY)
    await phone.open("/")
    await phone.says("Передано, когда появилась сеть.")
    assert phone.stored() == 1


async def test_nothing_of_one_person_is_shown_to_or_sent_for_another(phone: Phone) -> None:
    await phone.open()
    phone.end_sessions(Oddity.ORDINARY)
    await phone.hand_in(value := phone.value(Oddity.ORDINARY, 2 * M3))
    await phone.log_in(Oddity.TWO_METERS)
    await phone.open()
    await phone.page.wait_for_timeout(500)
    text = await phone.page.locator("main").inner_text()
    assert value not in text
    assert "ждёт" not in text
    assert phone.stored() == 0
    await phone.context.set_offline(True)
    await phone.page.goto(phone.world.base + "/")
    assert value not in await phone.page.locator("main").inner_text()
    assert await phone.page.locator("#kept-form input").count() == 2  # the form is the other one's now
    await phone.go_online()
    await phone.log_in(Oddity.ORDINARY)
    await phone.open("/")
    await phone.says("Передано, когда появилась сеть.")
    sent = of_account(
        phone.world.store.reading,
        account=phone.number(Oddity.ORDINARY),
        holder_key=phone.supplier.books(INDEX[Oddity.ORDINARY])["accounts"][0][3],
        since=0,
    )
    assert len(sent) == phone.stored() == 1


async def test_leaving_forgets_everything_on_the_device_after_a_warning(phone: Phone) -> None:
    await phone.open()
    await phone.keep(phone.value(Oddity.ORDINARY, 150 * M3))
    await phone.go_online()
    await phone.says("нужен ваш ответ")
    assert len(await phone.entries()) == 1
    await phone.open("/")
    await phone.page.get_by_role("button", name="Выйти").click()
    await phone.page.wait_for_url("**/login")
    assert await phone.entries() == []
    assert await phone.page.evaluate("() => caches.keys()") == []


async def test_leaving_without_a_network_forgets_at_least_on_the_device(phone: Phone) -> None:
    await phone.open("/")
    await phone.open()
    await phone.context.set_offline(True)
    await phone.page.get_by_role("button", name="Выйти").click()
    await phone.says("Выйти без сети не получилось")
    assert await phone.entries() == []
    assert await phone.page.locator("#kept-form").is_hidden()
    await phone.context.set_offline(False)
    await phone.page.get_by_role("link", name="Попробовать ещё раз").click()
    assert phone.page.url == phone.world.base + "/"


async def test_a_form_of_another_site_neither_leaves_nor_keeps_anything(phone: Phone) -> None:
    await phone.open()
    await phone.keep(phone.value(Oddity.ORDINARY, 150 * M3))
    await phone.go_online()
    await phone.says("нужен ваш ответ")
    whose = (await phone.entries())[0]["whose"]
    for path in ("/logout", "/readings"):
        fields = {"whose": whose, "meter-1": "1", "value-1": "666", "submission-1": "x"}
        inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
        form = f'<form method="post" action="{phone.world.base}{path}">{inputs}<button>Приз</button></form>'
        await phone.context.route("http://elsewhere.example/", partial(_show, form))
        await phone.page.goto("http://elsewhere.example/")
        await phone.page.get_by_role("button").click()
        await phone.page.wait_for_url(phone.world.base + "/**")
        await phone.open("/")
        assert [each["value"] for each in await phone.entries()] == [phone.value(Oddity.ORDINARY, 150 * M3)]
        await phone.context.unroute("http://elsewhere.example/")


async def _show(body: str, route: Route) -> None:
    await route.fulfill(body=f"<!doctype html><meta charset=utf-8>{body}", content_type="text/html")


async def test_leaving_while_something_waits_is_asked_about(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("away")

    monkeypatch.setattr("portal.pages.readings.kept.gauges", refuse)
    await phone.open()
    await phone.keep(phone.value(Oddity.ORDINARY, 2 * M3))
    await phone.go_online()
    await phone.open("/")
    await phone.says("1 показание ждёт сети")
    asked: list[str] = []

    async def stay(dialog: Any) -> None:
        asked.append(dialog.message)
        await (dialog.dismiss() if len(asked) == 1 else dialog.accept())

    phone.page.on("dialog", stay)
    await phone.page.get_by_role("button", name="Выйти").click()
    assert len(await phone.entries()) == 1
    await phone.page.get_by_role("button", name="Выйти").click()
    await phone.page.wait_for_url("**/login")
    assert len(asked) == 2
    assert "будут стёрты" in asked[0]
    assert await phone.entries() == []


async def test_a_question_and_a_refusal_are_put_to_the_person(phone: Phone) -> None:
    for more, told, button, heading in (
        (150 * M3, "Расход необычно большой", "Проверить и передать", "Проверьте показание"),
        (-5 * M3, "Показание меньше прежнего", "Исправить и передать", "Показания приборов"),
    ):
        await phone.open()
        await phone.keep(value := phone.value(Oddity.ORDINARY, more))
        await phone.go_online()
        await phone.says(told)
        assert phone.stored() == 0
        await phone.page.get_by_role("button", name=button).click()
        assert await phone.page.locator("h1").inner_text() == heading
        assert await phone.page.locator(f'main input[value="{value}"]').count() == 1
        assert await phone.page.get_by_role("button", name=button).count() == 0  # the page itself asks now
        assert len(await phone.entries()) == 1
        await phone.open("/")
        await phone.says(told)
        await phone.page.get_by_role("button", name="Не передавать" if more > 0 else "Удалить").click()
        await expect(phone.page.locator("main")).not_to_contain_text(told)
        assert await phone.entries() == []


async def test_a_question_that_is_answered_with_yes_ends_the_waiting(phone: Phone) -> None:
    await phone.open()
    await phone.keep(phone.value(Oddity.ORDINARY, 150 * M3))
    await phone.go_online()
    await phone.page.get_by_role("button", name="Проверить и передать").click()
    await phone.page.get_by_role("button", name="Всё верно — передать").click()
    assert await phone.page.locator("h1").inner_text() == "Переданное показание"
    await phone.page.wait_for_timeout(500)
    assert await phone.entries() == []
    assert phone.stored() == 1


async def test_a_reading_of_a_month_that_is_over_is_asked_about(phone: Phone) -> None:
    await phone.open()
    await phone.keep(phone.value(Oddity.ORDINARY, 2 * M3))
    phone.world.clock.forward(days=31)
    await phone.go_online()
    await phone.log_in(Oddity.ORDINARY)
    await phone.open("/")
    await phone.says("сменился месяц приёма")
    assert phone.stored() == 0


async def test_what_was_handed_in_meanwhile_is_not_replaced_unasked(phone: Phone) -> None:
    await phone.open()
    await phone.keep(phone.value(Oddity.ORDINARY, 2 * M3))
    at_home = enter(phone.world, phone.number(Oddity.ORDINARY))
    fields = fields_of(await form_on(at_home), value=phone.value(Oddity.ORDINARY, 3 * M3))
    assert (await at_home.post("/readings", fields)).status == 303
    await phone.go_online()
    await phone.says("по этому прибору передано другое")
    assert phone.stored() == 1


@pytest.mark.parametrize(("language", "scheme"), [("ru", "light"), ("ru", "dark"), ("en", "dark")])
async def test_the_page_without_a_network_is_for_everyone(
    tmp_path: Path, town_of_today: tuple[Path, Supplier], language: str, scheme: str
) -> None:
    async with held(tmp_path / "c", town_of_today, color_scheme=scheme, locale=language) as phone:
        await phone.log_in(Oddity.TWO_METERS)
        language_cookie = {"name": LANGUAGE, "value": language, "url": phone.world.base.replace("http:", "https:")}
        await phone.context.add_cookies([language_cookie | {"secure": True}])
        await phone.open()
        await phone.context.set_offline(True)
        await phone.page.goto(phone.world.base + "/readings")
        form = phone.page.locator("#kept-form")
        assert await form.locator("input").count() == 2
        await form.locator("input").first.fill("1,5")
        await form.get_by_role("button").press("Enter")
        await expect(phone.page.locator(".kept")).to_be_visible()
        for width in (320, 1280):
            await phone.page.set_viewport_size({"width": width, "height": 640})
            assert await phone.page.evaluate(OVERFLOW) <= 0
            assert await phone.page.evaluate(SMALL_TARGETS, SMALLEST_TARGET) == []
            assert await phone.page.evaluate(SMALL_TYPE, 16) == []
            assert await phone.page.evaluate(CONTRASTS) == []
        await phone.page.evaluate(AXE)
        assert await phone.page.evaluate("async () => (await axe.run(document)).violations.map(each => each.id)") == []
        if language == "en":
            ours = "h1, label, button, #kept-form > p, .kept .count, .kept .hint"
            assert not [text for text in await phone.page.locator(ours).all_inner_texts() if re.search("[а-яё]", text)]


async def test_a_first_visit_of_a_subscriber_weighs_little_with_all_that_is_kept(phone: Phone) -> None:
    browser = enter(phone.world, phone.number(Oddity.TWO_METERS))
    kept = ("/worker.js", "/offline/ru", "/offline/en", "/manifest/ru")
    own = sum([len(gzip.compress((await browser.get(path)).body, 6)) for path in kept])
    own += sum(len(assets()[name].packed) for name in ("portal.css", "kept.js", "icon.svg"))
    for path in ("/", "/readings", "/charges"):
        page = len(gzip.compress((await browser.get(path)).body, 6))
        assert page <= MOST_HTML
        assert page + own <= MOST_IN_ALL, f"{path}: {page} + {own}"


async def test_two_windows_send_one_reading_once(phone: Phone) -> None:
    await phone.open()
    second = await phone.context.new_page()
    await phone.open("/", second)
    await phone.keep(phone.value(Oddity.ORDINARY, 2 * M3))
    await phone.go_online()
    await phone.page.wait_for_timeout(1500)
    assert phone.stored() == 1
    assert await phone.entries() == []


async def test_a_new_worker_drops_what_the_one_before_it_had_kept_but_no_reading(phone: Phone) -> None:
    await phone.open()
    await phone.keep(phone.value(Oddity.ORDINARY, 150 * M3))
    await phone.go_online()
    await phone.says("нужен ваш ответ")
    (former,) = await phone.page.evaluate("() => caches.keys()")
    kept = phone.world.app[offline.KEPT]
    kept.worker = kept.worker.replace(former.removeprefix("shell-").encode(), b"another")
    await phone.page.evaluate("async () => (await navigator.serviceWorker.ready).update()")
    await phone.page.wait_for_function("async () => (await caches.keys()).join() === 'shell-another'")
    assert len(await phone.entries()) == 1


async def test_a_file_is_taken_away_through_the_worker_as_without_it(phone: Phone) -> None:
    await phone.open("/payments")
    async with phone.page.expect_download() as taken:
        await phone.page.get_by_role("link", name="CSV").click()
    assert (await taken.value).suggested_filename == f"payments_{phone.number(Oddity.ORDINARY)}.csv"


async def test_no_page_of_a_person_is_kept_on_the_device(phone: Phone) -> None:
    for path in ("/", "/charges", "/readings", "/payments"):
        await phone.open(path)
    held = await phone.page.evaluate(
        "async () => (await (await caches.open((await caches.keys())[0])).keys()).map(each => each.url)"
    )
    paths = {urlsplit(url).path for url in held}
    assert {path for path in paths if not path.startswith("/static/")} == {"/offline/ru", "/offline/en"}
    for path in ("/offline/ru", "/offline/en"):
        page = await enter(phone.world, phone.number(Oddity.ORDINARY)).get(path)
        assert phone.number(Oddity.ORDINARY) not in page.text
        assert "csrf" not in page.text
