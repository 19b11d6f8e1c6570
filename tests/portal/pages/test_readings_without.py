"""«Если не передать»: what the next months cost by average and by norm, and which figure is missing when one is."""

from __future__ import annotations

import pytest

from demo.supplier.oddities import Oddity
from tests.portal.pages.cast import NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import Element, check, kopecks
from tests.portal.world import World


async def page_of(world: World, account: str = SUBSCRIBER) -> Element:
    page = await enter(world, account).get("/readings/without")
    assert page.status == 200
    return check(page.text)


def rows_of(page: Element) -> list[list[str]]:
    return [[row.one("th").text, *(cell.text for cell in row.all("td"))] for row in page.one("table").all("tr")[1:]]


async def test_months_by_average_and_by_norm_are_priced_and_add_up(world: World) -> None:
    page = await page_of(world)
    *months, total = rows_of(page)
    assert [row[1] for row in months] == ["по среднему расходу"] * 3 + ["по нормативу"] * 2
    assert months[0][0] == "ноябрь\xa02026"
    costs = [kopecks(row[2]) for row in months]
    assert all(cost > 0 for cost in costs)
    assert sum(costs) == kopecks(total[2])
    for word in ("Ориентировочно", "п. 59", "п. 60", "коэффициент не учтён"):
        assert word in page.text


async def test_by_norm_is_what_the_norms_say_for_the_residents(world: World) -> None:
    """Twice the residents, twice the charge."""
    one, other = 1, 2
    costs = []
    for residents in (one, other):
        amend(world, "UPDATE accounts SET residents = :n", n=residents)
        costs.append(kopecks(rows_of(await page_of(world))[4][2]))
    assert abs(costs[1] - 2 * costs[0]) <= 2


async def test_months_by_average_that_have_been_are_counted(world: World) -> None:
    amend(
        world,
        "UPDATE charges SET method = (SELECT id FROM codes WHERE code = 'average')"
        " WHERE account = :key AND service = (SELECT id FROM codes WHERE code = 'hot_water') AND period >= 202609",
        key=world.cache.account_key(SUBSCRIBER),
    )
    assert [row[1] for row in rows_of(await page_of(world))][:2] == ["по среднему расходу", "по нормативу"]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM norms", "не прислала норматив"),
        ("UPDATE accounts SET residents = NULL", "не прислала число проживающих"),
        ("UPDATE charges SET tariff_micro = NULL", "тарифа нет"),
        ("DELETE FROM charges", "начислений по прибору ещё не было"),
        ("DELETE FROM readings", "показаний меньше чем за три месяца"),
    ],
)
async def test_what_is_missing_is_named_and_not_shown_as_zero(world: World, statement: str, words: str) -> None:
    amend(world, statement)
    page = await page_of(world)
    assert words in page.text
    assert "нет данных" in page.one("table").text
    assert "0,00" not in page.one("table").text


@pytest.mark.parametrize("oddity", [Oddity.AUTOMATIC, Oddity.NO_METER, Oddity.CLOSED])
async def test_who_hands_in_nothing_is_told_so(world: World, oddity: Oddity) -> None:
    page = await page_of(world, NUMBER[oddity])
    assert page.all("table") == []
    assert len(page.one("main").all("div", "card")) == 1
