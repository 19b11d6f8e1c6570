"""What is new stands first and is seen by being shown; what is told, and how letters stop, is the reader's choice."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from demo.supplier.oddities import Oddity
from lk_sync.notices import bounces, facts
from lk_sync.store import addresses, audit, notifications, signing, switches, users
from lk_sync.store.database import Tx
from lk_sync.store.notifications import Kind
from portal.pages.notifications.handlers import EARLIER_AT_ONCE, NEW_AT_ONCE
from portal.pages.notifications.settings import CHANNELS, TITLES
from tests.portal.pages.cast import NUMBER, SUBSCRIBER, enter
from tests.portal.pages.elements import check
from tests.portal.world import Browser, World

CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


def code_of(world: World, account: str = SUBSCRIBER) -> str:
    user = users.of_account(world.store.reading, account=account)
    assert user is not None
    return user.user_code


def tell(world: World, kind: Kind = "bill", *, times: int = 1, account: str = SUBSCRIBER, **detail: Any) -> None:
    """Facts as in the example of the kind."""
    sample = next(each for each in facts.EXAMPLES if each["kind"] == kind)
    told = {name: value for name, value in sample.items() if name != "kind"} | detail
    code = code_of(world, account)

    def work(tx: Tx) -> None:
        for number in range(times):
            event = f"{kind}:{number}:{world.clock().timestamp()}"
            now = world.clock() + timedelta(seconds=number)
            notifications.add(
                tx, user_code=code, account=account, kind=kind, event=event, detail=told, now=now
            )  # fmt: skip

    world.store.write_now(work)


@pytest.fixture
async def browser(world: World) -> Browser:
    return enter(world, SUBSCRIBER)


def cards(text: str) -> list[str]:
    return [
        " ".join(re.sub("<[^>]+>", " ", each).split()) for each in re.findall(r'<li class="card.*?</li>', text, re.S)
    ]


async def test_nothing_yet_says_what_will_be_here(browser: Browser) -> None:
    page = await browser.get("/notifications")
    assert page.status == 200
    assert "Пока ничего нового не было" in page.text
    assert cards(page.text) == []


async def test_the_number_of_new_ones_stands_on_every_page_until_they_are_seen(world: World, browser: Browser) -> None:
    tell(world, times=3)
    assert "3<span" in re.sub(r"\s+", "", (await browser.get("/")).text)
    page = await browser.get("/notifications")
    assert len(cards(page.text)) == 3
    assert 'class="unread"' not in page.text
    assert 'class="unread"' not in (await browser.get("/")).text


async def test_what_was_shown_is_read_the_next_time(world: World, browser: Browser) -> None:
    tell(world)
    assert '<li class="card new">' in (await browser.get("/notifications")).text
    page = await browser.get("/notifications")
    assert '<li class="card new">' not in page.text
    assert len(cards(page.text)) == 1


async def test_a_browser_that_fetches_ahead_or_asks_for_the_head_has_seen_nothing(
    world: World, browser: Browser
) -> None:
    tell(world)
    await browser.get("/notifications", Sec_Purpose="prefetch;prerender")
    async with browser.session.head(browser.base + "/notifications"):
        pass
    assert '<li class="card new">' in (await browser.get("/notifications")).text


async def test_more_new_ones_than_fit_are_shown_one_part_after_the_other(world: World, browser: Browser) -> None:
    tell(world, times=NEW_AT_ONCE + 5)
    page = await browser.get("/notifications")
    assert page.text.count('<li class="card new">') == NEW_AT_ONCE
    assert "Показать следующие новые" in page.text
    assert (await browser.get("/notifications")).text.count('<li class="card new">') == 5


async def test_all_are_marked_at_once_but_not_what_came_since(world: World, browser: Browser) -> None:
    tell(world, times=NEW_AT_ONCE + 30)
    page = await browser.get("/notifications")
    world.clock.forward(minutes=10)
    tell(world, "payment")
    until = page.hidden("until")
    for _ in range(2):
        answer = await browser.post("/notifications/read", {"until": until}, form_on="/help")
        assert answer.location == "/notifications"
    page = await browser.get("/notifications")
    assert page.text.count('<li class="card new">') == 1
    assert "Платёж учтён" in cards(page.text)[0]


async def test_earlier_ones_are_turned_over_without_missing_any(world: World, browser: Browser) -> None:
    for number in range(EARLIER_AT_ONCE * 2 + 7):
        tell(world, number=f"N-{number:03d}", was_kopecks=1)
        world.clock.forward(seconds=1)
    while '<li class="card new">' in (await browser.get("/notifications")).text:
        pass
    seen: list[str] = []
    path: str | None = "/notifications"
    while path is not None:
        page = await browser.get(path)
        seen += re.findall(r"N-\d{3}", page.text)
        found = re.search(r'href="(/notifications\?before=[0-9a-f]+)"', page.text)
        path = found[1] if found else None
    assert seen == [f"N-{number:03d}" for number in reversed(range(EARLIER_AT_ONCE * 2 + 7))]
    assert (await browser.get("/notifications?before=nobody")).status == 404


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_every_kind_is_told_in_both_languages(world: World, language: str) -> None:
    browser = enter(world, SUBSCRIBER, language=language)
    code = code_of(world)
    suppliers = {"Горячая вода", "Отопление", "кухня", "Замена участка теплотрассы", "Порыв"}
    suppliers |= {"показание меньше предыдущего", "Перерасчёт за отсутствие", "Перерасчёт сделан"}
    suppliers |= {"Поверка", "Прибор уже поверен", "З-"}

    def work(tx: Tx) -> None:
        for number, each in enumerate(facts.EXAMPLES):
            detail = {name: value for name, value in each.items() if name != "kind"}
            notifications.add(
                tx, user_code=code, account=SUBSCRIBER, kind=each["kind"], event=f"{number}", detail=detail,
                now=world.clock(),
            )  # fmt: skip

    world.store.write_now(work)
    page = await browser.get("/notifications")
    told = cards(page.text)
    assert len(told) == len(facts.EXAMPLES)
    check(page.text)
    for card in told:
        assert len(card) > 40, card
        bare = card
        for word in suppliers if language == "en" else ():
            bare = bare.replace(word, "")
        assert language == "ru" or not CYRILLIC.search(bare), card
    assert len(page.text.encode()) < 40_000


async def test_what_is_not_true_any_more_says_so(world: World, browser: Browser) -> None:
    tell(world)
    await browser.get("/notifications")
    (told,) = notifications.earlier(world.store.reading, user_code=code_of(world), before=None, most=2)
    world.store.write_now(
        lambda tx: notifications.withdraw(tx, notification=told.notification, now=world.clock())
    )  # fmt: skip
    page = await browser.get("/notifications")
    assert "untrue" in page.text
    assert "Неверно с 23 ноября 2026" in cards(page.text)[0]
    assert "/bills" not in re.findall(r'<li class="card.*?</li>', page.text, re.S)[0]


async def test_hostile_words_of_the_books_are_words(world: World, browser: Browser) -> None:
    hostile = "<script>alert(1)</script>\"'&{{ 7*7 }}"
    tell(world, "works", what=hostile, service=hostile)
    tell(world, "request_answered", title=hostile, answer=hostile * 20, path="/requests/1")
    page = await browser.get("/notifications")
    assert "<script>" not in page.text
    check(page.text)


async def test_kinds_and_letters_are_switched_and_stay_so(world: World, browser: Browser) -> None:
    form = {f"{kind}-{channel}": "yes" for kind in TITLES for channel in CHANNELS} | {"letters": "yes"}
    del form["bill-letter"]
    del form["works-portal"]
    for _ in range(2):
        answer = await browser.post("/notifications/settings", form)
        assert answer.location == "/notifications/settings?saved"
    page = await browser.get("/notifications/settings?saved")
    ticked = set(re.findall(r'name="([a-z_]+(?:-[a-z]+)?)" value="yes" checked', page.text))
    assert ticked == form.keys()
    off = switches.of(world.store.reading, user_code=code_of(world))
    assert off.switches == {("bill", "letter"), ("works", "portal")}
    await browser.post("/notifications/settings", form | {"bill-letter": "yes", "works-portal": "yes", "x": "yes"})
    assert not switches.of(world.store.reading, user_code=code_of(world)).switches


async def test_the_link_in_a_letter_stops_letters_only_when_the_button_is_pressed(world: World) -> None:
    enter(world, SUBSCRIBER)
    path = await _link(world)
    stranger = world.browser()
    page = await stranger.get(path, Sec_Fetch_Site="cross-site")
    assert page.status == 200
    assert "r…@example.ru" in page.text
    assert "reader@example.ru" not in page.text
    assert not _is_stopped(world)
    answer = await stranger.post(path, {"List-Unsubscribe": "One-Click", "csrf": ""})
    assert "больше не приходят" in answer.text
    assert _is_stopped(world)


@pytest.mark.parametrize("parts", [False, True])
async def test_a_mail_program_stops_letters_by_one_request(world: World, parts: bool) -> None:
    """RFC 8058: no cookie, no page of ours before it, from wherever it runs; either type of form."""
    import aiohttp

    enter(world, SUBSCRIBER)
    form: Any = {"List-Unsubscribe": "One-Click"}
    if parts:
        form = aiohttp.FormData(form, default_to_multipart=True)
    async with (
        aiohttp.ClientSession() as program,
        program.post(world.base + await _link(world), data=form, headers={"Origin": "https://mail.example"}) as answer,
    ):
        assert answer.status == 200
    assert _is_stopped(world)
    entries = audit.about(world.store.reading, object=f"user:{code_of(world)}")
    assert [entry.act for entry in entries] == ["letters_stopped"]


async def test_a_wrong_link_is_not_found_and_stops_nothing(world: World) -> None:
    enter(world, SUBSCRIBER)
    path = await _link(world)
    neighbours = f"{code_of(world)[::-1]}.{path.rpartition('.')[2]}"
    for wrong in (path[:-1], path + "A", f"/unsubscribe/{neighbours}", "/unsubscribe/x", "/unsubscribe/A.%00"):
        stranger = world.browser()
        assert (await stranger.get(wrong)).status == 404
        assert (await stranger.post(wrong, {"csrf": ""})).status == 404
    assert not _is_stopped(world)
    world.store.write_now(lambda tx: users.end(tx, user_code=code_of(world), reason="test", now=world.clock()))
    assert (await world.browser().get(path)).status == 404


async def _link(world: World) -> str:
    token = await world.store.write(
        lambda tx: signing.token(tx, purpose=signing.UNSUBSCRIBE, subject=code_of(world))
    )  # fmt: skip
    return f"/unsubscribe/{token}"


def _is_stopped(world: World) -> bool:
    off = switches.of(world.store.reading, user_code=code_of(world))
    return off.has("bill", "letter") and not off.has("device", "letter")


async def test_an_address_that_does_not_exist_is_told_here_and_may_be_tried_again(
    world: World, browser: Browser
) -> None:
    await world.store.write(
        lambda tx: bounces.tell(tx, address="reader@example.ru", answer="550 no such user", now=world.clock())
    )  # fmt: skip
    page = await browser.get("/notifications")
    assert "Письма на r…@example.ru не доходят" in page.text
    assert "550 no such user" in page.text
    await browser.post("/notifications/address", {}, form_on="/notifications")
    assert addresses.refusal(world.store.reading, address="reader@example.ru") is None
    assert "не доходят.</strong>" not in (await browser.get("/notifications")).text


async def test_a_name_of_another_account_of_the_reader_stands_beside_what_is_told_of_it(
    world: World, browser: Browser
) -> None:
    code = code_of(world)
    detail = {name: value for name, value in facts.EXAMPLES[4].items() if name != "kind"}
    await world.store.write(
        lambda tx: notifications.add(
            tx, user_code=code, account=NUMBER[Oddity.DEBTOR], kind="payment", event="p", detail=detail,
            now=world.clock(),
        )
    )  # fmt: skip
    tell(world)
    page = await browser.get("/notifications")
    assert [NUMBER[Oddity.DEBTOR] in card for card in cards(page.text)].count(True) == 1


async def test_a_neighbours_place_in_the_list_is_not_found(world: World, browser: Browser) -> None:
    enter(world, NUMBER[Oddity.DEBTOR])
    tell(world, account=NUMBER[Oddity.DEBTOR])
    (theirs,) = notifications.unread(world.store.reading, user_code=code_of(world, NUMBER[Oddity.DEBTOR]), most=2)
    assert (await browser.get(f"/notifications?before={theirs.notification}")).status == 404


def test_every_kind_can_be_switched_but_that_letters_do_not_arrive() -> None:
    assert TITLES.keys() == set(notifications.KINDS) - notifications.NOT_BY_LETTER


async def test_whoever_was_let_into_an_account_has_notifications_of_their_own(world: World, browser: Browser) -> None:
    with contextlib.closing(sqlite3.connect(world.config.lk.store_path)) as store, store:
        store.execute("UPDATE user_accounts SET role = 'readings' WHERE user_code = ?", (code_of_any(world),))
    page = await browser.get("/notifications")
    assert page.status == 200
    assert "/calendar" not in page.text
    assert (await browser.get("/notifications/settings")).status == 200


def code_of_any(world: World) -> str:
    """The only user there is."""
    with contextlib.closing(sqlite3.connect(world.config.lk.store_path)) as store:
        return str(store.execute("SELECT user_code FROM user_records").fetchone()[0])
