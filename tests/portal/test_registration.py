"""Whoever holds a bill gets a password by letter; whoever does not learns nothing."""

from __future__ import annotations

import asyncio
import re
import shutil
from email.message import EmailMessage
from pathlib import Path

import pytest

from demo.mailbox import Mailbox
from lk_sync.cache.reader import CacheReader
from lk_sync.store import audit, consents, registrations, users
from lk_sync.store.database import Store
from portal.keys import CENSUS, LEGAL, PASSWORDS, REGISTRAR, RULES
from portal.registrar import Registrar
from tests.portal.world import (
    AHEAD,
    NEIGHBOUR,
    NEWCOMER,
    NOBODY,
    ODD,
    ORGANISATION,
    PASSWORD,
    SETTLED,
    SUBSCRIBER,
    Browser,
    World,
    change_holder,
)
from tests.portal.world import (
    world as open_world,
)

OWN = "сова клевер мост янтарь"


def password_in(letter: EmailMessage) -> str:
    text = letter.get_body(("plain",)).get_content()
    found = re.search(r"(?:входа|login): (\S+)", text)
    assert found, text
    return found[1]


def user_of(world: World, account: str) -> users.User | None:
    return users.of_account(world.store.reading, account=account)


def outcomes(world: World) -> list[str]:
    rows = world.store.reading._connection.execute("SELECT outcome FROM registrations ORDER BY created_at, outcome")
    return [outcome for (outcome,) in rows]


async def test_a_holder_of_the_last_bill_gets_a_password_chooses_an_own_one_and_logs_in_with_it(world: World) -> None:
    browser = world.browser()
    assert (await browser.register(NEWCOMER)).location == "/register/sent"
    (letter,) = await world.letters()
    assert letter["To"] == "ivanova@example.ru"
    assert (await browser.log_in(NEWCOMER, password_in(letter))).location == "/password"
    assert (await browser.post("/password", {"password": OWN, "again": OWN})).location == "/"
    assert (await world.browser().log_in(NEWCOMER, OWN)).location == "/"


@pytest.mark.parametrize("typed", ["987,65", "987.65", " 987,65 ₽", "987,65 руб."])
async def test_the_previous_bill_is_as_good_and_the_amount_may_be_typed_as_people_do(world: World, typed: str) -> None:
    await world.browser().register(NEWCOMER, amount=typed)
    assert len(await world.letters()) == 1


@pytest.mark.parametrize("typed", ["555,55", "1234,57", "1234", "123456", "0987,6"])
async def test_an_older_bill_or_a_kopeck_more_proves_nothing(world: World, typed: str) -> None:
    await world.browser().register(NEWCOMER, amount=typed)
    assert await world.letters() == []
    assert user_of(world, NEWCOMER) is None
    assert outcomes(world) == ["mismatch"]


async def test_an_account_whose_number_is_not_digits_can_be_registered(world: World) -> None:
    await world.browser().register(ODD)
    assert len(await world.letters()) == 1


async def test_a_user_record_has_a_code_of_its_own_and_only_a_hash_of_the_password(world: World) -> None:
    await world.browser().register(NEWCOMER)
    (letter,) = await world.letters()
    password = password_in(letter)
    user = user_of(world, NEWCOMER)
    assert user is not None
    assert re.fullmatch("[A-Z2-9]{10}", user.user_code)
    assert NEWCOMER not in user.user_code
    assert user.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    letters = re.sub("-", "", password)
    assert len(letters) >= 16
    assert not set(letters) & set("IOlio01")
    dump = "\n".join(world.store.reading._connection.iterdump())
    assert user.user_code in dump
    assert password not in dump


async def test_rules_and_consent_are_kept_with_version_hash_address_browser_and_time(world: World) -> None:
    await world.browser(**{"User-Agent": "Old Phone 1.0"}).register(NEWCOMER)
    await world.letters()
    user = user_of(world, NEWCOMER)
    assert user is not None
    given = consents.of_user(world.store.reading, user_code=user.user_code)
    legal = world.app[LEGAL]
    assert {(each.kind, each.version, each.sha256) for each in given} == {
        (text.kind, text.version, text.sha256)
        for text in (legal.current("rules", "ru"), legal.current("personal_data", "ru"))
    }
    assert {(each.address, each.browser, each.given_at) for each in given} == {
        ("127.0.0.1", "Old Phone 1.0", "2026-11-23T09:00:00.000Z")
    }


@pytest.mark.parametrize("missing", ["rules", "consent"])
async def test_without_both_boxes_nothing_is_asked_and_what_was_typed_stays(world: World, missing: str) -> None:
    browser = world.browser()
    fields = {"account": NEWCOMER, "email": "a@example.ru", "amount": "1234,56", "rules": "yes", "consent": "yes"}
    del fields[missing]
    page = await browser.post("/register", fields)
    assert page.status == 422
    assert f'id="{missing}-error-1"' in page.text
    assert 'value="a@example.ru"' in page.text
    assert await world.letters() == []


async def test_no_box_is_ticked_beforehand_and_the_texts_are_linked(world: World) -> None:
    page = await world.browser().get("/register")
    boxes = re.findall("<input[^>]*checkbox[^>]*>", page.text)
    assert len(boxes) == 2
    assert not [box for box in boxes if "checked" in box]
    assert 'href="/rules"' in page.text
    assert 'href="/consent"' in page.text
    assert "Согласие на обработку персональных данных" in page.text


@pytest.mark.parametrize("account", [SETTLED, AHEAD])
@pytest.mark.parametrize("amount", ["0", "0,00", "50,00", "-50,00", "−1"])
async def test_a_bill_with_nothing_to_pay_is_never_evidence(world: World, account: str, amount: str) -> None:
    await world.browser().register(account, amount=amount)
    assert await world.letters() == []
    assert user_of(world, account) is None


async def test_an_organisation_is_told_by_letter_and_gets_no_user_record(world: World) -> None:
    await world.browser().register(ORGANISATION)
    (letter,) = await world.letters()
    assert "организаци" in letter.get_body(("plain",)).get_content()
    assert user_of(world, ORGANISATION) is None


async def test_an_organisation_is_told_nothing_when_the_amount_is_wrong(world: World) -> None:
    await world.browser().register(ORGANISATION, amount="1,00")
    assert await world.letters() == []


async def test_every_case_gets_the_same_answer_to_the_byte(world: World) -> None:
    world.registered(SUBSCRIBER)
    cases = [(NEWCOMER, "1234,56"), (NEWCOMER, "1234,99"), (NOBODY, "1234,56"), (SUBSCRIBER, "1234,56"),
             (ORGANISATION, "1234,56"), (SETTLED, "1234,56")]  # fmt: skip
    seen = set()
    for account, amount in cases:
        browser = world.browser()
        answer = await browser.register(account, amount=amount)
        page = await browser.get(answer.location or "")
        headers = {name: value for name, value in answer.headers.items() if name != "Date"}
        shown = re.sub('value="[0-9a-f]{64}"', "", page.text)
        seen.add((answer.status, answer.text, tuple(sorted(headers.items())), page.status, shown))
    assert len(seen) == 1


async def test_an_owner_is_told_once_a_day_and_nothing_changes(world: World) -> None:
    before = world.registered(SUBSCRIBER, email="owner@example.ru")
    for amount in ("1234,56", "1,00", "987,65"):
        await world.browser().register(SUBSCRIBER, amount=amount, email="thief@example.ru")
    (letter,) = await world.letters()
    assert letter["To"] == "owner@example.ru"
    assert PASSWORD not in letter.as_string()
    assert user_of(world, SUBSCRIBER) == before
    world.clock.forward(days=1)
    await world.browser().register(SUBSCRIBER, email="thief@example.ru")
    assert len(await world.letters()) == 2


async def test_who_has_not_logged_in_yet_gets_a_new_password_and_the_old_one_dies(world: World) -> None:
    await world.browser().register(NEWCOMER)
    (first,) = await world.letters()
    await world.browser().register(NEWCOMER)
    _, second = await world.letters()
    assert (await world.browser().log_in(NEWCOMER, password_in(first))).status == 403
    assert (await world.browser().log_in(NEWCOMER, password_in(second))).location == "/password"
    assert outcomes(world) == ["created", "renewed"]


async def test_another_address_gets_no_password_while_the_first_one_is_still_good(world: World) -> None:
    await world.browser().register(NEWCOMER, email="first@example.ru")
    await world.letters()
    await world.browser().register(NEWCOMER, email="second@example.ru")
    letters = await world.letters()
    assert [letter["To"] for letter in letters] == ["first@example.ru", "first@example.ru"]
    assert outcomes(world) == ["created", "taken"]


async def test_a_mistyped_address_does_not_lock_the_subscriber_out_for_ever(world: World) -> None:
    await world.browser().register(NEWCOMER, email="mistyped@example.ru")
    await world.letters()
    wrong = user_of(world, NEWCOMER)
    world.clock.forward(hours=24 + 12, minutes=1)
    await world.browser().register(NEWCOMER, email="right@example.ru")
    *_, letter = await world.letters()
    assert letter["To"] == "right@example.ru"
    right = user_of(world, NEWCOMER)
    assert wrong is not None
    assert right is not None
    assert right.user_code != wrong.user_code


async def test_the_password_from_the_letter_lives_a_day(world: World) -> None:
    await world.browser().register(NEWCOMER)
    (letter,) = await world.letters()
    world.clock.forward(hours=24)
    assert (await world.browser().log_in(NEWCOMER, password_in(letter))).status == 403


async def test_a_former_holders_user_record_ends_when_the_new_holder_registers(world: World) -> None:
    former = world.registered(SUBSCRIBER)
    change_holder(world.config.lk.cache_path, SUBSCRIBER, "holder-new")
    await world.browser().register(SUBSCRIBER, email="new@example.ru")
    (letter,) = await world.letters()
    assert letter["To"] == "new@example.ru"
    present = user_of(world, SUBSCRIBER)
    assert present is not None
    assert present.user_code != former.user_code
    assert present.holder_key == "holder-new"
    assert (await world.browser().log_in(SUBSCRIBER)).status == 403


async def test_a_form_sent_twice_is_one_request(world: World) -> None:
    browser = world.browser()
    form = await browser.get("/register")
    fields = {"account": NEWCOMER, "email": "a@example.ru", "amount": "1234,56", "rules": "yes", "consent": "yes"}
    fields |= {"csrf": form.csrf, "request": form.hidden("request")}
    for _ in range(2):
        assert (await browser.post("/register", fields)).location == "/register/sent"
    assert len(await world.letters()) == 1


async def test_tries_are_limited_by_account_whatever_comes_of_them(world: World) -> None:
    for account in (NEWCOMER, NOBODY):
        answers = [await world.browser().register(account, amount=f"{number},00") for number in range(1, 7)]
        assert [answer.status for answer in answers] == [303] * 5 + [429]
        assert int(answers[-1].headers["Retry-After"]) == 15 * 3600
    world.clock.forward(days=1)
    assert (await world.browser().register(NEWCOMER)).status == 303


async def test_tries_are_limited_by_address(tmp_path: Path, cache_file: Path) -> None:
    limited = {"register_address_per_day": 3}
    async with open_world(tmp_path / "config", cache=cache_file, background=False, budgets=limited) as world:
        answers = [await world.browser().register(f"0000{number}") for number in range(4)]
        assert [answer.status for answer in answers] == [303, 303, 303, 429]
        elsewhere = world.browser(local_address="127.0.0.2")
        assert (await elsewhere.register("00009")).status == 303


async def test_when_too_many_did_not_match_the_rest_waits_for_the_next_hour(tmp_path: Path, cache_file: Path) -> None:
    limited = {"register_global_per_hour": 2}
    async with open_world(tmp_path / "config", cache=cache_file, background=False, budgets=limited) as world:
        for account in (NOBODY, NEIGHBOUR, SUBSCRIBER):
            await world.browser().register(account, amount="1,00")
        await world.browser().register(NEWCOMER)
        registrar = world.app[REGISTRAR]
        assert await registrar.settle_waiting() == 2
        assert registrations.waiting(world.store.reading) == 2
        world.clock.forward(hours=1)
        assert await registrar.settle_waiting() == 2
        assert user_of(world, NEWCOMER) is not None


async def test_requests_wait_until_the_books_have_been_loaded(tmp_path: Path, cache_file: Path) -> None:
    async with open_world(tmp_path / "config", background=False) as world:
        await world.browser().register(NEWCOMER)
        assert await world.app[REGISTRAR].settle_waiting() == 0
        shutil.copy(cache_file, world.config.lk.cache_path)
        assert await world.app[REGISTRAR].settle_waiting() == 1
        assert user_of(world, NEWCOMER) is not None


async def test_two_registrars_settle_every_request_once(world: World) -> None:
    for number in range(12):
        browser = world.browser(local_address=f"127.0.0.{2 + number % 3}")
        await browser.register((NEWCOMER, NEIGHBOUR, ODD)[number % 3], email=f"person{number % 3}@example.ru")
    store, cache = Store(world.config.lk.store_path), CacheReader(world.config.lk.cache_path)
    app = world.app
    other = Registrar(store, cache, world.clock, app[PASSWORDS], world.config.lk, app[RULES], app[CENSUS], lambda: None)
    settled = await asyncio.gather(world.app[REGISTRAR].settle_waiting(), other.settle_waiting())
    store.close()
    cache.close()
    assert sum(settled) == 12
    assert sorted(outcomes(world)) == ["created"] * 3 + ["renewed"] * 9
    assert len(await world.letters()) == 12


async def test_the_journal_names_user_time_and_address(world: World) -> None:
    await world.browser().register(NEWCOMER)
    await world.letters()
    user = user_of(world, NEWCOMER)
    assert user is not None
    (entry,) = audit.by(world.store.reading, actor=user.user_code)
    assert (entry.act, entry.object, entry.address) == ("registered", f"account:{NEWCOMER}", "127.0.0.1")
    assert entry.at == "2026-11-23T09:00:00.000Z"


async def test_the_letter_speaks_the_language_of_the_form(world: World) -> None:
    await world.browser(**{"Accept-Language": "en-GB,en;q=0.9"}).register(NEWCOMER)
    (letter,) = await world.letters()
    assert letter["Subject"] == "Password for your first login to the customer portal"
    assert password_in(letter)


async def test_the_whole_way_goes_by_itself_with_the_background_workers(
    tmp_path: Path, cache_file: Path, mailbox: Mailbox
) -> None:
    async with open_world(tmp_path / "config", cache=cache_file, mailbox=mailbox) as world:
        browser: Browser = world.browser()
        await browser.register(NEWCOMER)
        (letter,) = await mailbox.arrived(1)
        assert (await browser.log_in(NEWCOMER, password_in(letter))).location == "/password"
