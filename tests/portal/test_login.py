"""Account number and password let in; nothing else does, and nobody learns which of them was wrong."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from pathlib import Path

import pytest

from lk_sync.store import audit, users
from portal import passwords
from portal.keys import PASSWORDS
from tests.portal.world import NEIGHBOUR, NEWCOMER, NOBODY, PASSWORD, SUBSCRIBER, Browser, Page, World
from tests.portal.world import world as open_world


def shown(page: Page) -> tuple[int, str, list[tuple[str, str]]]:
    """What a guesser could compare: all but the token of the form, the number he typed himself, and the time."""
    text = re.sub('value="[^"]*"', "", page.text)
    headers = [(name, value) for name, value in page.headers.items() if name != "Date"]
    return page.status, text, sorted(headers)


async def test_the_number_may_be_typed_in_groups(world: World) -> None:
    world.registered(SUBSCRIBER)
    assert (await world.browser().log_in("0000 12345")).location == "/"


@pytest.mark.parametrize("account", ["12345", "0000123450", "００００12345"])
async def test_a_number_is_not_guessed_from_another_one(world: World, account: str) -> None:
    world.registered(SUBSCRIBER)
    assert (await world.browser().log_in(account)).status in (403, 422)


async def test_a_missing_half_is_asked_for(world: World) -> None:
    page = await world.browser().post("/login", {"account": "", "password": ""})
    assert page.status == 422
    assert 'id="account-error-1"' in page.text
    assert 'id="password-error-1"' in page.text


async def test_wrong_password_unknown_account_and_expired_password_look_the_same(world: World) -> None:
    world.registered(SUBSCRIBER)
    await world.browser().register(NEWCOMER)
    await world.letters()
    world.clock.forward(hours=25)
    answers = [await world.browser().log_in(account, "wrong") for account in (SUBSCRIBER, NOBODY, NEWCOMER)]
    assert answers[0].status == 403
    assert len({str(shown(answer)) for answer in answers}) == 1


async def test_an_unknown_account_takes_as_long_as_a_known_one(world: World) -> None:
    world.registered(SUBSCRIBER)
    known = users.of_account(world.store.reading, account=SUBSCRIBER)
    assert known is not None
    verify = world.app[PASSWORDS].verify
    seconds: dict[str | None, list[float]] = {known.password_hash: [], None: []}
    for _ in range(8):
        for hashed, taken in seconds.items():
            begun = time.process_time()
            assert not await verify(hashed, "wrong")
            taken.append(time.process_time() - begun)
    one, other = (statistics.median(taken) for taken in seconds.values())
    assert 0.5 < one / other < 2


async def test_a_one_time_password_opens_one_session_even_when_two_try_at_once(world: World) -> None:
    await world.browser().register(NEWCOMER)
    (letter,) = await world.letters()
    password = re.search(r"входа: (\S+)", letter.get_body(("plain",)).get_content())[1]
    answers = await asyncio.gather(*(world.browser().log_in(NEWCOMER, password) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [303, 403, 403, 403]


async def test_a_one_time_password_may_be_typed_without_its_dashes(world: World) -> None:
    await world.browser().register(NEWCOMER)
    (letter,) = await world.letters()
    password = re.search(r"входа: (\S+)", letter.get_body(("plain",)).get_content())[1]
    assert (await world.browser().log_in(NEWCOMER, f" {password.replace('-', '')} ")).location == "/password"


async def test_with_a_one_time_password_every_page_leads_to_choosing_an_own_one(world: World) -> None:
    await world.browser().register(NEWCOMER)
    (letter,) = await world.letters()
    password = re.search(r"входа: (\S+)", letter.get_body(("plain",)).get_content())[1]
    browser = world.browser()
    await browser.log_in(NEWCOMER, password)
    guarded = [
        route.resource.canonical
        for route in world.app.router.routes()
        if route.method == "GET" and "{" not in route.resource.canonical and _is_guarded(route.handler)
    ]
    assert "/" in guarded
    for path in guarded:
        page = await browser.get(path)
        assert (page.location == "/password") == (path != "/password"), path
    assert NEWCOMER not in (await browser.get("/help")).text


def _is_guarded(handler: object) -> bool:
    from portal.access import Mark, mark_of

    return mark_of(handler) in (Mark.SUBSCRIBER, Mark.NEWCOMER)


async def test_after_login_one_gets_where_one_wanted(world: World) -> None:
    world.registered(SUBSCRIBER)
    browser = world.browser()
    sent_away = await browser.get("/password?from=letter")
    assert sent_away.location == "/login?next=/password%3Ffrom%3Dletter"
    form = await browser.get(sent_away.location)
    fields = {"account": SUBSCRIBER, "password": PASSWORD, "csrf": form.csrf, "next": form.hidden("next")}
    assert (await browser.post("/login", fields)).location == "/password?from=letter"


@pytest.mark.parametrize("where", ["//evil.example", "https://evil.example/", "/\\evil.example", "/%0d%0aX: y", "evil"])
async def test_nobody_is_led_to_another_site(world: World, where: str) -> None:
    world.registered(SUBSCRIBER)
    browser = world.browser()
    form = await browser.get("/login")
    fields = {"account": SUBSCRIBER, "password": PASSWORD, "csrf": form.csrf, "next": where}
    assert (await browser.post("/login", fields)).location == "/"


async def test_a_link_in_a_letter_finds_the_session_whose_cookie_was_kept_back(
    subscriber: Browser, world: World
) -> None:
    """SameSite=Strict keeps the cookie back on the way from a letter; the page asks itself again."""
    stranger = world.browser()
    first = await stranger.get("/password", Sec_Fetch_Site="cross-site")
    assert (first.status, first.headers["Refresh"]) == (200, "0")
    again = await stranger.get("/password", Sec_Fetch_Site="same-origin")
    assert again.location == "/login?next=/password"
    assert (await subscriber.get("/password", Sec_Fetch_Site="same-origin")).status == 200


async def test_guesses_against_an_account_are_limited_and_its_owner_gets_in_from_home(
    tmp_path: Path, cache_file: Path
) -> None:
    limited = {"login_account_per_hour": 3}
    async with open_world(tmp_path / "config", cache=cache_file, background=False, budgets=limited) as world:
        world.registered(SUBSCRIBER)
        assert (await world.browser().log_in(SUBSCRIBER)).location == "/"
        for account in (SUBSCRIBER, NOBODY):
            stranger = world.browser(local_address="127.0.0.2")
            answers = [await stranger.log_in(account, "wrong") for _ in range(4)]
            assert [answer.status for answer in answers] == [403, 403, 403, 429]
            assert (await stranger.log_in(account)).status == 429
        assert (await world.browser().log_in(SUBSCRIBER)).location == "/"
        world.clock.forward(hours=1)
        assert (await world.browser(local_address="127.0.0.2").log_in(SUBSCRIBER)).location == "/"


async def test_guesses_from_an_address_are_limited_whomever_they_are_against(tmp_path: Path, cache_file: Path) -> None:
    limited = {"login_address_per_hour": 3}
    async with open_world(tmp_path / "config", cache=cache_file, background=False, budgets=limited) as world:
        world.registered(SUBSCRIBER)
        stranger = world.browser(local_address="127.0.0.2")
        answers = [await stranger.log_in(f"0000{number}", "wrong") for number in range(4)]
        assert [answer.status for answer in answers] == [403, 403, 403, 429]
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
        assert (await world.browser().log_in(SUBSCRIBER)).location == "/"


async def test_guesses_of_everyone_together_are_limited_and_survive_a_restart(tmp_path: Path, cache_file: Path) -> None:
    limited = {"login_global_per_hour": 2}
    async with open_world(tmp_path / "a", cache=cache_file, background=False, budgets=limited) as world:
        for number in (2, 3):
            await world.browser(local_address=f"127.0.0.{number}").log_in(f"0000{number}", "wrong")
        kept = world.config.lk.store_path
    async with open_world(tmp_path / "b", cache=cache_file, background=False, budgets=limited, store=kept) as world:
        assert (await world.browser().log_in(SUBSCRIBER, "wrong")).status == 429


async def test_right_passwords_use_up_nothing(tmp_path: Path, cache_file: Path) -> None:
    limited = {"login_account_per_hour": 2, "login_address_per_hour": 2, "login_global_per_hour": 2}
    async with open_world(tmp_path / "config", cache=cache_file, background=False, budgets=limited) as world:
        world.registered(SUBSCRIBER)
        for _ in range(4):
            assert (await world.browser().log_in(SUBSCRIBER)).location == "/"


async def test_more_logins_than_the_machine_can_check_are_asked_to_come_back(
    world: World, subscriber: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "QUEUE", 2)
    answers = await asyncio.gather(*(world.browser().log_in(f"0000{number}", "wrong") for number in range(12)))
    statuses = {answer.status for answer in answers}
    assert statuses == {403, 503}
    refused = next(answer for answer in answers if answer.status == 503)
    assert refused.headers["Retry-After"] == "5"
    assert (await subscriber.get("/password")).status == 200


async def test_the_journal_tells_logins_and_refusals_with_time_and_address(world: World) -> None:
    user = world.registered(SUBSCRIBER)
    await world.browser().log_in(SUBSCRIBER, "wrong")
    world.clock.forward(minutes=1)
    await world.browser(local_address="127.0.0.2").log_in(SUBSCRIBER)
    told = [(e.at, e.actor, e.act, e.address) for e in audit.about(world.store.reading, object=f"account:{SUBSCRIBER}")]
    assert told == [
        ("2026-11-23T09:00:00.000Z", "visitor", "login_refused", "127.0.0.1"),
        ("2026-11-23T09:01:00.000Z", user.user_code, "login", "127.0.0.2"),
    ]


async def test_a_subscriber_sees_the_own_account_only(subscriber: Browser, neighbour: Browser) -> None:
    for browser, own, other in ((subscriber, SUBSCRIBER, NEIGHBOUR), (neighbour, NEIGHBOUR, SUBSCRIBER)):
        page = await browser.get("/help")
        assert own in page.text
        assert other not in page.text
