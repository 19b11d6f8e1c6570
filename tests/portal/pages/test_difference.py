"""The difference of two months is divided into parts that add up to it to the kopeck, and is told in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.supplier.oddities import Oddity
from lk_sync.cache.grounds import FullCharge
from portal.pages.difference.handlers import pair_of
from portal.pages.difference.parts import Part, parts_of
from portal.rounding import charge, cost
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import Element, check, kopecks
from tests.portal.world import World

MONTH = 202610
METHODS = ("meter", "house_meter", "average", "norm", "one_twelfth", "other")
TARIFF = 3_117_600_000


def line(
    volume: int | None = 1_000_000,
    tariff: int | None = TARIFF,
    *,
    method: str = "meter",
    charged: int | None = None,
    recalculated: int = 0,
    benefit: int = 0,
    total: int | None = None,
    **counted: Any,
) -> FullCharge:
    """A line as a supplier makes it; what is given says where it is not."""
    if charged is None:
        charged = charge(volume or 0, tariff or 0)
    if total is None:
        total = charged + recalculated - benefit
    return FullCharge(
        MONTH, "heating", "energy", volume, tariff, method, charged, recalculated, None, benefit, total, **counted
    )


def sums(parts: Iterable[Part]) -> dict[str, int]:
    return {part.kind: part.kopecks for part in parts}


# The parts

money = st.integers(-(10**13), 10**13)
micro = st.none() | st.integers(-(10**12), 10**12)
small = st.none() | st.integers(-5, 62)
anything = st.none() | st.builds(
    FullCharge, st.just(MONTH), st.just("heating"), st.just("energy"), micro, micro, st.sampled_from(METHODS), money,
    money, st.none(), money, money, small, micro, st.none() | st.integers(-1, 3_000_000),
)  # fmt: skip
honest = st.builds(
    line,
    st.integers(1_000, 10**9),
    st.integers(10**8, 10**10),
    method=st.sampled_from(METHODS),
    recalculated=st.integers(-(10**7), 10**7),
    benefit=st.integers(0, 10**7),
    days=st.none() | st.integers(1, 31),
    uplift_micro=st.none() | st.integers(1_000_000, 3_000_000),
)


@given(anything, anything)
def test_whatever_the_lines_are_the_parts_add_up_to_the_difference(
    was: FullCharge | None, now: FullCharge | None
) -> None:
    parts = parts_of(was, now)
    totals = [0 if each is None else each.total_kopecks for each in (was, now)]
    assert sum(part.kopecks for part in parts) == totals[1] - totals[0]
    assert all(type(part.kopecks) is int and part.kopecks for part in parts)
    assert len({part.kind for part in parts}) == len(parts)


@given(honest, honest)
def test_of_lines_that_are_volume_by_tariff_nothing_is_left_unexplained(was: FullCharge, now: FullCharge) -> None:
    parts = sums(parts_of(was, now))
    if (was.volume_micro, was.tariff_micro) != (now.volume_micro, now.tariff_micro):
        assert "unexplained" not in parts
    assert (
        abs(parts.get("tariff", 0) - cost(now.volume_micro or 0, (now.tariff_micro or 0) - (was.tariff_micro or 0)))
        <= 5
    )
    assert parts.get("recalculation", 0) == now.recalculated_kopecks - was.recalculated_kopecks
    assert parts.get("benefit", 0) == was.benefit_kopecks - now.benefit_kopecks


@given(anything)
def test_two_lines_that_are_alike_have_no_parts(both: FullCharge | None) -> None:
    assert parts_of(both, both) == []


def test_volume_is_taken_at_the_former_tariff_and_the_tariff_at_the_present_volume() -> None:
    parts = parts_of(line(1_000_000, 1_000_000_000), line(1_500_000, 1_200_000_000))
    assert sums(parts) == {"volume": 50_000, "tariff": 30_000}


def test_a_longer_month_takes_its_share_of_the_volume_first() -> None:
    parts = parts_of(line(300_000, 1_000_000_000, days=15), line(900_000, 1_000_000_000, days=30))
    assert sums(parts) == {"days": 30_000, "volume": 30_000}


def test_another_way_of_counting_answers_for_the_volume() -> None:
    parts = parts_of(line(1_000_000, 1_000_000_000), line(1_500_000, 1_000_000_000, method="norm"))
    assert sums(parts) == {"method": 50_000}


def test_a_raising_factor_is_told_from_the_volume_it_raises() -> None:
    was = line(1_000_000, 1_000_000_000, method="norm")
    now = line(1_500_000, 1_000_000_000, method="norm", uplift_micro=1_500_000)
    assert sums(parts_of(was, now)) == {"uplift": 50_000}


def test_a_service_that_appears_or_goes_is_not_called_volume() -> None:
    assert sums(parts_of(None, line())) == {"presence": 311_760}
    assert sums(parts_of(line(), None)) == {"presence": -311_760}
    adjustment = line(None, None, method="other", charged=0, recalculated=-5_000)
    assert sums(parts_of(line(), adjustment)) == {"presence": -311_760, "recalculation": -5_000}


def test_what_the_source_does_not_explain_is_called_so() -> None:
    assert sums(parts_of(line(None, None, charged=100), line(None, None, charged=350))) == {"unexplained": 250}
    assert sums(parts_of(line(), line(charged=311_760 + 999))) == {"unexplained": 999}
    assert sums(parts_of(line(), line(total=311_760 + 5))) == {"unexplained": 5}


def test_a_kopeck_of_rounding_goes_to_the_largest_part() -> None:
    """Half a kopeck for the volume and half for the tariff make one kopeck, not two."""
    parts = parts_of(line(1_000_000, 10_000), line(1_500_000, 13_334))
    assert sum(part.kopecks for part in parts) == 1
    assert "unexplained" not in sums(parts)


# The choice of months


@given(st.text(max_size=8), st.text(max_size=8))
def test_any_months_are_answered(month: str, other: str) -> None:
    pair = pair_of({"month": month, "with": other}, 202311, 202610)
    assert pair.was != pair.now
    assert {pair.was, pair.now} <= {
        *range(202311, 202313),
        *range(202401, 202413),
        *range(202501, 202513),
        *range(202601, 202611),
    }


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?month=2026-13", "Такого месяца нет"),
        ("?month=2026-10&with=2026-10", "два разных месяца"),
        ("?month=1999-10", "начислений нет"),
        ("?month=2026-10&with=2026-12", "начислений нет"),
    ],
)
async def test_wrong_months_are_explained_and_the_latest_are_compared(world: World, query: str, words: str) -> None:
    page = await difference(world, SUBSCRIBER, query, status=400)
    assert words in page.one("p", "error").text
    assert "За октябрь\xa02026 начислено" in page.one("main").text


# The page


async def difference(world: World, account: str, query: str = "", status: int = 200, language: str = "ru") -> Element:
    page = await enter(world, account, language=language).get("/charges/difference" + query)
    assert page.status == status
    return check(page.text)


def signed(text: str) -> int:
    return kopecks(text.removeprefix("+"))


def differences(body: Element) -> list[int]:
    """What stands in the column of differences."""
    return [
        signed(td.text)
        for row in body.all("tr")
        for td in row.all("td")
        if td.attributes.get("data-label") == "Разница"
    ]


async def test_parts_add_up_to_services_and_services_to_the_whole(world: World) -> None:
    compared = 0
    for oddity in sorted(BOOKS, key=str):
        browser = enter(world, NUMBER[oddity])
        for query in ("", "?month=2026-05&with=2025-05", "?month=2026-01&with=2026-09"):
            answer = await browser.get("/charges/difference" + query)
            if answer.status == 200:  # not an organisation, nor months before the account was opened
                assert_adds_up(check(answer.text))
                compared += 1
    assert compared > 70


def assert_adds_up(page: Element) -> None:
    services = 0
    tables = page.all("table", "parts-of")
    if tables:
        *bodies, last = tables[0].all("tbody")
        for body in bodies:
            *parts, total = differences(body)
            assert sum(parts) == total
            services += total
        assert differences(last) == [services]
        assert sum(signed(each.text) for each in page.all("strong", "n")) == services
    for turn in page.all("table", "turns"):
        *moves, closing = differences(turn)
        assert sum(moves) == closing


async def test_the_latest_month_is_compared_with_the_one_before(world: World) -> None:
    page = await difference(world, SUBSCRIBER)
    chosen = [
        each.attributes["value"] for each in page.one("form", "period").all("option") if "selected" in each.attributes
    ]
    assert chosen == ["2026-10", "2026-09"]
    links = {each.text: each.attributes["href"] for each in page.one("main").all("a")}
    assert links["С тем же месяцем год назад"] == "/charges/difference?month=2026-10&with=2025-10"


async def test_sentences_say_what_volume_and_tariff_did(world: World) -> None:
    page = await difference(world, SUBSCRIBER, "?month=2026-10&with=2025-10")
    text = page.one("main").text
    assert "тариф выше: 3\xa0117,60\xa0₽/Гкал вместо" in text
    assert "Ориентировочн" in text or "ориентировочн" in text


async def test_a_recalculation_is_told_with_its_reason(world: World) -> None:
    books = BOOKS[Oddity.RECALCULATED]["charges"]
    period, reason = next((row[1], row[9]) for row in reversed(books) if row[8] and row[9] and row[1] > 202312)
    page = await difference(world, NUMBER[Oddity.RECALCULATED], f"?month={period // 100}-{period % 100:02d}")
    assert "перерасчёт за" in page.one("main").text
    assert f"({reason})" in page.one("main").text


async def test_what_is_not_explained_is_marked_and_the_supplier_is_named(world: World) -> None:
    amend(
        world,
        "UPDATE charges SET charged_kopecks = charged_kopecks + 1000, total_kopecks = total_kopecks + 1000"
        " WHERE period = 202610",
    )
    page = await difference(world, NUMBER[Oddity.HEATING_ONLY], "?month=2026-10&with=2025-10")
    (item,) = page.all("li", "unexplained")
    assert signed(item.one("strong").text) == 1000
    assert "сумма не равна объёму" in item.text
    assert "Спросите поставщика" in page.one("main").text


async def test_without_volumes_nothing_is_guessed(world: World) -> None:
    amend(world, "UPDATE charges SET volume_micro = NULL, tariff_micro = NULL")
    page = await difference(world, NUMBER[Oddity.HEATING_ONLY], "?month=2026-10&with=2025-10")
    (item,) = page.one("main").all("li", "unexplained")
    assert "не указал объём или тариф" in item.text


async def test_a_single_month_has_nothing_to_be_compared_with(world: World) -> None:
    for table in ("charges", "balances"):
        amend(world, f"DELETE FROM {table} WHERE period < 202610")
    page = await difference(world, SUBSCRIBER)
    assert "Сравнить пока не с чем" in page.one("main").text
    for table in ("charges", "balances"):
        amend(world, f"DELETE FROM {table}")
    assert "ещё не было" in (await difference(world, SUBSCRIBER)).one("main").text


async def test_a_month_without_charges_between_others_is_said_to_be_empty(world: World) -> None:
    for table in ("charges", "balances"):
        amend(world, f"DELETE FROM {table} WHERE period = 202609")
    page = await difference(world, SUBSCRIBER)
    assert "За сентябрь\xa02026 начислений не было" in page.one("main").text
    assert "За октябрь\xa02026 начислено больше" in page.one("main").text


async def test_a_new_holder_compares_only_what_is_theirs(world: World) -> None:
    since = str(BOOKS[Oddity.HOLDER_CHANGED]["accounts"][0][6])[:7]
    page = await difference(world, NUMBER[Oddity.HOLDER_CHANGED])
    assert min(each.attributes["value"] for each in page.one("form", "period").all("option")) == since
    earlier = f"{int(since[:4]) - 1}{since[4:]}"
    await difference(world, NUMBER[Oddity.HOLDER_CHANGED], f"?month=2026-10&with={earlier}", status=400)


async def test_it_speaks_english(world: World) -> None:
    page = await difference(world, SUBSCRIBER, "?month=2026-10&with=2025-10", language="en")
    assert "was charged for October" in page.one("main").text
    assert "the tariff is higher" in page.one("main").text
