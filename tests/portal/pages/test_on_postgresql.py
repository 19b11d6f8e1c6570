"""Portals over one PostgreSQL: the same pages as from files, one truth for all, and no standing still without it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import CookieJar
from yarl import URL

from demo.cached import carry
from demo.postgres import throw_away
from demo.supplier.oddities import Oddity
from lk_sync.cache.places import PostgresCache
from lk_sync.clock import instant
from lk_sync.store import letters, maintenance, users
from lk_sync.store.maintenance import Works
from portal.access import SESSION
from portal.keys import RECOVERER, REGISTRAR, WORKS
from tests.at_the_store import TEMPLATE, Kept, made
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, enter
from tests.portal.pages.test_readings import fields_of, form_on, last, typed, waiting
from tests.portal.world import Browser, World
from tests.portal.world import world as open_world

PAGES = ("/", "/charges", "/bills", "/payments", "/readings", "/documents")
ODD = (Oddity.ORDINARY, Oddity.TWO_METERS, *list(BOOKS)[-3:])


def _carry(town: Path, kept: Kept) -> None:
    place = kept.cache()
    assert isinstance(place, PostgresCache)
    carry(town, place)


@pytest.fixture
async def portals(tmp_path: Path, town: Path, shared: Kept) -> AsyncIterator[tuple[World, World]]:
    """Two of them; `one` and `two` know of each other only through the base."""
    _carry(town, shared)
    async with (
        open_world(tmp_path / "one", background=False, environment=shared.environment) as one,
        open_world(tmp_path / "two", background=False, environment=shared.environment) as two,
    ):
        yield one, two


def _at(world: World, browser: Browser) -> Browser:
    """The same visitor at another portal: the balancer has sent him there."""
    other = world.browser(**{"Accept-Language": "ru"})
    jar = other.session.cookie_jar
    assert isinstance(jar, CookieJar)
    token = browser.cookie(SESSION)
    assert token is not None
    jar.update_cookies({SESSION: token}, URL(world.base))
    return other


async def _text(browser: Browser, path: str) -> str:
    page = await browser.get(path)
    assert page.status == 200
    return re.sub(r"\b[0-9a-f-]{32,}\b|\b[0-9a-f]{16}\.[0-9a-f]{16}\b", "…", page.text)  # tokens, marks of a person


async def test_every_page_is_what_it_is_from_files(portals: tuple[World, World], world: World) -> None:
    for oddity in ODD:
        there, here = enter(portals[0], NUMBER[oddity]), enter(world, NUMBER[oddity])
        for path in PAGES:
            assert await _text(there, path) == await _text(here, path), (oddity, path)


async def test_a_form_that_reaches_both_portals_at_once_is_stored_once(portals: tuple[World, World]) -> None:
    one, two = portals
    here = enter(one, SUBSCRIBER)
    there = _at(two, here)
    fields = fields_of(await form_on(here), value=typed(last(Oddity.ORDINARY) + 1_000_000))
    answers = await asyncio.gather(*(browser.post("/readings", dict(fields)) for browser in (here, there) * 3))
    assert {answer.status for answer in answers} == {303}
    assert len({answer.location for answer in answers}) == 1
    assert len(waiting(two)) == 1
    assert "В очереди" in (await there.get("/")).text


async def test_who_leaves_one_portal_has_left_the_other(portals: tuple[World, World]) -> None:
    one, two = portals
    here = enter(one, SUBSCRIBER)
    there = _at(two, here)
    assert (await there.get("/")).status == 200
    await here.post("/logout", {}, form_on="/")
    assert (await there.get("/")).location == "/login"


async def test_a_registration_and_a_lost_password_asked_for_at_one_are_settled_by_the_other(
    portals: tuple[World, World],
) -> None:
    one, two = portals
    account, meter = NUMBER[Oddity.ZERO], BOOKS[Oddity.ZERO]["meters"][-1]
    assert BOOKS[Oddity.ZERO]["bills"][-1][6] <= 0
    browser = one.browser()
    form = await browser.get("/register")
    fields = {"account": account, "email": "a@example.ru", "amount": "0", "rules": "yes", "consent": "yes"}
    fields |= {"csrf": form.csrf, "request": form.hidden("request")}
    assert "Почти готово" in (await browser.post("/register", fields)).text
    assert (await browser.post("/register", fields | {"meter": meter[2]})).location == "/register/sent"
    assert await two.app[REGISTRAR].settle_waiting() == 1
    assert users.of_account(one.store.reading, account=account) is not None
    asked = await browser.post("/recovery", {"account": account, "email": "a@example.ru"})
    assert asked.location == "/recovery/sent"
    assert await two.app[RECOVERER].settle_waiting() == 1
    assert await one.app[RECOVERER].settle_waiting() == 0
    assert letters.backlog(one.store.reading).waiting == 2


async def test_works_that_are_planned_are_seen_by_every_portal(portals: tuple[World, World]) -> None:
    one, two = portals
    now = one.clock()
    works = Works(mode="closed", starts_at=instant(now), set_by="operator")
    one.store.write_now(lambda tx: maintenance.plan(tx, works, now=now))
    for world in portals:
        world.app[WORKS].look(at_once=True)
        assert (await world.browser().get("/login")).status == 503
    two.store.write_now(lambda tx: maintenance.end(tx, by="operator", now=now))
    one.app[WORKS].look(at_once=True)
    assert (await one.browser().get("/login")).status == 200


async def test_without_its_base_a_portal_says_so_at_once_and_goes_on_when_it_is_back(
    tmp_path: Path, town: Path
) -> None:
    with throw_away() as postgres:
        kept = Kept(tmp_path, made(postgres).environment(TEMPLATE))
        _carry(town, kept)
        async with open_world(tmp_path / "config", background=False, environment=kept.environment) as world:
            browser = enter(world, SUBSCRIBER)
            assert (await browser.get("/")).status == 200
            postgres.stop("immediate")
            page = await browser.get("/")
            assert (page.status, page.headers["Retry-After"]) == (503, "60")
            assert "PostgreSQL" not in page.text
            began = time.monotonic()
            answers = await asyncio.gather(*(browser.get("/") for _ in range(50)))
            assert {answer.status for answer in answers} == {503}
            assert (await browser.get("/healthz")).status == 200
            assert (await browser.get("/readyz")).status == 503
            assert time.monotonic() - began < 3
            postgres.start()
            async with asyncio.timeout(20):
                while (await browser.get("/")).status != 200:  # noqa: ASYNC110 - the portal finds it itself
                    await asyncio.sleep(0.1)
            assert (await browser.get("/readyz")).status == 200
            fields = fields_of(await form_on(browser), value=typed(last(Oddity.ORDINARY) + 1_000_000))
            assert (await browser.post("/readings", fields)).status == 303
