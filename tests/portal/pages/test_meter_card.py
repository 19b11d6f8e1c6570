"""The card of a meter tells what it is, whether it is verified, what hung there before, and what was used by month."""

from __future__ import annotations

import pytest

from demo.supplier.oddities import Oddity
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import Element, check
from tests.portal.world import Browser, World


async def card(browser: Browser, *, removed: bool = False) -> Element:
    """The card of the last meter in service, or of the one that was taken away."""
    page = check((await browser.get("/readings")).text)
    links = page.one("ul", "plain").all("a") if removed else page.all("section", "meter")[-1].all("a", "more")
    return check((await browser.get(links[-1].attributes["href"])).text)


@pytest.mark.parametrize(
    ("due", "state", "words"),
    [
        ("2026-11-22", "expired", "истекла 22\xa0ноября\xa02026"),
        ("2026-11-23", "soon", "сегодня последний день"),
        ("2026-11-24", "soon", "остался 1 день"),
        ("2027-02-21", "soon", "осталось 90 дней"),
        ("2027-02-22", "valid", "действует до 22\xa0февраля\xa02027"),
    ],
)
async def test_the_verification_is_told_by_word_and_shape(world: World, due: str, state: str, words: str) -> None:
    amend(world, "UPDATE meters SET verification_due_on = :due", due=due)
    browser = enter(world, SUBSCRIBER)
    for page in (await card(browser), check((await browser.get("/readings")).text)):
        mark = page.all("span", "mark")[0]
        assert state in mark.attributes["class"].split()
        assert words in mark.text


async def test_the_card_has_seal_act_and_digits(world: World) -> None:
    facts = (await card(enter(world, SUBSCRIBER))).one("dl", "facts").text
    row = BOOKS[Oddity.ORDINARY]["meters"][0]
    assert row[2] in facts
    for word in ("Пломба", "Акт ввода", "АВ-", "5 до запятой, 3 после", "Поверен"):
        assert word in facts


async def test_what_the_books_do_not_say_is_said_to_be_unknown(world: World) -> None:
    amend(world, "UPDATE meters SET seal = NULL, act = NULL, place = NULL, model = NULL, verification_due_on = NULL")
    facts = (await card(enter(world, SUBSCRIBER))).one("dl", "facts").text
    assert facts.count("нет данных") == 5


async def test_a_replaced_meter_and_its_successor_are_one_history(world: World) -> None:
    browser = enter(world, NUMBER[Oddity.METER_REPLACED])
    for page in (await card(browser), await card(browser, removed=True)):
        assert len(page.one("ol", "chain").all("li")) == 2
        rows = page.one("table", "months").all("tr")[1:]
        assert [row for row in rows if "прибор заменён" in row.text]
        used = [row.all("td")[0].text for row in rows]
        assert not [each for each in used if each.startswith("−")]
        assert len([each for each in used if each[0].isdigit()]) > 12


async def test_a_new_meter_knows_what_is_usual_from_the_one_before_it(world: World) -> None:
    key = world.cache.account_key(NUMBER[Oddity.METER_REPLACED])
    amend(
        world,
        "DELETE FROM readings WHERE account = :key AND meter = ("
        "SELECT meter FROM meters WHERE account = :key AND removed_on IS NULL)",
        key=key,
    )
    form = check((await enter(world, NUMBER[Oddity.METER_REPLACED]).get("/readings")).text).one("form", "reading")
    assert "Обычно между" in form.text


async def test_an_account_has_one_meter_and_no_chain(world: World) -> None:
    assert (await card(enter(world, SUBSCRIBER))).all("ol", "chain") == []


async def test_months_of_many_years_come_on_demand(world: World) -> None:
    key = world.cache.account_key(SUBSCRIBER)
    for number in range(60):
        amend(
            world,
            "INSERT INTO readings SELECT account, meter, 'old-' || :n, :day, :period, :n * 1000000, source, extra,"
            " origin, run FROM readings WHERE account = :key LIMIT 1",
            key=key, n=number, day=f"{2015 + number // 12}-{number % 12 + 1:02d}-05",
            period=(2015 + number // 12) * 100 + number % 12 + 1,
        )  # fmt: skip
    browser = enter(world, SUBSCRIBER)
    page = await card(browser)
    assert len(page.one("table", "months").all("tr")) == 25
    (more,) = [each for each in page.all("a", "more") if "все месяцы" in each.text]
    whole = check((await browser.get(more.attributes["href"])).text).one("table", "months")
    assert len(whole.all("tr")) > 85
    assert "показаний не было" in whole.text
