"""A form counts only when our own page sent it, from this visitor's own browser."""

from __future__ import annotations

import re

import aiohttp
import pytest

from portal.access import SESSION, Mark, mark_of
from portal.forgery import COOKIE
from tests.portal.world import NEIGHBOUR, PASSWORD, SUBSCRIBER, Browser, World

SOMETHING = "00000000-0000-4000-8000-000000000000"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_every_form_of_every_route_that_changes_something_is_refused_without_a_token(
    subscriber: Browser, world: World
) -> None:
    routes = {
        re.sub(r"{[^}]*}", SOMETHING, route.resource.canonical)
        for route in world.app.router.routes()
        if route.method not in ("GET", "HEAD")
        and mark_of(route.handler) is not Mark.SEALED  # their address is the token
    }
    assert routes >= {"/login", "/logout", "/register", "/password", "/language"}
    for path in routes:
        assert (await subscriber.post(path, {"csrf": ""})).status == 403, path


@pytest.mark.parametrize("token", ["", "0" * 64, "жетон", "\ud800", "a" * 5000])
async def test_a_wrong_token_of_any_shape_is_refused_without_a_fault(world: World, token: str) -> None:
    world.registered(SUBSCRIBER)
    browser = world.browser()
    await browser.get("/login")
    fields = {"account": SUBSCRIBER, "password": PASSWORD, "csrf": token.encode("utf-8", "replace").decode()}
    assert (await browser.post("/login", fields)).status == 403


async def test_the_token_of_one_visitor_is_no_use_to_another(
    subscriber: Browser, neighbour: Browser, world: World
) -> None:
    foreign = (await neighbour.get("/password")).csrf
    assert (await subscriber.post("/logout", {"csrf": foreign})).status == 403
    anonymous = (await world.browser().get("/login")).csrf
    assert (await subscriber.post("/logout", {"csrf": anonymous})).status == 403


async def test_the_token_changes_with_the_login(world: World) -> None:
    world.registered(SUBSCRIBER)
    browser = world.browser()
    before = (await browser.get("/login")).csrf
    await browser.log_in(SUBSCRIBER)
    assert (await browser.get("/password")).csrf != before
    assert browser.cookie(COOKIE) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_a_form_from_another_site_is_refused_even_with_a_right_token(
    subscriber: Browser, headers: dict[str, str]
) -> None:
    csrf = (await subscriber.get("/password")).csrf
    assert (await subscriber.post("/logout", {"csrf": csrf}, **headers)).status == 403
    assert (await subscriber.get("/password")).status == 200


async def test_an_old_browser_that_says_nothing_is_believed_by_its_token(subscriber: Browser, world: World) -> None:
    csrf = (await subscriber.get("/password")).csrf
    async with subscriber.session.post(f"{world.base}/logout", data={"csrf": csrf}, allow_redirects=False) as answer:
        assert answer.status == 303


async def test_nobody_can_be_logged_in_to_a_strangers_account_by_a_foreign_form(world: World) -> None:
    world.registered(NEIGHBOUR)
    stranger = await world.browser().get("/login")
    victim = world.browser()
    fields = {"account": NEIGHBOUR, "password": PASSWORD, "csrf": stranger.csrf}
    assert (await victim.post("/login", fields)).status == 403
    assert victim.cookie(SESSION) is None


async def test_only_plain_forms_are_read(subscriber: Browser, world: World) -> None:
    form = aiohttp.FormData({"csrf": "x"}, default_to_multipart=True)
    bodies = [
        (form, {}, 415),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"", {}, 415),
        (b"csrf=%FF%FE", FORM, 403),
        (b"csrf=1", {"Content-Type": FORM["Content-Type"] + "; charset=nonsense"}, 400),
        (b"&".join(b"f%d=1" % number for number in range(101)), FORM, 413),
        (b"csrf=" + b"1" * 70_000, FORM, 413),
    ]
    for body, headers, status in bodies:
        sent = {"Origin": world.base} | headers
        async with subscriber.session.post(f"{world.base}/logout", data=body, headers=sent) as answer:
            assert answer.status == status, headers


async def test_reading_a_page_changes_nothing(subscriber: Browser, world: World) -> None:
    for route in list(world.app.router.routes()):
        if route.method == "GET" and "{" not in route.resource.canonical:
            before = list(world.store.reading._connection.iterdump())
            await subscriber.get(route.resource.canonical)
            assert list(world.store.reading._connection.iterdump()) == before, route.resource.canonical
