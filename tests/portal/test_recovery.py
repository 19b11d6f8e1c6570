"""Whoever has lost the password gets back in by letter, or with a code of the desk; a stranger learns nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from lk_sync.store import audit, codes, users
from tests.portal.world import (
    NEIGHBOUR,
    NEWCOMER,
    NOBODY,
    PASSWORD,
    SUBSCRIBER,
    Page,
    World,
    change_holder,
)
from tests.portal.world import world as open_world

HOME = "owner@example.ru"
NEW = "сова клевер мост янтарь"


async def ask(
    world: World, account: str = SUBSCRIBER, email: str = HOME, *, address: str | None = None, **more: str
) -> Page:
    browser = world.browser(local_address=address)
    form = await browser.get("/recovery")
    fields = {"account": account, "email": email, "csrf": form.csrf, "request": form.hidden("request")}
    return await browser.post("/recovery", fields | more)


def link_in(letter: EmailMessage) -> str:
    found = re.search(r"(/recovery/\S+)", letter.get_body(("plain",)).get_content())
    assert found
    return found[1]


async def choose(world: World, link: str, new: str = NEW) -> Page:
    return await world.browser().post(link, {"password": new, "again": new})


def desk(world: World, account: str) -> str:
    now = world.clock()
    return world.store.write_now(
        lambda tx: codes.issue(tx, account=account, by="clerk", lasts=timedelta(hours=24), now=now)
    )


async def test_the_known_address_gets_a_link_and_the_link_a_new_password(world: World) -> None:
    world.registered(SUBSCRIBER, email=HOME)
    phone = world.browser()
    await phone.log_in(SUBSCRIBER)
    assert (await ask(world)).location == "/recovery/sent"
    (letter,) = await world.letters()
    assert letter["To"] == HOME
    assert (await phone.get("/password")).status == 200  # nothing has changed yet
    assert (await world.browser().log_in(SUBSCRIBER)).location == "/"
    browser = world.browser()
    page = await browser.get(link_in(letter))
    assert SUBSCRIBER in page.text
    entered = await browser.post(link_in(letter), {"password": NEW, "again": NEW})
    assert entered.location == "/"
    assert (await browser.get("/password")).status == 200
    assert (await phone.get("/password")).location == "/login?next=/password"
    assert (await world.browser().log_in(SUBSCRIBER, PASSWORD)).status == 403
    assert (await world.browser().log_in(SUBSCRIBER, NEW)).location == "/"
    letters = {letter["Subject"]: letter for letter in await world.letters()}
    told = letters["Пароль личного кабинета изменён"]
    assert told["To"] == HOME
    assert letters[f"Вход в кабинет с нового устройства – лицевой счёт {SUBSCRIBER}"]["To"] == HOME
    assert NEW not in told.as_string()


async def test_every_case_gets_the_same_answer_to_the_byte(world: World) -> None:
    world.registered(SUBSCRIBER, email=HOME)
    seen = set()
    for account, email in ((SUBSCRIBER, HOME), (SUBSCRIBER, "other@example.ru"), (NOBODY, HOME), (NEWCOMER, HOME)):
        answer = await ask(world, account, email)
        headers = {name: value for name, value in answer.headers.items() if name != "Date"}
        seen.add((answer.status, answer.text, tuple(sorted(headers.items()))))
    assert len(seen) == 1
    assert [letter["To"] for letter in await world.letters()] == [HOME]


async def test_the_address_may_be_typed_in_any_case(world: World) -> None:
    world.registered(SUBSCRIBER, email=HOME)
    await ask(world, email=HOME.upper())
    assert [letter["To"] for letter in await world.letters()] == [HOME]


async def test_a_link_opens_once_and_not_for_long_and_only_the_last_one(world: World) -> None:
    world.registered(SUBSCRIBER, email=HOME)
    await ask(world)
    await world.letters()
    await ask(world)
    first, second = map(link_in, await world.letters())
    assert (await world.browser().get(first)).status == 404
    assert (await choose(world, second)).location == "/"
    assert (await world.browser().get(second)).status == 404
    await ask(world)
    third = link_in((await world.letters())[-1])
    world.clock.forward(hours=2)
    assert (await world.browser().get(third)).status == 404


@pytest.mark.parametrize("secret", ["x", "x" * 43, "x" * 5000, "%00", "%D0%AF", "..%2F", "sent%20"])
async def test_an_invented_link_leads_nowhere(world: World, secret: str) -> None:
    assert (await world.browser().get(f"/recovery/{secret}")).status in (404, 400, 414)


async def test_a_weak_or_mistyped_password_is_refused_and_the_link_stays_good(world: World) -> None:
    world.registered(SUBSCRIBER, email=HOME)
    await ask(world)
    link = link_in((await world.letters())[0])
    assert (await choose(world, link, "коротко")).status == 422
    browser = world.browser()
    assert (await browser.post(link, {"password": NEW, "again": NEW + "!"})).status == 422
    assert (await choose(world, link)).location == "/"


async def test_who_has_never_logged_in_gets_in_this_way_too(world: World) -> None:
    await world.browser().register(NEWCOMER, email=HOME)
    await world.letters()
    world.clock.forward(days=3)
    await ask(world, NEWCOMER)
    letter = (await world.letters())[-1]
    assert (await choose(world, link_in(letter))).location == "/"
    assert (await world.browser().log_in(NEWCOMER, NEW)).location == "/"


async def test_a_former_holder_has_no_way_back(world: World) -> None:
    world.registered(SUBSCRIBER, email=HOME)
    await ask(world)
    (letter,) = await world.letters()
    change_holder(world.config.lk.cache_path, SUBSCRIBER, "somebody else")
    await ask(world)
    assert len(await world.letters()) == 1
    browser = world.browser()
    await browser.post(link_in(letter), {"password": NEW, "again": NEW})
    assert (await browser.get("/")).location == "/login"


async def test_whoever_has_lost_the_mailbox_comes_to_the_desk(world: World) -> None:
    world.registered(SUBSCRIBER, email=HOME)
    phone = world.browser()
    await phone.log_in(SUBSCRIBER)
    code = desk(world, SUBSCRIBER)
    assert (await ask(world, email="new@example.ru", desk_code=code.lower())).location == "/recovery/sent"
    letters = await world.letters()
    assert {letter["To"]: letter["Subject"] for letter in letters} == {
        HOME: "Адрес почты личного кабинета заменён в офисе",
        "new@example.ru": "Новый пароль личного кабинета",
    }
    assert (await phone.get("/password")).status == 303
    link = next(link_in(letter) for letter in letters if letter["To"] == "new@example.ru")
    assert (await choose(world, link)).location == "/"
    found = users.of_account(world.store.reading, account=SUBSCRIBER)
    assert found is not None
    assert found.email == "new@example.ru"
    await ask(world, email="thief@example.ru", desk_code=code)
    assert not [letter for letter in await world.letters() if letter["To"] == "thief@example.ru"]


async def test_a_code_of_another_account_or_an_old_one_changes_nothing(world: World) -> None:
    before = world.registered(SUBSCRIBER, email=HOME)
    other, own = desk(world, NEIGHBOUR), desk(world, SUBSCRIBER)
    await ask(world, email="thief@example.ru", desk_code=other)
    world.clock.forward(hours=25)
    await ask(world, email="thief@example.ru", desk_code=own)
    assert await world.letters() == []
    assert users.of_account(world.store.reading, account=SUBSCRIBER) == before


async def test_nothing_of_a_link_is_kept_in_the_store_or_in_the_journal_of_visits(world: World) -> None:
    world.registered(SUBSCRIBER, email=HOME)
    await ask(world)
    link = link_in((await world.letters())[0])
    await choose(world, link)
    secret = link.rpartition("/")[2]
    assert secret not in "\n".join(world.store.reading._connection.iterdump())
    from portal.keys import VISITS

    world.app[VISITS].write()
    visits = world.app[VISITS]._path.read_text("utf-8")
    assert secret not in visits
    assert "/recovery/…" in visits


async def test_tries_are_limited_by_account_and_by_address(tmp_path: Path, cache_file: Path) -> None:
    limited = {"register_address_per_day": 3, "register_account_per_day": 2}
    async with open_world(tmp_path / "c", cache=cache_file, background=False, budgets=limited) as world:
        for account in (SUBSCRIBER, NOBODY):
            answers = [await ask(world, account, address=f"127.0.0.{number + 2}") for number in range(3)]
            assert [answer.status for answer in answers] == [303, 303, 429]
        answers = [await ask(world, f"0000{number}", address="127.0.0.9") for number in range(4)]
        assert [answer.status for answer in answers] == [303, 303, 303, 429]


async def test_what_is_wrong_with_the_form_is_told_and_what_was_typed_stays(world: World) -> None:
    page = await ask(world, account="", email="nobody", desk_code="12")
    assert page.status == 422
    assert 'id="account-error-1"' in page.text
    assert 'id="email-error-1"' in page.text
    page = await ask(world, desk_code="12")
    assert page.status == 422
    assert 'id="desk_code-error-1"' in page.text
    assert f'value="{HOME}"' in page.text


async def test_the_journal_tells_who_came_back_and_how(world: World) -> None:
    user = world.registered(SUBSCRIBER, email=HOME)
    await ask(world, email="other@example.ru")
    await ask(world)
    (letter,) = await world.letters()
    await choose(world, link_in(letter))
    about = [entry.act for entry in audit.about(world.store.reading, object=f"account:{SUBSCRIBER}")]
    assert about == ["recovery_refused", "recovery_sent"]
    assert "password_recovered" in [entry.act for entry in audit.by(world.store.reading, actor=user.user_code)]


async def test_a_letter_speaks_the_language_of_its_reader(world: World) -> None:
    await world.browser(**{"Accept-Language": "en"}).register(NEWCOMER, email=HOME)
    await world.letters()
    await ask(world, NEWCOMER)
    assert (await world.letters())[-1]["Subject"] == "New password for the customer portal"


@pytest.mark.parametrize("path", ["/login", "/password"])
async def test_a_password_can_be_shown_while_it_is_typed(world: World, path: str) -> None:
    world.registered(SUBSCRIBER)
    browser = world.browser()
    await browser.log_in(SUBSCRIBER) if path == "/password" else None
    hidden, shown = await browser.get(path), await browser.get(f"{path}?shown=yes")
    assert re.search(r'id="password" name="password" type="password"', hidden.text)
    assert re.search(r'id="password" name="password" type="text"', shown.text)
    assert f'href="{path}?shown=yes"' in hidden.text


async def test_the_first_login_says_when_it_was_registered_and_for_which_mailbox(world: World) -> None:
    await world.browser().register(NEWCOMER, email="ivanova@example.ru")
    (letter,) = await world.letters()
    password = re.search(r"входа: (\S+)", letter.get_body(("plain",)).get_content())
    assert password
    browser = world.browser()
    await browser.log_in(NEWCOMER, password[1])
    page = (await browser.get("/password")).text.replace("\xa0", " ")
    assert "Регистрация: 23 ноября 2026, 12:00, письма приходят на i•••@example.ru" in page
