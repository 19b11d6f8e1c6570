"""What holds for every page: it is well formed, speaks one language, and takes a hostile name for a name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from demo.supplier.oddities import Oddity
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import check, is_ours
from tests.portal.pages.test_readings import fields_of, form_on, last, typed
from tests.portal.world import Browser, World
from tests.portal.world import world as open_world

CYRILLIC = re.compile("[А-Яа-яЁё]+")
LANGUAGE_BUTTON = re.compile(r'<button[^>]+lang="ru"[^>]*>.*?</button>')
PROPER_NAMES = re.compile("«(Энергосервис|Теплосбыт)»")  # in the supplier's own legal texts
HOSTILE = "<script>alert(1)</script>\"'&<b>ё</b>{{ 7*7 }}{% raw %}\u202e"
MICRO = 1_000_000
NO_PAGES = ("/healthz", "/readyz", "/readings/kept")
LATIN_SUPPLIER = {
    "name": "Energoservice JSC", "short_name": "Energoservice", "address": "Elista", "office": "Elista", "phone": "1",
}  # fmt: skip


def readable(world: World) -> list[str]:
    """Every page that is asked for by its path alone, but files to keep."""
    pages = {
        route.resource.canonical
        for route in world.app.router.routes()
        if route.method == "GET" and route.resource is not None
    }
    return sorted(path for path in pages if not {"{", "."} & {*path} and path not in NO_PAGES)


async def seen_by(browser: Browser, world: World) -> dict[str, str]:
    """Path → page, of every page and of those that a form leads to."""
    pages = {}
    for path in readable(world):
        page = await browser.get(path)
        if page.status in (200, 400):
            pages[path] = page.text
    forms = await form_on(browser)
    pages["/readings/history"] = (await browser.get(f"/readings/history?meter={forms.field('meter-1')}")).text
    pages["a refusal"] = (await browser.post("/readings", fields_of(forms, value="x"))).text
    value = last(Oddity.ORDINARY)
    pages["a question"] = (await browser.post("/readings", fields_of(forms, value=typed(value + 150 * MICRO)))).text
    stored = await browser.post("/readings", fields_of(forms, value=typed(value + MICRO)))
    pages["a passport"] = (await browser.get(stored.location or "")).text
    pages["a conflict"] = (await browser.post("/readings", fields_of(forms, value=typed(value)))).text
    pages["not found"] = (await browser.get("/no-such-page")).text
    return pages


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_every_page_is_well_formed(world: World, language: str) -> None:
    pages = await seen_by(enter(world, SUBSCRIBER, language=language), world)
    assert len(pages) >= 16
    for path, text in pages.items():
        try:
            page = check(text)
        except AssertionError as fault:
            raise AssertionError(f"{path}: {fault}") from fault
        assert page.one("html").attributes["lang"] == language, path


@pytest.mark.parametrize("oddity", sorted(BOOKS, key=str))
async def test_every_oddity_has_well_formed_pages(world: World, oddity: Oddity) -> None:
    browser = enter(world, NUMBER[oddity])
    for path in ("/", "/charges", "/bills", "/payments", "/readings", "/documents"):
        page = await browser.get(path)
        if page.status != 303:  # an organisation is not shown here
            assert check(page.text).one("main").text, path


async def test_english_pages_have_no_russian_left(tmp_path: Path, town: Path) -> None:
    async with open_world(
        tmp_path / "c", cache=town, background=False, supplier=LATIN_SUPPLIER, payments={"usual_days": {"card": 1}}
    ) as world:
        _latin_data(world)
        pages = await seen_by(enter(world, SUBSCRIBER, language="en"), world)
        for path, text in pages.items():
            left = CYRILLIC.findall(PROPER_NAMES.sub("", LANGUAGE_BUTTON.sub("", text)))
            assert not left, (path, left)


def _latin_data(world: World) -> None:
    """The data stay as the accounting system has them; here it is one that writes Latin letters."""
    amend(world, "UPDATE accounts SET address = 'Elista', unified_account = '1'")
    amend(world, "UPDATE services SET title = 'Service ' || position || ': part'")
    amend(world, "UPDATE meters SET model = 'M', place = 'kitchen', serial = meter, act = 'A'")
    amend(world, "UPDATE documents SET title = 'Title', number = 'N'")
    amend(world, "UPDATE works SET what = 'Works'")
    amend(world, "UPDATE equipment SET title = 'Thing', place = 'kitchen', serial = equipment")
    for table in ("tariffs", "norms"):
        amend(world, f"UPDATE {table} SET basis = 'Order'")
    amend(world, "UPDATE codes SET code = 'word-' || id WHERE code GLOB '*[А-я]*'")


async def test_hostile_names_are_only_names(tmp_path: Path, town: Path) -> None:
    supplier = dict.fromkeys(("name", "short_name", "office"), HOSTILE)
    async with open_world(tmp_path / "c", cache=town, background=False, supplier=supplier) as world:
        for table, column in (
            ("accounts", "address"), ("accounts", "unified_account"), ("services", "title"), ("meters", "model"),
            ("meters", "place"), ("meters", "serial"), ("documents", "title"), ("documents", "number"),
            ("works", "what"), ("tariffs", "basis"),
            ("dataset_state", "source"),
        ):  # fmt: skip
            amend(world, f"UPDATE {table} SET {column} = :hostile", hostile=HOSTILE)
        amend(world, "UPDATE bills SET number = :hostile || number", hostile=HOSTILE)
        amend(world, "UPDATE codes SET code = id || :hostile WHERE code GLOB '*[А-я]*'", hostile=HOSTILE)
        amend(world, "UPDATE payments SET payment = payment || :hostile", hostile=HOSTILE)
        pages = await seen_by(enter(world, SUBSCRIBER), world)
        shown = 0
        for path, text in pages.items():
            page = check(text)
            assert all(is_ours(script) for script in page.all("script")), path
            assert not page.all("b"), path
            shown += page.text.count(HOSTILE)
        assert shown > 100


async def test_a_hostile_meter_id_survives_the_way_through_form_and_address(world: World) -> None:
    key = world.cache.account_key(SUBSCRIBER)
    hostile = HOSTILE + "/?&=%2F ё"
    amend(world, "UPDATE meters SET meter = :hostile WHERE account = :key", hostile=hostile, key=key)
    amend(world, "UPDATE readings SET meter = :hostile WHERE account = :key", hostile=hostile, key=key)
    browser = enter(world, SUBSCRIBER)
    page = check((await browser.get("/readings")).text)
    assert page.one("form", "reading").field("meter-1") == hostile
    history = await browser.get(page.one("section", "meter").all("a", "more")[-1].attributes["href"])
    assert history.status == 200
    assert check(history.text).one("table", "history")
    stored = await browser.post(
        "/readings", fields_of(await form_on(browser), value=typed(last(Oddity.ORDINARY) + MICRO))
    )
    assert stored.status == 303


async def test_what_was_typed_comes_back_as_text(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    refused = await browser.post("/readings", fields_of(await form_on(browser), value=HOSTILE[:50]))
    page = check(refused.text)
    assert page.all("form", "reading")[0].field("value-1") == HOSTILE[:50]
    assert all(is_ours(script) for script in page.all("script"))


async def test_the_language_button_changes_the_language_and_stays_on_the_page(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    form = check((await browser.get("/payments")).text).one("form", "languages")
    fields = {"csrf": form.field("csrf"), "next": form.field("next"), "language": "en"}
    changed = await browser.post("/language", fields)
    assert changed.location == "/payments"
    assert check((await browser.get("/payments")).text).one("html").attributes["lang"] == "en"


async def test_personal_pages_are_not_kept_by_anyone(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    for path in ("/", "/charges", "/bills", "/payments", "/readings", "/documents"):
        assert (await browser.get(path)).headers["Cache-Control"] == "no-store"
