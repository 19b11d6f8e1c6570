"""Settings: what a person may change is kept, what only the books change is refused."""

from __future__ import annotations

import re
from typing import Any

from lk_sync.store import preferences, users
from portal.looks import COOKIE
from tests.portal.world import NEIGHBOUR, PASSWORD, SUBSCRIBER, Browser, World


def code(world: World, account: str = SUBSCRIBER) -> str:
    user = users.of_account(world.store.reading, account=account)
    assert user is not None
    return user.user_code


async def test_large_text_and_strong_contrast_are_kept_before_and_after_login(world: World) -> None:
    world.registered(SUBSCRIBER)
    browser = world.browser()
    assert '<html lang="ru">' in (await browser.get("/login")).text
    assert (await browser.post("/look", {"size": "largest", "contrast": "high"})).location == "/look?saved"
    assert 'class="text-largest contrast-high"' in (await browser.get("/login")).text
    await browser.log_in(SUBSCRIBER)
    await browser.post("/look", {"size": "large", "contrast": "normal"})
    assert 'class="text-large"' in (await browser.get("/settings")).text
    elsewhere = world.browser()
    await elsewhere.log_in(SUBSCRIBER)
    assert elsewhere.cookie(COOKIE) == "large.normal"
    await browser.post("/logout", {}, form_on="/settings")
    assert 'class="text-large"' in (await browser.get("/login")).text


async def test_a_look_that_does_not_exist_is_refused_and_a_foreign_cookie_does_nothing(world: World) -> None:
    browser = world.browser()
    assert (await browser.post("/look", {"size": 'huge"><script>', "contrast": "high"})).status == 400
    strange = world.browser(Cookie=f'{COOKIE}=x"onload')
    assert "onload" not in (await strange.get("/login")).text


async def test_sessions_are_listed_in_words_and_end_one_by_one_and_all(world: World, subscriber: Browser) -> None:
    phone = world.browser(**{"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Version/17.0 Safari/604.1"})
    laptop = world.browser(**{"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0"})
    for browser in (phone, laptop):
        await browser.log_in(SUBSCRIBER)
    page = (await subscriber.get("/settings/sessions")).text
    assert "iPhone" in page
    assert "Firefox, Windows" in page
    shown = [part.split('"')[0] for part in page.split('name="end" value="')[1:]]
    assert len(shown) == 3
    await subscriber.post("/settings/sessions", {"end": shown[0]})
    alive = [(await each.get("/settings")).status for each in (phone, laptop)]
    assert sorted(alive) == [200, 303]
    world.clock.forward(minutes=1)
    await subscriber.post("/settings/sessions", {"end": "others"})
    assert [(await each.get("/settings")).status for each in (phone, laptop)] == [303, 303]
    assert (await subscriber.get("/settings")).status == 200
    letters = [letter["Subject"] for letter in await world.letters()]
    assert letters.count("Вход на других устройствах завершён") == 2


async def test_a_neighbours_session_is_not_ended(subscriber: Browser, neighbour: Browser, world: World) -> None:
    theirs = world.store.reading._connection.execute(
        "SELECT token_hash FROM sessions WHERE user_code = ?", (code(world, NEIGHBOUR),)
    ).fetchone()[0]
    await subscriber.post("/settings/sessions", {"end": theirs[:12]})
    assert (await neighbour.get("/settings")).status == 200


async def test_the_wish_for_an_electronic_bill_belongs_to_the_account(subscriber: Browser, world: World) -> None:
    assert (await subscriber.post("/settings/bill", {"wish": "electronic"})).location == "/settings/bill?saved"
    assert (await subscriber.post("/settings/bill", {"wish": "pigeon"})).status == 400
    kept = preferences.of_user(world.store.reading, user_code=code(world))
    assert kept[f"bill {SUBSCRIBER}"] == "electronic"
    assert "Передаётся поставщику" in (await subscriber.get("/settings/bill")).text


async def test_what_only_the_books_change_is_shown_and_refused(subscriber: Browser) -> None:
    page = await subscriber.get("/settings/account")
    assert "ул. Клыкова, д. 1" in page.text
    refused = await subscriber.post("/settings/account", {"csrf": page.csrf, "address": "Кремль"})
    assert refused.status == 403
    assert "Ничего не записано" in refused.text
    assert "Кремль" not in refused.text


def _links(letters: list[Any]) -> dict[str, str]:
    """Recipient → the address in the letter about a change of the address."""
    found = {}
    for letter in letters:
        text = letter.get_body(("plain",)).get_content()
        if match := re.search(r"(/email/[\w-]+)", text):
            found[str(letter["To"])] = match[1]
    return found


async def _asked(world: World, browser: Browser) -> dict[str, str]:
    asked = await browser.post("/settings/email", {"email": "new@example.ru", "present": PASSWORD})
    assert asked.location == "/settings/email"
    return _links(await world.letters())


def _email(world: World) -> str:
    user = users.of_account(world.store.reading, account=SUBSCRIBER)
    assert user is not None
    return user.email


async def test_an_address_changes_when_both_have_agreed(world: World, subscriber: Browser) -> None:
    links = await _asked(world, subscriber)
    assert set(links) == {"subscriber@example.ru", "new@example.ru"}
    stranger = world.browser()
    for recipient, then in (("new@example.ru", "subscriber@example.ru"), ("subscriber@example.ru", "new@example.ru")):
        await stranger.get(links[recipient])  # a mail program that looks at links changes nothing
        await stranger.post(links[recipient], {"agree": "yes"})
        await stranger.post(links[recipient], {"agree": "yes", "csrf": (await stranger.get("/login")).csrf})
        assert _email(world) == then
    told = [str(letter["To"]) for letter in await world.letters() if letter["Subject"] == "Адрес почты изменён"]
    assert sorted(told) == ["new@example.ru", "subscriber@example.ru"]
    assert "больше не действует" in (await stranger.get(links["new@example.ru"])).text


async def test_one_address_alone_changes_nothing_and_either_may_stop_it(world: World, subscriber: Browser) -> None:
    links = await _asked(world, subscriber)
    stranger = world.browser()
    await stranger.post(links["new@example.ru"], {"agree": "yes"})
    await stranger.post(links["subscriber@example.ru"], {"stop": "yes"})
    for link in links.values():
        assert "больше не действует" in (await stranger.get(link)).text
    again = await _asked(world, subscriber)
    world.clock.forward(hours=24)
    assert "больше не действует" in (await stranger.get(again["new@example.ru"])).text
    assert _email(world) == "subscriber@example.ru"


async def test_an_address_is_not_changed_without_the_password(world: World, subscriber: Browser) -> None:
    refused = await subscriber.post("/settings/email", {"email": "new@example.ru", "present": "не тот пароль"})
    assert refused.status == 422
    assert _links(await world.letters()) == {}
    for wrong in ("", "a@b.ru, c@d.ru", "subscriber@example.ru", "a@b.ru\r\nBcc: x@y.ru"):
        assert (await subscriber.post("/settings/email", {"email": wrong, "present": PASSWORD})).status == 422
