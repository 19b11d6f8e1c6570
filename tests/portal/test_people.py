"""Somebody else is let into an account for a while, and for less than its owner may do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from lk_sync.clock import instant
from lk_sync.store import audit, links, users
from lk_sync.store.links import Role
from portal.access import MAY, Mark, Need, mark_of, need_of
from tests.portal.test_accounts import shown
from tests.portal.world import HASH, NEIGHBOUR, PASSWORD, SUBSCRIBER, Browser, World, change_holder, holder

GUEST = "guest@example.ru"
SOMETHING = "00000000-0000-4000-8000-000000000000"


def guest_of(world: World, role: Role, *, days: int = 30) -> str:
    """Somebody without an account of their own, let in by the subscriber."""
    owner = users.of_account(world.store.reading, account=SUBSCRIBER) or world.registered(SUBSCRIBER)

    def work(tx):  # type: ignore[no-untyped-def]
        code = users.create_guest(tx, email=GUEST, language="ru", password_hash=HASH, now=world.clock())
        links.make(
            tx, user_code=code, account=SUBSCRIBER, holder_key=holder(SUBSCRIBER), role=role,
            granted_by=owner.user_code, until=instant(world.clock() + timedelta(days=days)), now=world.clock(),
        )  # fmt: skip
        return code

    return str(world.store.write_now(work))


async def invited(world: World, browser: Browser, role: str = "readings") -> str:
    fields = {"email": GUEST, "role": role, "until": "31.12.2026", "present": PASSWORD}
    assert (await browser.post("/people", fields)).location == "/people"
    letters = [each for each in await world.letters() if each["To"] == GUEST]
    found = re.search(r"(/invitation/[\w-]+)", letters[-1].get_body(("plain",)).get_content())
    assert found
    return found[1]


@pytest.mark.parametrize("role", ["readings", "view", "pay"])
async def test_whoever_was_let_in_gets_no_page_beyond_the_role(world: World, role: Role) -> None:
    browser = world.browser()
    assert (await browser.log_in(guest_of(world, role))).location == "/"
    token = (await browser.get("/settings")).csrf
    walked = 0
    for route in world.app.router.routes():
        need = need_of(route.handler)
        if mark_of(route.handler) is not Mark.SUBSCRIBER or need in MAY[role] or route.method == "HEAD":
            continue
        path = re.sub(r"{[^}]*}", SOMETHING, route.resource.canonical)
        answer = await (browser.get(path) if route.method == "GET" else browser.post(path, {"csrf": token}))
        if path == "/":
            assert answer.location == "/readings"
        else:
            assert answer.status == 403, (route.method, path)
            assert "г. Элиста, ул. Клыкова" not in answer.text
        walked += 1
    assert walked > 5
    for path in ("/charges", "/readings"):
        need = Need.VIEW if path == "/charges" else Need.METERS
        assert ((await browser.get(path)).status == 200) is (need in MAY[role])


async def test_access_that_is_over_or_was_closed_opens_nothing(world: World, subscriber: Browser) -> None:
    code = guest_of(world, "view", days=0)
    assert (await world.browser().log_in(code)).status == 403
    link = await invited(world, subscriber)
    guest = world.browser()
    fields = {"password": PASSWORD, "again": PASSWORD, "rules": "yes", "consent": "yes"}
    assert (await guest.post(link, fields)).location == "/accounts"
    page = await subscriber.get("/people")
    assert GUEST in page.text
    await subscriber.post("/people/end", {"end": page.hidden("csrf") and _button(page.text)}, form_on="/people")
    assert (await guest.get("/readings")).status == 303
    subjects = [letter["Subject"] for letter in await world.letters() if letter["To"] == GUEST]
    assert "Доступ к лицевому счёту закрыт" in subjects


def _button(text: str) -> str:
    found = re.search(r'name="end" value="([0-9a-f]+)"', text)
    assert found
    return found[1]


async def test_an_invitation_opens_once_and_its_guest_logs_in_by_a_code(world: World, subscriber: Browser) -> None:
    link = await invited(world, subscriber)
    guest = world.browser()
    assert (await guest.post(link, {"password": "short", "again": "short"})).status == 422
    fields = {"password": PASSWORD, "again": PASSWORD, "rules": "yes", "consent": "yes"}
    assert (await guest.post(link, fields)).location == "/accounts"
    assert await shown(guest) == SUBSCRIBER
    assert "больше не действует" in (await world.browser().get(link)).text
    letters = await world.letters()
    (told,) = [letter for letter in letters if letter["Subject"] == "Код для входа в личный кабинет"]
    found = re.search(r"кодом (\w{10})", told.get_body(("plain",)).get_content())
    assert found
    elsewhere = world.browser()
    assert (await elsewhere.log_in(found[1])).location == "/"
    assert "Ваше приглашение принято" in [letter["Subject"] for letter in letters]
    assert "принял приглашение" in (await subscriber.get("/people")).text
    assert audit.on_account(world.store.reading, account=SUBSCRIBER, actor=found[1], since="", most=9)


async def test_a_subscriber_accepts_under_the_own_user_record(
    world: World, subscriber: Browser, neighbour: Browser
) -> None:
    link = await invited(world, subscriber, "view")
    assert (await neighbour.post(link, {})).location == "/accounts"
    page = (await neighbour.get("/accounts")).text
    assert f"№ {SUBSCRIBER}" in page
    assert f"№ {NEIGHBOUR}" in page
    again = await invited(world, subscriber)
    assert (await subscriber.post(again, {})).status == 409


async def test_a_new_holder_ends_what_was_given_and_what_was_offered(world: World, subscriber: Browser) -> None:
    link = await invited(world, subscriber)
    browser = world.browser()
    await browser.log_in(guest_of(world, "view"))
    change_holder(world.config.lk.cache_path, SUBSCRIBER, "somebody new")
    assert (await browser.get("/charges")).status == 303
    assert "больше не действует" in (await world.browser().get(link)).text


async def test_nobody_is_invited_without_the_password_for_too_long_or_for_everything(subscriber: Browser) -> None:
    good = {"email": GUEST, "role": "view", "until": "31.12.2026", "present": PASSWORD}
    for wrong in (
        {"present": "чужой"},
        {"until": "31.12.2028"},
        {"until": "01.01.2020"},
        {"role": "owner"},
        {"email": ""},
    ):
        assert (await subscriber.post("/people", good | wrong)).status == 422


async def test_what_a_guest_may_not_do_is_not_offered(world: World) -> None:
    browser = world.browser()
    await browser.log_in(guest_of(world, "view"))
    for path in ("/", "/readings", "/settings", "/accounts"):
        page = (await browser.get(path)).text
        for offered in ('action="/readings', 'href="/people"', 'href="/settings/bill"', "Передать показания"):
            assert offered not in page, path
