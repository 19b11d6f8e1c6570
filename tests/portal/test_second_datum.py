"""Where a sum proves too little, one more thing is asked for; the question tells nothing about the account."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lk_sync.bill_code import bill_code, typed_code
from lk_sync.cache.census import in_order
from lk_sync.cache.schema import open_for_writing
from lk_sync.config import Config
from lk_sync.errors import SettingsError
from lk_sync.setting import SecretValue
from lk_sync.store import audit, codes, users
from portal.keys import CENSUS
from tests.portal.world import (
    AHEAD,
    LAST,
    NEIGHBOUR,
    NEWCOMER,
    NOBODY,
    ODD,
    ORGANISATION,
    PREVIOUS,
    SETTLED,
    SUBSCRIBER,
    Page,
    World,
    change_holder,
    write_settings,
)
from tests.portal.world import world as open_world

KEY = "sixteen letters and some more"
SHARED = {"few": 3, "code_key": {"secret": "BILL_CODE_KEY"}}
NUMBERS = {NEWCOMER: "77-041", NEIGHBOUR: "12-908", SETTLED: "50-333", AHEAD: "91-002", SUBSCRIBER: "64-555"}
NUMBERS |= {ORGANISATION: "33-018", ODD: "87-120"}


@pytest.fixture
async def norm(tmp_path: Path, cache_file: Path, mailbox: Any) -> AsyncIterator[World]:
    """The little town, where all have the same sums, with bills whose numbers nobody can compute."""
    environment = {"LK_BILL_CODE_KEY": KEY, "LK_SMTP_PASSWORD": mailbox.password}
    async with open_world(
        tmp_path / "config",
        cache=cache_file,
        mailbox=mailbox,
        background=False,
        environment=environment,
        registration=SHARED,
    ) as world:
        renumber(world)
        await world.app[CENSUS].fresh()
        yield world


def renumber(world: World) -> None:
    with contextlib.closing(open_for_writing(world.config.lk.cache_path)) as base:
        for account, number in NUMBERS.items():
            key = world.cache.account_key(account)
            base.execute("UPDATE bills SET number = ? || '/' || (period % 100) WHERE account = ?", (number, key))
            payment = (key, f"p{account}", "2026-11-05", LAST, int(key or 0) % 100_000 * 100 + 50)
            base.execute(
                "INSERT INTO payments (account, payment, paid_on, period, amount_kopecks, channel, origin, run)"
                " VALUES (?, ?, ?, ?, ?, 1, 0, 1)", payment,
            )  # fmt: skip
            base.execute(
                "INSERT INTO meters (account, meter, serial, service, unit, digits_int, digits_frac, automatic, origin,"
                " run) VALUES (?, '1', ?, 1, 1, 5, 3, 0, 0, 1)", (key, f"15-00{account}"),
            )  # fmt: skip
        base.execute("UPDATE dataset_state SET data_version = data_version + 1")


async def ask(world: World, account: str, amount: str = "1234,56", **more: str) -> Page:
    browser = world.browser()
    form = await browser.get("/register")
    fields = {"account": account, "email": "ivanova@example.ru", "amount": amount, "rules": "yes", "consent": "yes"}
    return await browser.post("/register", fields | {"csrf": form.csrf, "request": form.hidden("request")} | more)


def is_registered(world: World, account: str) -> bool:
    return users.of_account(world.store.reading, account=account) is not None


def code_of(account: str, *, month: int = LAST) -> str:
    number = f"{NUMBERS[account]}/{month % 100}"
    return bill_code(SecretValue(KEY), account=account, period=month, number=number)


async def test_a_common_sum_asks_for_one_more_thing_and_keeps_what_was_typed(norm: World) -> None:
    page = await ask(norm, NEWCOMER)
    assert page.status == 200
    assert "Почти готово" in page.text
    for name in ("bill_number", "bill_code", "payment_sum", "payment_day", "meter", "desk_code"):
        assert f'name="{name}"' in page.text
    assert 'value="ivanova@example.ru"' in page.text
    assert page.text.count(" checked") == 2
    assert await norm.letters() == []
    row = norm.store.reading._connection.execute("SELECT COUNT(*) FROM registrations").fetchone()
    assert row == (0,)


@pytest.mark.parametrize("amount", ["1234,56", "987,65", "0", "-50,00", "-0,01"])
async def test_the_question_is_the_same_whoever_is_asked_about(norm: World, amount: str) -> None:
    norm.registered(SUBSCRIBER)
    seen = set()
    for account in (NEWCOMER, SUBSCRIBER, NOBODY, ORGANISATION, SETTLED, AHEAD):
        page = await ask(norm, account, amount)
        text = page.text.replace(account, "")
        seen.add((page.status, re.sub('value="[0-9a-f]{32,64}"', "", text)))
    assert len(seen) == 1


@pytest.mark.parametrize("amount", ["1234,57", "555,55"])
async def test_a_rare_sum_is_enough_right_or_wrong(norm: World, amount: str) -> None:
    for account in (NEWCOMER, NOBODY):
        assert (await ask(norm, account, amount)).location == "/register/sent"


GOOD = [
    (NEWCOMER, "1234,56", {"bill_number": "№ 77-041/10"}),
    (NEWCOMER, "987,65", {"bill_number": "77041/9"}),
    (NEWCOMER, "1234,56", {"bill_code": code_of(NEWCOMER)}),
    (NEWCOMER, "987,65", {"bill_code": code_of(NEWCOMER, month=PREVIOUS).lower().replace("-", " ")}),
    (NEWCOMER, "1234,56", {"meter": f"1500{NEWCOMER}"}),
    (SETTLED, "0", {"bill_number": "50-333/10"}),
    (SETTLED, "0,00", {"payment_sum": "30000,50", "payment_day": "5.11.2026"}),
    (AHEAD, "0", {"bill_code": code_of(AHEAD)}),
    (AHEAD, "-50,00", {"payment_sum": "30001,50", "payment_day": "05.11.2026"}),
    (AHEAD, "−1,00", {"meter": f"№ 15-00{AHEAD}"}),
]
WRONG = [
    (NEWCOMER, "1234,56", {"bill_number": "12-908/10"}),  # the neighbour's
    (NEWCOMER, "1234,56", {"bill_number": "77-041/9"}),  # of the other month
    (NEWCOMER, "1234,56", {"bill_code": code_of(NEIGHBOUR)}),
    (NEWCOMER, "1234,56", {"bill_code": code_of(NEWCOMER, month=PREVIOUS)}),
    (NEWCOMER, "1234,57", {"bill_number": "77-041/10"}),
    (NEWCOMER, "555,55", {"bill_number": "77-041/8"}),  # too old a bill
    (NEWCOMER, "0", {"bill_number": "77-041/10"}),
    (SETTLED, "0", {"payment_sum": "30000,50", "payment_day": "4.11.2026"}),
    (SETTLED, "0", {"meter": f"1500{NEWCOMER}"}),
    (AHEAD, "-49,00", {"meter": f"1500{AHEAD}"}),
    (NOBODY, "0", {"meter": f"1500{AHEAD}"}),
    (NEWCOMER, "1234,56", {"desk_code": "7K2MQ-4XH9C"}),
]


@pytest.mark.parametrize(("account", "amount", "shown"), GOOD)
async def test_with_it_whoever_holds_the_bill_gets_the_password(
    norm: World, account: str, amount: str, shown: dict[str, str]
) -> None:
    assert (await ask(norm, account, amount, **shown)).location == "/register/sent"
    assert len(await norm.letters()) == 1
    assert is_registered(norm, account)


@pytest.mark.parametrize(("account", "amount", "shown"), WRONG)
async def test_a_wrong_one_opens_nothing_and_is_answered_alike(
    norm: World, account: str, amount: str, shown: dict[str, str]
) -> None:
    assert (await ask(norm, account, amount, **shown)).location == "/register/sent"
    assert await norm.letters() == []
    assert not is_registered(norm, account)


async def test_what_was_shown_is_forgotten_when_the_request_is_settled(norm: World) -> None:
    await ask(norm, NEWCOMER, bill_number="77-041/10")
    await norm.letters()
    row = norm.store.reading._connection.execute("SELECT proof_kind, proof, amount_kopecks FROM registrations")
    assert row.fetchall() == [("bill_number", None, 0)]


async def test_a_payment_that_several_have_made_proves_nothing_and_is_told(norm: World) -> None:
    with contextlib.closing(open_for_writing(norm.config.lk.cache_path)) as base:
        base.execute("UPDATE payments SET amount_kopecks = 5000")
        base.execute("UPDATE dataset_state SET data_version = data_version + 1")
    await ask(norm, SETTLED, "0", payment_sum="50", payment_day="5.11.2026")
    assert await norm.letters() == []  # decided by data of this very moment
    page = await ask(norm, NOBODY, "0", payment_sum="50", payment_day="5.11.2026")
    assert page.status == 422
    assert "подходит многим" in page.text


async def test_a_number_that_follows_from_the_account_is_not_taken(norm: World) -> None:
    with contextlib.closing(open_for_writing(norm.config.lk.cache_path)) as base:
        base.execute("UPDATE bills SET number = (account % 1000000) || '-' || period")
        base.execute("UPDATE dataset_state SET data_version = data_version + 1")
    await norm.app[CENSUS].fresh()
    page = await ask(norm, NEWCOMER)
    assert 'name="bill_number"' not in page.text
    assert 'name="meter"' in page.text
    refused = await ask(norm, NEWCOMER, bill_number=f"12347-{LAST}")
    assert refused.status == 422


@pytest.mark.parametrize(
    ("numbered", "known"),
    [
        ([("000012345", "12345/10"), ("000012399", "12399/10")], True),
        ([(f"{at}", f"2026-{at:05d}") for at in range(1000, 1100)], True),
        ([(f"{at}", f"{at * 7919 % 10007:05d}") for at in range(1000, 1100)], False),
        ([("1", "17"), ("2", "25"), ("3", "31")], False),
        ([], False),
    ],
)
def test_numbers_that_can_be_computed_are_found(numbered: list[tuple[str, str]], known: bool) -> None:
    assert in_order(numbered) is known


async def test_the_code_of_a_bill_registers_once(norm: World) -> None:
    await ask(norm, NEWCOMER, bill_code=code_of(NEWCOMER))
    await norm.letters()
    change_holder(norm.config.lk.cache_path, NEWCOMER, "somebody else")
    await ask(norm, NEWCOMER, bill_code=code_of(NEWCOMER))
    assert len(await norm.letters()) == 1
    await ask(norm, NEWCOMER, "987,65", bill_code=code_of(NEWCOMER, month=PREVIOUS))
    assert len(await norm.letters()) == 2


async def test_a_mistyped_address_does_not_use_the_code_up_for_ever(norm: World) -> None:
    for email in ("mistyped@example.ru", "right@example.ru"):
        await ask(norm, NEWCOMER, bill_code=code_of(NEWCOMER), email=email)
        await norm.letters()
        norm.clock.forward(days=2)
    found = users.of_account(norm.store.reading, account=NEWCOMER)
    assert found is not None
    assert found.email == "right@example.ru"


def desk(world: World, account: str, *, hours: int = 24) -> str:
    now = world.clock()
    return world.store.write_now(
        lambda tx: codes.issue(tx, account=account, by="clerk", lasts=timedelta(hours=hours), now=now)
    )


async def test_a_code_of_the_desk_needs_no_sum_and_opens_once(norm: World) -> None:
    code = desk(norm, SETTLED)
    await ask(norm, NEWCOMER, "", desk_code=code)
    assert await norm.letters() == []  # another account's
    await ask(norm, SETTLED, "", desk_code=code.lower())
    assert len(await norm.letters()) == 1
    dump = "\n".join(norm.store.reading._connection.iterdump())
    assert code not in dump
    assert typed_code(code) not in dump
    change_holder(norm.config.lk.cache_path, SETTLED, "somebody else")
    await ask(norm, SETTLED, "", desk_code=code)
    assert len(await norm.letters()) == 1


async def test_a_code_of_the_desk_dies_with_the_next_one_and_with_the_day(norm: World) -> None:
    first, second = desk(norm, NEWCOMER), desk(norm, NEWCOMER)
    await ask(norm, NEWCOMER, "", desk_code=first)
    assert await norm.letters() == []
    norm.clock.forward(hours=24)
    await ask(norm, NEWCOMER, "", desk_code=second)
    assert await norm.letters() == []
    acts = [entry.act for entry in audit.by(norm.store.reading, actor="clerk")]
    assert acts == ["desk_code_issued"] * 2


async def test_a_code_of_the_desk_is_not_used_up_when_somebody_has_the_account(norm: World) -> None:
    norm.registered(SUBSCRIBER, email="owner@example.ru")
    code = desk(norm, SUBSCRIBER)
    await ask(norm, SUBSCRIBER, "", desk_code=code)
    (letter,) = await norm.letters()
    assert letter["To"] == "owner@example.ru"
    assert codes.is_good(norm.store.reading, account=SUBSCRIBER, code=code, now=norm.clock())


async def test_when_too_many_sums_did_not_match_everybody_is_asked(tmp_path: Path, cache_file: Path) -> None:
    limited = {"register_global_per_hour": 2}
    async with open_world(tmp_path / "c", cache=cache_file, background=False, budgets=limited) as world:
        assert 'name="more"' not in (await world.browser().get("/register")).text
        for account in (NOBODY, NEIGHBOUR):
            await ask(world, account, "1,00")
        await world.letters()
        assert 'name="more"' in (await world.browser().get("/register")).text
        assert (await ask(world, NEWCOMER, "987,65")).status == 200
        serial = "1"
        for account in (NOBODY, NEIGHBOUR):
            assert (await ask(world, account, "987,65", meter=serial)).location == "/register/sent"
        await world.letters()
        refused = await ask(world, NEWCOMER, "987,65", meter=serial)
        assert refused.status == 422
        assert "годится только код" in refused.text
        assert 'name="meter"' not in refused.text
        code = desk(world, NEWCOMER)
        await ask(world, NEWCOMER, "", desk_code=code)
        await world.letters()
        assert is_registered(world, NEWCOMER)
        world.clock.forward(hours=1)
        assert (await ask(world, SUBSCRIBER, "987,65")).location == "/register/sent"


async def test_a_supplier_can_ask_always(tmp_path: Path, cache_file: Path) -> None:
    async with open_world(
        tmp_path / "c", cache=cache_file, background=False, registration={"second_datum": "always"}
    ) as world:
        assert 'name="more"' in (await world.browser().get("/register")).text
        assert (await ask(world, NEWCOMER, "1,23")).status == 200


async def test_a_supplier_can_ask_never_but_for_sums_that_prove_nothing(tmp_path: Path, cache_file: Path) -> None:
    signed = {"second_datum": "never", "risk_accepted": "директор Иванов И. И., 01.12.2026", "few": 1}
    async with open_world(tmp_path / "c", cache=cache_file, background=False, registration=signed) as world:
        assert (await ask(world, NEWCOMER)).location == "/register/sent"
        await world.letters()
        assert is_registered(world, NEWCOMER)
        assert (await ask(world, SETTLED, "0")).status == 200


def test_never_needs_somebody_who_answers_for_it(tmp_path: Path) -> None:
    write_settings(tmp_path / "config", port=1, registration={"second_datum": "never", "risk_accepted": "да"})
    with pytest.raises(SettingsError, match=r"lk\.yaml.*registration.*risk_accepted"):
        Config(tmp_path / "config", {})


async def test_a_key_that_could_be_guessed_is_refused(tmp_path: Path, cache_file: Path) -> None:
    with pytest.raises(SettingsError, match="короче 16"):
        async with open_world(
            tmp_path / "c", cache=cache_file, environment={"LK_BILL_CODE_KEY": "short"}, registration=SHARED
        ):
            pass


def test_codes_of_bills_differ_and_depend_on_everything() -> None:
    key, other = SecretValue(KEY), SecretValue(KEY + "!")
    about = {"account": "000012345", "period": 202610, "number": "1"}
    made = bill_code(key, **about)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{3}-[0-9A-HJKMNP-TV-Z]{3}", made)
    assert bill_code(key, **about) == made
    changed = [about | {"account": "12345"}, about | {"period": 202609}, about | {"number": "11"}]
    assert made not in {bill_code(key, **each) for each in changed} | {bill_code(other, **about)}
    many = {bill_code(key, account=str(at), period=202610, number="1") for at in range(2_000)}
    assert len(many) > 1_990


async def test_what_is_left_of_the_budget_does_not_tell_that_the_sum_of_a_registered_account_was_right(
    tmp_path: Path, cache_file: Path
) -> None:
    """Whoever counts how soon everybody is asked for more learns only how often it was tried."""
    limited = {"register_global_per_hour": 2}
    asked = []
    for amount in ("987,65", "1,00"):  # right, wrong
        async with open_world(tmp_path / amount, cache=cache_file, background=False, budgets=limited) as world:
            world.registered(SUBSCRIBER)
            for _ in range(2):
                await ask(world, SUBSCRIBER, amount)
            await world.letters()
            asked.append('name="more"' in (await world.browser().get("/register")).text)
    assert asked == [True, True]
