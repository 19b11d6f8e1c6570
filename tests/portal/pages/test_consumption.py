"""What was used is shown month by month beside the year before, estimates as such, and nobody's flat is given away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from demo.supplier.oddities import Oddity
from lk_sync.cache.house import FlatUse
from lk_sync.records import DATASETS, next_month
from portal.pages.consumption.chart import chart
from portal.pages.consumption.estimates import beside, blurred, half_up, in_gj
from portal.pages.consumption.series import Series, Used
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import Element, check
from tests.portal.world import World

CHARGES = DATASETS["charges"].columns
MONTHS = [next_month(202511, by) for by in range(12)]
WATER = "of=hot_water.m3"


async def opened(world: World, account: str, query: str = "", *, language: str = "ru") -> Element:
    page = await enter(world, account, language=language).get(f"/consumption?{query}")
    assert page.status == 200
    assert " style=" not in page.text
    return check(page.text)


def rows_of(page: Element) -> dict[str, list[Element]]:
    return {row.one("th").text: row.all("td") for row in page.one("table", "used").one("tbody").all("tr")}


def charged(oddity: Oddity, service: str, component: str) -> dict[int, dict[str, Any]]:
    lines = [dict(zip(CHARGES, row, strict=False)) for row in BOOKS[oddity]["charges"]]
    return {
        line["period"]: line
        for line in lines
        if (line["service"], line["component"]) == (service, component) and line["volume_micro"] is not None
    }


async def test_each_month_shows_its_volume_and_that_of_the_year_before(world: World) -> None:
    page = await opened(world, SUBSCRIBER, WATER)
    books = charged(Oddity.ORDINARY, "hot_water", "carrier")
    shown = list(rows_of(page).values())
    assert len(shown) == 12
    for month, cells in zip(reversed(MONTHS), shown, strict=True):
        for cell, of in zip(cells[:2], (month, next_month(month, -12)), strict=True):
            told = cell.text.removeprefix("≈\N{NO-BREAK SPACE}").removesuffix("\N{NO-BREAK SPACE}м³")
            assert round(float(told.replace(",", ".")) * 1_000_000) == books[of]["volume_micro"]


async def test_the_picture_says_in_words_what_it_shows(world: World) -> None:
    page = await opened(world, SUBSCRIBER)
    (picture,) = [svg for svg in page.all("svg") if svg.attributes.get("role") == "img"]
    assert picture.one("title").text == "Расход по месяцам: Отопление"
    assert picture.one("desc").text
    assert len(picture.all("rect", "now")) >= 7
    texts = [text.text for text in picture.all("text")]
    assert "не начислялось" in texts
    assert not [text for text in texts if text.startswith("0\N{NO-BREAK SPACE}")]


async def test_heat_is_told_in_gigajoules_as_well(world: World) -> None:
    main = (await opened(world, SUBSCRIBER)).one("main").text
    assert "ГДж" in main
    assert in_gj("Gcal", 1_000_000) == 4_186_800
    assert in_gj("m3", 1_000_000) is None


async def test_months_without_a_meter_look_otherwise_and_say_so(world: World) -> None:
    page = await opened(world, NUMBER[Oddity.VERIFICATION_EXPIRED], WATER)
    books = charged(Oddity.VERIFICATION_EXPIRED, "hot_water", "carrier")
    estimated = [month for month in MONTHS if books[month]["method"] in ("norm", "average")]
    assert estimated
    (picture,) = [svg for svg in page.all("svg") if svg.attributes.get("role") == "img"]
    assert len([bar for bar in picture.all("rect", "outlined") if "now" in bar.attributes["class"].split()]) == len(
        estimated
    )
    assert page.one("main").text.count("≈") >= 2 * len(estimated)
    assert f"Месяцев без показаний прибора: {len(estimated)}" in page.one("main").text


async def test_a_former_holders_months_are_not_shown(world: World) -> None:
    account = NUMBER[Oddity.HOLDER_CHANGED]
    since = BOOKS[Oddity.HOLDER_CHANGED]["accounts"][0][6]
    browser = enter(world, account)
    query = f"{WATER}&until={since[:7]}"
    shown = rows_of(check((await browser.get(f"/consumption?{query}")).text))
    assert len(shown) == 1
    assert [cells[1].text for cells in shown.values()] == ["нет данных"]


async def test_all_36_months_are_reached_year_by_year_and_a_wrong_month_is_told(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    path, seen = "/consumption", []
    while path:
        page = check((await browser.get(path)).text)
        seen += list(rows_of(page))
        path = next((a.attributes["href"] for a in page.all("a") if a.text == "Годом раньше"), "")
    assert len(seen) == len(set(seen)) == 36
    for wrong in ("2026-13", "x", "1999-01", "2099-01"):
        answer = await browser.get(f"/consumption?until={wrong}")
        assert answer.status == 400
        assert "Такого месяца нет" in answer.text
    assert (await browser.get("/consumption?of=%27%3Cscript%3E")).status == 200


async def test_the_middle_of_a_house_needs_ten_others(world: World) -> None:
    account = NUMBER[Oddity.COMMA]
    key = world.cache.account_key(account)
    with world.cache.view() as view:
        meter, water = view.code_id("meter"), view.code_id("hot_water")
        house = view.building_of(key or 0)
    assert house is not None
    amend(
        world,
        "UPDATE charges SET method = :meter, volume_micro = 3000000 + account % 1000 * 1000"
        " WHERE service = :water AND account IN (SELECT account FROM accounts WHERE building = :house)",
        meter=meter, water=water, house=house,
    )  # fmt: skip
    amend(world, "UPDATE accounts SET residents = 2 WHERE building = :house", house=house)
    assert "Середина по дому" in (await opened(world, account, WATER)).one("main").text
    others = (
        "SELECT a.account FROM accounts AS a JOIN charges AS c ON c.account = a.account AND c.period = 202610"
        " AND c.service = :water WHERE a.building = :house AND a.account <> :key GROUP BY a.account ORDER BY 1"
    )
    for left, told in ((10, "За ней стоит не меньше 10 других счетов"), (9, "меньше десяти других счетов")):
        amend(
            world,
            "UPDATE accounts SET building = NULL WHERE building = :house AND account <> :key"
            f" AND account NOT IN ({others} LIMIT :left)",
            house=house, key=key, water=water, left=left,
        )  # fmt: skip
        shown = (await opened(world, account, WATER)).one("main").text
        assert told in shown
        assert ("Середина по дому" in shown) == (left == 10)


async def test_without_charges_and_without_volumes_there_is_no_zero(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    amend(world, "UPDATE charges SET volume_micro = NULL")
    assert "не называет объёмов" in (await browser.get("/consumption")).text
    amend(world, "DELETE FROM charges")
    amend(world, "DELETE FROM balances")
    assert "ещё не было" in (await browser.get("/consumption")).text
    amend(world, "DELETE FROM dataset_state WHERE dataset = 'charges'")
    text = (await browser.get("/consumption")).text
    assert "ещё не загружены" in text
    assert "0 м³" not in text


async def test_one_month_is_a_year_of_one_month(world: World) -> None:
    amend(world, "DELETE FROM charges WHERE period < 202610")
    amend(world, "DELETE FROM balances WHERE period < 202610")
    page = await opened(world, SUBSCRIBER, WATER, language="en")
    assert len(rows_of(page)) == 1
    assert "nothing to compare with last year" in page.one("main").text


def series_of(volumes: Sequence[int | None]) -> Series:
    months = [next_month(202411, by) for by in range(24)]
    used = {
        month: Used(month, "unknown") if volume is None else Used(month, "metered", volume, ("meter",))
        for month, volume in zip(months, volumes, strict=True)
    }
    return Series("hot_water", "Вода", "m3", frozenset({"carrier"}), used)


@given(st.lists(st.none() | st.integers(-(10**15), 10**15), min_size=24, max_size=24))
def test_bars_stay_within_the_picture_and_keep_their_order(volumes: list[int | None]) -> None:
    drawn = chart(series_of(volumes), MONTHS)
    bars = [(row.now.volume, row.now_bar) for row in drawn.rows] + [
        (row.then.volume, row.then_bar) for row in drawn.rows
    ]
    assert all((volume is None) == (bar is None) for volume, bar in bars)
    widths = []
    for volume, bar in bars:
        if bar is not None and volume is not None:
            x, width = (float(each.removesuffix("%")) for each in bar)
            assert 0 <= x <= 100
            assert 0 <= width <= 100
            assert x + width <= 100.1
            assert (width > 0) == (volume != 0)
            widths.append((abs(volume), width))
    widths.sort()
    assert [width for _, width in widths] == sorted(width for _, width in widths)
    assert drawn.dips == any((volume or 0) < 0 for volume in volumes)


def flats(*volumes: int) -> list[FlatUse]:
    return [FlatUse({"carrier": volume, "heat": 7}, 50_000_000, 2) for volume in volumes]


def test_the_median_is_that_of_the_house_and_the_same_for_all_of_it() -> None:
    own = Used(202610, "metered", 4_000_000, ("meter",))
    series = series_of([1] * 24)
    house = flats(*(each * 1_000_000 for each in range(1, 12)))
    found = beside(series, own, house, 2_000_000)
    assert (found.why, found.mine, found.median, found.others) == (None, 2_000_000, 3_000_000, 10)
    assert beside(series, own, house, 4_000_000).median == found.median
    assert beside(series, own, house[:10], 2_000_000).why == "few"
    assert beside(series, own, None, 2_000_000).why == "no house"
    assert beside(series, own, house, 0).why == "no base"
    nobody = [flat._replace(residents=0) for flat in house[:2]] + house[2:]
    assert beside(series, own, nobody, 2_000_000).why == "few"
    for unlike in (Used(202610, "estimated", 1, ("norm",)), Used(202610, "unknown"), Used(202610, "metered", -1)):
        assert beside(series, unlike, house, 2_000_000).why == "estimated"
    assert beside(series, Used(202610, "metered", 1, ("house_meter",)), house, 2_000_000).why == "shared"


@given(st.integers(0, 10**12))
def test_a_blurred_number_has_two_digits_and_is_near(number: int) -> None:
    shown = blurred(number)
    assert len(str(shown).rstrip("0")) <= 2
    assert abs(shown - number) * 20 <= max(number, 0) + 20


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**9))
def test_halves_go_away_from_zero(numerator: int, denominator: int) -> None:
    rounded = half_up(numerator, denominator)
    assert abs(rounded * denominator - numerator) * 2 <= denominator
    assert half_up(-numerator, denominator) == -rounded
