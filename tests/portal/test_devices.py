"""A sign-in from a browser that is new to its user is told of at once; one from a known browser never is."""

from __future__ import annotations

import pytest

from lk_sync.store import letters, notifications, users
from portal import devices
from portal.devices import COOKIE, words
from tests.portal.world import PASSWORD, SUBSCRIBER, Browser, World

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
CHROME = "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Mobile Safari/537.36"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (FIREFOX, "Firefox, Windows"),
        (CHROME, "Chrome, Android"),
        (CHROME + " YaBrowser/24.6", "Яндекс Браузер, Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "Safari, iPhone"),
        (CHROME + " OPR/100", "Opera, Android"),
        ("Mozilla/5.0 (Macintosh) Chrome/126 Safari/537.36 Edg/126", "Edge, macOS"),
        ("curl/8", ""),
        ("", ""),
        ("<script>" * 50, ""),
    ],
)  # fmt: skip
def test_a_browser_is_called_as_people_call_it(said: str, meant: str) -> None:
    assert words(said) == meant


def told(world: World) -> list[notifications.Notification]:
    user = users.of_account(world.store.reading, account=SUBSCRIBER)
    assert user is not None
    found = notifications.unread(world.store.reading, user_code=user.user_code, most=20)
    return [each for each in found if each.kind == "device"]


async def signed_in(world: World, agent: str = FIREFOX) -> Browser:
    browser = world.browser(**{"User-Agent": agent})
    page = await browser.log_in(SUBSCRIBER)
    assert page.location == "/"
    return browser


async def test_the_first_sign_in_and_those_from_a_known_browser_are_no_news(world: World) -> None:
    world.registered(SUBSCRIBER)
    browser = await signed_in(world)
    cookie = browser.cookie(COOKIE)
    for _ in range(3):
        world.clock.forward(days=100)
        await browser.post("/logout", {}, form_on="/help")
        assert (await browser.log_in(SUBSCRIBER)).location == "/"
    assert browser.cookie(COOKIE) == cookie
    assert told(world) == []


async def test_a_sign_in_from_another_browser_is_told_here_and_by_letter_at_once(world: World) -> None:
    world.registered(SUBSCRIBER, email="ivanova@example.ru")
    await signed_in(world)
    await signed_in(world, CHROME)
    (found,) = told(world)
    assert found.detail == {"browser": "Chrome, Android", "address": "127.0.0.1"}
    (letter,) = [line for line in letters.listed(world.store.reading, state="waiting") if line.kind == "notices"]
    assert letter.recipient == "ivanova@example.ru"


async def test_a_wrong_password_tells_nothing_and_remembers_nothing(world: World) -> None:
    world.registered(SUBSCRIBER)
    await signed_in(world)
    stranger = world.browser()
    await stranger.log_in(SUBSCRIBER, "not " + PASSWORD)
    assert stranger.cookie(COOKIE) is None
    assert told(world) == []


async def test_a_cookie_that_another_user_got_on_the_same_computer_makes_nobody_known(world: World) -> None:
    from tests.portal.world import NEIGHBOUR

    world.registered(SUBSCRIBER)
    world.registered(NEIGHBOUR)
    await signed_in(world)
    shared = world.browser()
    await shared.log_in(NEIGHBOUR)
    cookie = shared.cookie(COOKIE)
    await shared.post("/logout", {}, form_on="/help")
    await shared.log_in(SUBSCRIBER)
    assert shared.cookie(COOKIE) == cookie
    assert len(told(world)) == 1


async def test_a_cookie_of_another_form_is_not_taken(world: World) -> None:
    world.registered(SUBSCRIBER)
    browser = world.browser()
    form = await browser.get("/login")
    sent = {"Cookie": f"{COOKIE}={'A' * 5000}; __Host-form={browser.cookie('__Host-form')}"}
    page = await browser.post(
        "/login", {"account": SUBSCRIBER, "password": PASSWORD, "csrf": form.csrf}, **sent
    )  # fmt: skip
    assert page.location == "/"
    given = page.cookies[COOKIE]
    assert len(given.value) == 43
    assert (given["secure"], given["httponly"], given["samesite"], given["path"]) == (True, True, "Strict", "/")
    assert int(given["max-age"]) == devices.devices.KNOWN_FOR.total_seconds()
