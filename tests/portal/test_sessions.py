"""A session is one browser's, for a while; it dies with the login, the logout, the password and the holder."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiohttp import CookieJar
from yarl import URL

from lk_sync.store import audit, sessions, users
from portal.access import SESSION
from portal.devices import COOKIE as DEVICE
from portal.forgery import COOKIE
from portal.keys import SEEN
from tests.portal.world import PASSWORD, SUBSCRIBER, Browser, World, change_holder

GUARDED = "/password"


async def answers(browser: Browser) -> bool:
    return (await browser.get(GUARDED)).status == 200


def with_cookie(world: World, token: str | None) -> Browser:
    """A browser that replays a session."""
    browser = world.browser()
    jar = browser.session.cookie_jar
    assert isinstance(jar, CookieJar)
    jar.update_cookies({SESSION: token or ""}, URL(world.base))
    return browser


async def test_a_login_makes_a_new_token_and_kills_the_one_before(world: World) -> None:
    world.registered(SUBSCRIBER)
    browser = world.browser()
    await browser.log_in(SUBSCRIBER)
    first = browser.cookie(SESSION)
    await browser.post("/login", {"account": SUBSCRIBER, "password": PASSWORD}, form_on=GUARDED)
    second = browser.cookie(SESSION)
    assert first != second
    assert not await answers(with_cookie(world, first))
    assert await answers(with_cookie(world, second))


async def test_a_token_that_was_planted_before_login_is_not_taken_over(world: World) -> None:
    world.registered(SUBSCRIBER)
    victim = with_cookie(world, "planted-by-a-stranger")
    await victim.log_in(SUBSCRIBER)
    assert victim.cookie(SESSION) != "planted-by-a-stranger"
    assert not await answers(with_cookie(world, "planted-by-a-stranger"))


async def test_the_cookie_says_all_that_protects_it(world: World) -> None:
    world.registered(SUBSCRIBER)
    browser = world.browser()
    before = (await browser.get("/login")).headers.getall("Set-Cookie")
    after = (await browser.log_in(SUBSCRIBER)).headers.getall("Set-Cookie")
    kept = {cookie.split("=")[0]: cookie for cookie in (*before, *after) if "Max-Age=0" not in cookie}
    assert set(kept) == {COOKIE, SESSION, DEVICE}
    for cookie in kept.values():
        attributes = {part.strip() for part in cookie.split(";")[1:]}
        lasting = {part for part in attributes if part.startswith("Max-Age=")}
        assert attributes - lasting == {"HttpOnly", "Path=/", "SameSite=Strict", "Secure"}
        assert bool(lasting) == cookie.startswith(DEVICE), "a session ends with the window"


async def test_the_store_holds_hashes_and_no_tokens(subscriber: Browser, world: World) -> None:
    token = subscriber.cookie(SESSION)
    assert token is not None
    assert len(token) >= 43
    dump = "\n".join(world.store.reading._connection.iterdump())
    assert token not in dump
    assert sessions.token_hash(token) in dump


async def test_logout_ends_every_session_and_clears_the_browser(subscriber: Browser, world: World) -> None:
    phone = world.browser()
    await phone.log_in(SUBSCRIBER)
    token = subscriber.cookie(SESSION)
    left = await subscriber.post("/logout", {}, form_on=GUARDED)
    assert left.location == "/login"
    assert left.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert subscriber.cookie(SESSION) is None
    for browser in (phone, with_cookie(world, token)):
        assert not await answers(browser)


async def test_an_idle_session_ends_after_half_an_hour_and_use_keeps_it_alive(
    subscriber: Browser, world: World
) -> None:
    for _ in range(3):
        world.clock.forward(minutes=29)
        assert await answers(subscriber)
        await world.app[SEEN].write(world.store)
    world.clock.forward(minutes=30)
    assert not await answers(subscriber)


async def test_no_session_outlives_half_a_day(subscriber: Browser, world: World) -> None:
    for _ in range(12 * 4 - 1):
        world.clock.forward(minutes=15)
        assert await answers(subscriber)
        await world.app[SEEN].write(world.store)
    world.clock.forward(minutes=15)
    assert not await answers(subscriber)


async def test_a_page_writes_nothing_while_the_session_was_seen_a_moment_ago(subscriber: Browser, world: World) -> None:
    await answers(subscriber)
    assert await world.app[SEEN].write(world.store) == 0
    world.clock.forward(minutes=1)
    await answers(subscriber)
    await answers(subscriber)
    assert await world.app[SEEN].write(world.store) == 1


async def test_when_the_account_has_another_holder_the_link_ends(subscriber: Browser, world: World) -> None:
    change_holder(world.config.lk.cache_path, SUBSCRIBER, "holder-new")
    assert not await answers(subscriber)
    assert users.of_account(world.store.reading, account=SUBSCRIBER) is None
    acts = [(entry.act, entry.detail) for entry in audit.by(world.store.reading, actor=audit.SYSTEM)]
    assert acts == [
        ("link_ended", f'{{"why":"holder_changed","account":"{SUBSCRIBER}"}}'),
        ("user_ended", '{"why":"holder_changed"}'),
    ]
    change_holder(world.config.lk.cache_path, SUBSCRIBER, f"holder-{SUBSCRIBER}")
    assert not await answers(subscriber)


async def test_a_cache_that_is_being_loaded_again_ends_nobodys_link(subscriber: Browser, world: World) -> None:
    for path in world.config.lk.data_dir.glob("cache.db*"):
        path.unlink()
    assert await answers(subscriber)
    assert users.of_account(world.store.reading, account=SUBSCRIBER) is not None


async def test_sessions_that_are_over_are_removed(subscriber: Browser, world: World) -> None:
    def sweep(tx: Any) -> int:
        return sessions.sweep(tx, now=world.clock(), idle=timedelta(minutes=30))

    assert world.store.write_now(sweep) == 0
    world.clock.forward(minutes=30)
    assert world.store.write_now(sweep) == 1
