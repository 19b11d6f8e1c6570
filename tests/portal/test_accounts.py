"""Several accounts under one user record: added by the proof of registration, changed, named, left again."""

from __future__ import annotations

import re

from lk_sync.store import audit, users
from tests.portal.world import (
    NEIGHBOUR,
    NEWCOMER,
    ORGANISATION,
    SUBSCRIBER,
    Browser,
    Page,
    World,
    change_holder,
)


async def add(browser: Browser, account: str, *, amount: str = "1234,56") -> Page:
    page = await browser.get("/accounts/add")
    fields = {"account": account, "amount": amount, "csrf": page.csrf, "request": page.hidden("request")}
    sent = await browser.post("/accounts/add", fields)
    if sent.status == 200:  # the sum is many people's: the number of the bill, too
        fields |= {"more": "yes", "meter": "", "csrf": sent.csrf, "request": sent.hidden("request")}
    return sent


async def shown(browser: Browser) -> str:
    found = re.search(r'<strong class="number">([^<]*)</strong>', (await browser.get("/accounts")).text)
    assert found
    return found[1]


async def added(world: World, browser: Browser, account: str) -> None:
    assert (await add(browser, account)).location == "/accounts"
    await world.letters()


async def test_an_account_is_added_by_its_bill_and_logs_in_with_the_same_password(
    world: World, subscriber: Browser
) -> None:
    assert (await add(subscriber, NEWCOMER)).location == "/accounts"
    assert NEWCOMER in (await subscriber.get("/accounts")).text
    letters = await world.letters()
    assert [letter["Subject"] for letter in letters] == ["К вашей учётной записи добавлен лицевой счёт"]
    page = (await subscriber.get("/accounts")).text
    assert f"№ {NEWCOMER}" in page
    assert "Открыть этот счёт" in page
    other = world.browser()
    assert (await other.log_in(NEWCOMER)).location == "/"
    assert await shown(other) == NEWCOMER
    assert await shown(subscriber) == SUBSCRIBER


async def test_the_session_shows_the_account_that_was_chosen_under_its_name(world: World, subscriber: Browser) -> None:
    await added(world, subscriber, NEWCOMER)
    name = "Дача " + "длинное" * 9
    await subscriber.post("/accounts/name", {"account": NEWCOMER, "alias": name}, form_on="/accounts")
    assert (await subscriber.post("/accounts", {"account": NEWCOMER})).location == "/"
    assert await shown(subscriber) == NEWCOMER
    assert name[:40] in (await subscriber.get("/settings")).text
    user = users.of_account(world.store.reading, account=NEWCOMER)
    assert user is not None
    assert "account_opened" in [entry.act for entry in audit.by(world.store.reading, actor=user.user_code)]


async def test_a_wrong_sum_and_an_account_of_somebody_else_are_told_in_the_same_words(
    world: World, subscriber: Browser, neighbour: Browser
) -> None:
    await add(subscriber, NEIGHBOUR)
    await add(subscriber, NEWCOMER, amount="1,11")
    await add(subscriber, ORGANISATION)
    await world.letters()
    page = (await subscriber.get("/accounts")).text
    assert page.count("добавить не удалось") == 3
    assert "Открыть этот счёт" not in page
    assert await shown(neighbour) == NEIGHBOUR


async def test_an_account_that_is_not_open_to_one_cannot_be_shown_named_or_left(
    world: World, subscriber: Browser
) -> None:
    world.registered(NEIGHBOUR)
    for path in ("/accounts", "/accounts/name", "/accounts/leave"):
        for account in (NEIGHBOUR, "", "' OR 1=1", NEWCOMER):
            refused = await subscriber.post(path, {"account": account, "alias": "x"}, form_on="/accounts")
            assert refused.status == 404
    assert await shown(subscriber) == SUBSCRIBER


async def test_a_form_that_was_made_for_another_account_is_refused(world: World, subscriber: Browser) -> None:
    await added(world, subscriber, NEWCOMER)
    stale = (await subscriber.get("/settings/bill")).csrf
    await subscriber.post("/accounts", {"account": NEWCOMER})
    refused = await subscriber.post("/settings/bill", {"wish": "electronic", "csrf": stale})
    assert refused.status == 403
    assert (await subscriber.post("/accounts", {"account": SUBSCRIBER, "csrf": stale})).location == "/"
    assert (await subscriber.post("/settings/bill", {"wish": "electronic", "csrf": stale})).status == 303


async def test_a_new_holder_takes_that_account_out_of_the_list_and_leaves_the_others(
    world: World, subscriber: Browser
) -> None:
    await added(world, subscriber, NEWCOMER)
    await subscriber.post("/accounts", {"account": NEWCOMER})
    change_holder(world.config.lk.cache_path, NEWCOMER, "somebody new")
    assert (await subscriber.get("/")).location == "/accounts"
    page = await subscriber.get("/accounts")
    assert f"№ {NEWCOMER}" not in page.text
    assert await shown(subscriber) == SUBSCRIBER
    assert users.of_account(world.store.reading, account=NEWCOMER) is None


async def test_one_of_several_leaves_the_list_and_the_last_one_stays(world: World, subscriber: Browser) -> None:
    await added(world, subscriber, NEWCOMER)
    await subscriber.post("/accounts/leave", {"account": SUBSCRIBER}, form_on="/accounts")
    assert await shown(subscriber) == NEWCOMER
    assert (await subscriber.post("/accounts/leave", {"account": NEWCOMER}, form_on="/accounts")).status == 409
    assert await shown(subscriber) == NEWCOMER
