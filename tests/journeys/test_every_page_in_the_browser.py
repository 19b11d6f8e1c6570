"""Every page there is, by its links, as wide as a phone and as a desk, in Russian and in English."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from aiohttp import web
from playwright.sync_api import Browser

from portal import pages
from tests.journeys import audit
from tests.journeys.stage import Stage
from tests.journeys.steps import ask_with_a_file, choose_password, hand_in_for_sure, log_in_by_keyboard, register
from tests.journeys.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(480)]

PHONE, DESK = 320, 1280
MOST_ALIKE = 2
NO_PAGES = {"/healthz", "/readyz", "/static/{name}", "/worker.js", "/manifest/{language}"}
KEPT_BY_THE_BROWSER = {"/offline/{language}", "/readings/kept"}
FILES = {
    "/charges.xlsx",
    "/charges.csv",
    "/charges/check.xlsx",
    "/bills/{period}.pdf",
    "/payments.xlsx",
    "/payments.csv",
    "/requests/{request}/files/{position}",
}  # to keep: a browser shows no page for them
AFTER_A_FORM = {"/register/sent", "/recovery/sent", "/readings/taken"}
IN_A_LETTER = {
    "/recovery/{secret}",
    "/unsubscribe/{token}",
    "/invitation/{secret}",
    "/email/{secret}",
    "/asked/{secret}",
}
FOR_A_PROGRAM = {"/calendar/{secret}.ics"}
OF_A_VERSION = ("/rules/2026-11-01", "/consent/2026-11-01")  # linked from where they were accepted
LEGAL = {"/rules", "/consent", "/rules/{version}", "/consent/{version}"}
ANONYMOUS = {"/", "/login", "/register", "/recovery", "/help", "/look", "/apply", "/apply/{kind}"} | LEGAL
ANONYMOUS |= {"/help/words", "/help/accessibility"}
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
OURS = "header nav a, footer nav a, label:not(.theirs), button, th[scope=col], dt"
"""What no accounting system has a word in."""


@cache
def resources() -> list[web.AbstractResource]:
    """Of everything that shows a page; whole words before patterns."""
    app = web.Application()
    for table in pages.tables():
        app.add_routes(table)
    shown = {route.resource for route in app.router.routes() if route.method == "GET"}
    found = [each for each in shown if isinstance(each, web.AbstractResource) and each.canonical not in NO_PAGES]
    return sorted(found, key=lambda each: "pattern" in each.get_info())


def route_of(path: str) -> str:
    """The one that a path belongs to."""
    for resource in resources():
        info = resource.get_info()
        if info.get("path") == path or ("pattern" in info and info["pattern"].fullmatch(path)):
            return resource.canonical
    raise AssertionError(f"no route for {path}")


def walk(
    visitor: Visitor,
    *starts: str,
    words: list[str] | None = None,
    audited: set[str] | None = None,
    by_keyboard: bool = False,
) -> set[str]:
    """Follows every link from page to page, a few of those that are alike; the routes that were seen. `audited`: the
    routes of which a page has been examined already; `by_keyboard`: also whether a keyboard is enough."""
    waiting, seen, alike = [*starts], {*starts}, Counter[str]()
    while waiting:
        if route_of(urlsplit(link := waiting.pop()).path) in FILES:
            assert visitor.page.request.get(link).ok, link
            continue
        visitor.go(link)
        if audited is not None and (route := route_of(visitor.path)) not in audited:
            audited.add(route)
            visitor.complaints += audit.faults(visitor.page) + audit.too_heavy(visitor.page)
            visitor.complaints += audit.out_of_reach(visitor.page) if by_keyboard else []
        if words is not None:
            words += visitor.page.locator(OURS).all_inner_texts()
        for link in _links(visitor):
            kind = f"{route_of(urlsplit(link).path)}?{sorted(parse_qs(urlsplit(link).query))}"
            if link not in seen and alike[kind] < MOST_ALIKE:
                alike[kind] += 1
                seen.add(link)
                waiting.append(link)
    return {route_of(urlsplit(path).path) for path in seen}


def _links(visitor: Visitor) -> list[str]:
    """To pages of ours, without the place on the page."""
    here = visitor.page.url
    found = visitor.page.locator("a[href]").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    absolute = [urlsplit(urljoin(here, link)) for link in found]
    ours = [link for link in absolute if link.netloc == urlsplit(here).netloc]
    return [link.path + (f"?{link.query}" if link.query else "") for link in ours]


def test_all_pages_fit_the_smallest_phone_and_a_desk_and_speak_english(stage: Stage, browser: Browser) -> None:
    invited, email = stage.invite(), "third@example.ru"
    words: list[str] = []
    with Visitor(browser, stage.site, width=PHONE, color_scheme="dark") as visitor:
        anonymous = walk(visitor, "/login", *OF_A_VERSION, audited=set(), by_keyboard=True)
        register(visitor, stage, invited, email)
        log_in_by_keyboard(visitor, invited.account, stage.password(email))
        choose_password(visitor)
        hand_in_for_sure(visitor, stage.last_reading(invited.account) + 1_000_000)
        ask_with_a_file(visitor)
        seen = walk(visitor, "/", audited=set(), by_keyboard=True)
        visitor.page.set_viewport_size({"width": DESK, "height": 800})
        visitor.page.emulate_media(color_scheme="light")
        assert walk(visitor, "/", audited=set()) == seen
        visitor.press("English")
        walk(visitor, "/", words=words)
    assert anonymous == ANONYMOUS
    assert anonymous | seen | AFTER_A_FORM | IN_A_LETTER | FOR_A_PROGRAM | KEPT_BY_THE_BROWSER == {
        resource.canonical for resource in resources()
    }
    assert not sorted({word for word in words if CYRILLIC.search(word)} - {"Русский"})


def test_the_examiner_would_find_what_is_wrong(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content('<html><body><img src="x"><a href="/" style="color: #ccc">грустно</a></body></html>')
    assert {fault.split(":")[1].split("(")[0].strip() for fault in audit.faults(page)} >= {
        "image-alt",
        "color-contrast",
    }
    page.set_content('<a href="/" tabindex="-1">1</a><a href="/" style="outline: none">2</a><a href="/">3</a>')
    said = [fault.split(": ")[1].split(" <")[0] for fault in audit.out_of_reach(page)]
    assert said == ["not seen", "no Tab comes to"], said
    page.set_content("".join(f"<p>{number * 7919}</p>" for number in range(9000)))
    assert audit.too_heavy(page)
    page.close()


def test_a_first_visit_weighs_little_and_asks_nobody_else(stage: Stage, browser: Browser) -> None:
    with Visitor(browser, stage.site, width=PHONE) as visitor:
        sizes: dict[str, int] = {}
        visitor.page.on("requestfinished", lambda asked: sizes.update({asked.url: asked.sizes()["responseBodySize"]}))
        visitor.go("/login")
        visitor.page.wait_for_load_state("networkidle")
    assert {urlsplit(url).netloc for url in sizes} == {urlsplit(stage.site).netloc}
    assert len(sizes) >= 3
    assert sum(sizes.values()) <= audit.MOST_IN_ALL, sizes


def test_a_page_that_is_not_there_is_told_in_our_words_on_a_phone(stage: Stage, browser: Browser) -> None:
    with Visitor(browser, stage.site, width=PHONE) as visitor:
        visitor.go("/nowhere")
        assert "404" not in visitor.heading
        assert visitor.page.get_by_role("link", name="АО «Энергосервис»").count()
        assert len(visitor.complaints) == 2, visitor.complaints
        visitor.complaints.clear()
