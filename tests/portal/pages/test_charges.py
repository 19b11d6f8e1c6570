"""What was charged adds up: cells to lines, lines to months, months to the whole; to the kopeck, as it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.supplier.oddities import Oddity
from lk_sync.cache.reader import CacheReader, ChargeLine, Settlement
from lk_sync.records import next_month
from portal.pages.charges.period import MOST_MONTHS, period_of
from portal.pages.charges.statement import Statement, statement
from portal.vocabulary import vocabulary
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import Element, check, kopecks
from tests.portal.world import World

FIRST, LAST = 202511, 202610


async def charges(world: World, account: str, query: str = "", status: int = 200, language: str = "ru") -> Element:
    page = await enter(world, account, language=language).get("/charges" + query)
    assert page.status == status
    return check(page.text)


def cell(row: Element, label: str) -> int:
    """The sum in the cell `label`; an empty cell is nothing."""
    found = [td for td in row.all("td") if td.attributes.get("data-label") == label]
    text = found[0].children[0] if found and found[0].children else ""
    return kopecks(str(text).strip()) if text else 0


def months(page: Element) -> list[tuple[str, list[Element], Element]]:
    """Name, lines and sum row of each month."""
    found = []
    for body in page.one("table", "charges").all("tbody"):
        rows = body.all("tr")
        (name,) = body.all("tr", "month")
        (total,) = body.all("tr", "sum")
        lines = [row for row in rows if row.attributes.get("class") is None]
        found.append((name.text, lines, total))
    return found


def assert_adds_up(page: Element) -> None:
    whole = 0
    for name, lines, total in months(page):
        for row in lines:
            parts = cell(row, "Начислено") + cell(row, "Перерасчёт") + cell(row, "Льгота")
            assert cell(row, "Итого") == parts or row.one("th").text == "Пени", name
        assert sum(cell(row, "Итого") for row in lines) == cell(total, "Итого"), name
        for label in ("Начислено", "Перерасчёт", "Льгота"):
            assert sum(cell(row, label) for row in lines) == cell(total, label), name
        whole += cell(total, "Итого")
    assert kopecks(page.one("section", "whole").one("p", "big").text) == whole


@pytest.mark.parametrize("oddity", sorted(BOOKS, key=str))
async def test_rows_sum_to_the_totals_that_are_shown(world: World, oddity: Oddity) -> None:
    account = NUMBER[oddity]
    page = await charges(world, account, "?from=2023-12&to=2026-10")
    assert_adds_up(page)
    since = BOOKS[oddity]["accounts"][0][6][:7].replace("-", "")
    booked = sum(row[-2] for row in BOOKS[oddity]["charges"] if row[1] >= max(202312, int(since)))
    penalties = sum(row[7] for row in BOOKS[oddity]["balances"] if row[1] >= max(202312, int(since)))
    assert kopecks(page.one("section", "whole").one("p", "big").text) == booked + penalties


async def test_the_latest_twelve_months_are_shown_unless_asked_otherwise(world: World) -> None:
    shown = [name for name, _, _ in months(await charges(world, SUBSCRIBER))]
    assert len(shown) == 12
    assert (shown[0], shown[-1]) == ("октябрь\xa02026", "ноябрь\xa02025")


async def test_a_range_is_chosen_by_two_selects_and_stays_chosen(world: World) -> None:
    page = await charges(world, SUBSCRIBER, "?from=2026-02&to=2026-04")
    assert [name for name, _, _ in months(page)] == ["апрель\xa02026", "март\xa02026", "февраль\xa02026"]
    form = page.one("form", "period")
    chosen = [each.attributes["value"] for each in form.all("option") if "selected" in each.attributes]
    assert chosen == ["2026-02", "2026-04"]
    assert form.attributes["method"] == "get"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?from=2026-13", "Такого месяца нет"),
        ("?from=yesterday&to=2026-10", "Такого месяца нет"),
        ("?from=2026-10&to=2026-01", "Первый месяц позже последнего"),
        ("?from=1900-01&to=2026-10", "не больше 36 месяцев"),
    ],
)
async def test_a_wrong_range_is_explained_and_the_usual_months_are_shown(world: World, query: str, words: str) -> None:
    page = await charges(world, SUBSCRIBER, query, status=400)
    assert words in page.one("p", "error").text
    assert len(months(page)) == 12


async def test_a_line_says_volume_tariff_method_and_reason(world: World) -> None:
    page = await charges(world, NUMBER[Oddity.RECALCULATED], "?from=2023-12&to=2026-10")
    row = next(row for _, lines, _ in months(page) for row in lines if cell(row, "Перерасчёт"))
    cells = {td.attributes["data-label"]: td.text for td in row.all("td") if "data-label" in td.attributes}
    assert cells["Объём"].endswith(("Гкал", "м³"))
    assert cells["Тариф"].endswith("₽")
    assert any(row.one("small").text for row in row.all("th"))
    reasons = {str(line[9]) for line in BOOKS[Oddity.RECALCULATED]["charges"] if line[9]}
    assert any(reason in cells["Перерасчёт"] for reason in reasons)


async def test_volume_times_tariff_is_what_was_charged(world: World) -> None:
    """The demo's books are made so; the page shows enough digits to check it."""
    page = await charges(world, SUBSCRIBER)
    row = months(page)[0][1][0]
    cells = {td.attributes["data-label"]: td.text for td in row.all("td") if "data-label" in td.attributes}
    volume = float(cells["Объём"].split("\xa0")[0].replace(",", "."))
    tariff = kopecks(cells["Тариф"])
    assert round(volume * tariff) == cell(row, "Начислено")


async def test_penalties_are_a_line_of_their_own(world: World) -> None:
    page = await charges(world, NUMBER[Oddity.DEBTOR])
    names = [row.one("th").text for _, lines, _ in months(page) for row in lines]
    assert "Пени" in names


async def test_a_month_tells_how_the_balance_moved(world: World) -> None:
    page = await charges(world, SUBSCRIBER)
    text = page.one("table", "charges").all("tr", "turn")[0].text
    opening, total, paid, closing = (kopecks(part.strip().split(" ")[-1]) for part in text.split("·"))
    assert opening + total - paid == closing


async def test_months_without_charges_are_said_to_be_so(world: World) -> None:
    page = await charges(world, NUMBER[Oddity.OPENED_LATELY], "?from=2024-01&to=2024-02")
    assert "За эти месяцы начислений не было" in page.text
    amend(world, "DELETE FROM charges")
    amend(world, "DELETE FROM balances")
    page = await charges(world, SUBSCRIBER)
    assert "ещё не было" in page.one("main").text
    assert "0,00" not in page.one("main").text


async def test_charges_that_were_never_loaded_are_no_zeros(world: World) -> None:
    for dataset in ("charges", "balances"):
        amend(world, f"DELETE FROM {dataset}")
        amend(world, "DELETE FROM dataset_state WHERE dataset = :dataset", dataset=dataset)
    page = await charges(world, SUBSCRIBER)
    assert "ещё не загружены" in page.one("main").text
    assert "0,00" not in page.one("main").text


# The sums themselves

money = st.integers(-(10**13), 10**13)
volumes = st.none() | st.integers(-(10**12), 10**12)
periods = st.integers(0, 24).map(lambda back: next_month(202610, -back))


@pytest.fixture(scope="module")
def cache(town: object) -> CacheReader:
    return CacheReader(town)  # type: ignore[arg-type]


def state(cache: CacheReader, lines: list[ChargeLine], settlements: list[Settlement]) -> Statement:
    with cache.view() as view:
        return statement(lines, settlements, view=view, vocabulary=vocabulary("ru"))


@given(data=st.data())
def test_any_lines_and_penalties_close(cache: CacheReader, data: st.DataObject) -> None:
    with cache.view() as view:
        services, method = list(view.titles), view.code_id("meter")
    line = st.builds(
        lambda period, service, volume, tariff, charged, recalculated, benefit: (
            period, *service, volume, tariff, method, charged, recalculated, None, benefit,
            charged + recalculated - benefit, None,
        ),
        periods, st.sampled_from(services), volumes, volumes, money, money, money,
    )  # fmt: skip
    lines = data.draw(st.lists(line, max_size=12))
    balances = data.draw(st.lists(st.tuples(periods, st.just(services[0][0]), money, money, money, money), max_size=6))
    stated = state(cache, lines, balances)
    assert stated.whole.total == sum(each[10] for each in lines) + sum(each[3] for each in balances)
    assert sum(month.sums.total for month in stated.months) == stated.whole.total
    shown = [each.total for month in stated.months for each in month.lines]
    assert sum(shown) + sum(month.sums.penalty for month in stated.months) == stated.whole.total
    assert [month.period for month in stated.months] == sorted({row[0] for row in (*lines, *balances)}, reverse=True)


@given(st.text(max_size=9), st.text(max_size=9))
def test_any_range_is_answered(first: str, last: str) -> None:
    period = period_of({"from": first, "to": last}, 202311, 202610)
    assert period.first <= period.last
    assert next_month(period.first, MOST_MONTHS) > period.last
