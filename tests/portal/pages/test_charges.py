"""What was charged adds up: cells to lines, lines to months, months to the whole; to the kopeck, as it is shown."""

from __future__ import annotations

import csv
import gzip
import io
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from demo.supplier.oddities import Oddity
from lk_sync.cache.reader import CacheReader, ChargeLine, Settlement
from lk_sync.cache.schema import columns
from lk_sync.records import DATASETS, next_month
from portal.pages.charges.period import MONTHS_OF_A_PART, choices, period_of
from portal.pages.charges.statement import Statement, statement
from portal.vocabulary import vocabulary
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import Element, check, kopecks
from tests.portal.world import Page, World

FIRST, LAST = 202511, 202610
AUTUMN_TO_WINTER = (
    "октябрь", "сентябрь", "август", "июль", "июнь", "май", "апрель", "март", "февраль", "январь",
)  # fmt: skip


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
    booked = sum(row[11] for row in BOOKS[oddity]["charges"] if row[1] >= max(202312, int(since)))
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
        ("?until=soon", "Такого месяца нет"),
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
    text = page.one("table", "charges").all("tr", "turn")[0].one("span").text
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


# Periods


def links(page: Element) -> dict[str, str]:
    return {each.text: each.attributes["href"] for each in page.one("main").all("a")}


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("Месяц", ["октябрь\xa02026"]),
        ("Квартал", ["октябрь\xa02026"]),
        (
            "Год",
            [f"{month}\xa02026" for month in AUTUMN_TO_WINTER],
        ),
    ],
)
async def test_a_month_a_quarter_and_a_year_are_one_press_away(world: World, name: str, names: list[str]) -> None:
    page = await charges(world, SUBSCRIBER)
    chosen = await charges(world, SUBSCRIBER, links(page)[name].removeprefix("/charges"))
    assert [month for month, _, _ in months(chosen)] == names
    assert [each.text for each in chosen.all("a") if each.attributes.get("aria-current") == "true"] == [name]


async def test_one_walks_from_quarter_to_quarter(world: World) -> None:
    page = await charges(world, SUBSCRIBER, "?from=2026-07&to=2026-09")
    assert links(page)["Раньше"] == "/charges?from=2026-04&to=2026-06"
    assert links(page)["Позже"] == "/charges?from=2026-10&to=2026-12"
    assert "Позже" not in links(await charges(world, SUBSCRIBER, "?from=2026-10&to=2026-12"))


async def test_services_sum_up_to_the_period(world: World) -> None:
    page = await charges(world, NUMBER[Oddity.RECALCULATED])
    *rows, whole = page.one("table", "services").one("tbody").all("tr")
    assert cell(whole, "Итого") == sum(cell(row, "Итого") for row in rows)
    assert cell(whole, "Перерасчёт") == sum(cell(row, "Перерасчёт") for row in rows) != 0
    assert cell(whole, "Итого") == kopecks(page.one("section", "whole").one("p", "big").text)


async def test_many_years_come_in_parts_that_are_light_and_hold_every_month_once(world: World) -> None:
    key = world.cache.account_key(SUBSCRIBER)
    for years in (3, 6):
        _repeat_earlier(world, "charges", years, key)
        _repeat_earlier(world, "balances", years, key)
    page = await charges(world, SUBSCRIBER)
    href = links(page)["Всё время"]
    names: list[str] = []
    totals = set()
    while href:
        answer = await enter(world, SUBSCRIBER).get(href)
        page = check(answer.text)
        assert len(gzip.compress(answer.body, 6)) < 12_000
        names += [name for name, _, _ in months(page)]
        totals.add(page.one("section", "whole").text)
        href = links(page).get("Раньше", "")
    assert len(names) == len({*names}) == 108
    assert len(totals) == 1
    booked = sum(row[11] for row in BOOKS[Oddity.ORDINARY]["charges"])
    penalties = sum(row[7] for row in BOOKS[Oddity.ORDINARY]["balances"])
    assert kopecks(page.one("section", "whole").one("p", "big").text) == 3 * (booked + penalties)
    assert "К началу списка" in links(page)


def _repeat_earlier(world: World, table: str, years: int, key: int | None) -> None:
    names = ", ".join(name for name in columns(DATASETS[table]) if name != "period")
    amend(
        world,
        f"INSERT INTO {table} (period, {names}) SELECT period - :back, {names} FROM {table}"
        " WHERE account = :key AND period > 202310",
        back=years * 100,
        key=key,
    )


async def test_a_month_of_very_many_lines_is_a_part_of_its_own(world: World) -> None:
    key = world.cache.account_key(SUBSCRIBER)
    amend(world, "DELETE FROM charges WHERE account = :key AND period < 202609", key=key)
    names = ", ".join(name for name in columns(DATASETS["charges"]) if name != "component")
    for number in range(900_000, 900_300):
        amend(world, "INSERT INTO codes VALUES (:number, 'c' || :number)", number=number)
        amend(
            world,
            f"INSERT INTO charges (component, {names}) SELECT :number, {names} FROM charges"
            " WHERE account = :key AND period = 202609 AND component < 900000 LIMIT 1",
            number=number,
            key=key,
        )
    page = await charges(world, SUBSCRIBER, "?from=2026-09&to=2026-10")
    assert [name for name, _, _ in months(page)] == ["октябрь\xa02026"]
    page = await charges(world, SUBSCRIBER, links(page)["Раньше"].removeprefix("/charges"))
    ((name, lines, _),) = months(page)
    assert (name, len(lines) > 300) == ("сентябрь\xa02026", True)


# Figures of the supplier that do not add up


async def test_figures_that_do_not_add_up_are_said_to_be_so(world: World) -> None:
    assert not (await charges(world, SUBSCRIBER)).all("span", "fault")
    key = world.cache.account_key(SUBSCRIBER)
    spoil = (
        "UPDATE balances SET {} WHERE account = :key AND period = :period"
        " AND service = (SELECT MIN(service) FROM balances WHERE account = :key)"
    )
    amend(world, spoil.format("closing_kopecks = closing_kopecks + 150"), key=key, period=202608)
    amend(world, "DELETE FROM balances WHERE account = :key AND period = 202606", key=key)
    amend(
        world,
        "UPDATE charges SET total_kopecks = total_kopecks - 7 WHERE account = :key AND period = 202605 AND component ="
        " (SELECT MAX(component) FROM charges WHERE account = :key)",
        key=key,
    )
    page = await charges(world, SUBSCRIBER)
    found = {
        body.one("tr", "month").text: [each.text for each in body.all("span", "fault")]
        for body in page.one("table", "charges").all("tbody")
        if body.all("span", "fault")
    }
    assert found.keys() == {"сентябрь\xa02026", "август\xa02026", "июнь\xa02026", "май\xa02026"}
    assert "на начало месяца отличается" in found["сентябрь\xa02026"][0]
    assert "−1,50\xa0₽" in found["сентябрь\xa02026"][0]
    assert "сальдо на конец отличается" in found["август\xa02026"][0]
    assert "1,50\xa0₽" in found["август\xa02026"][0]
    assert found["июнь\xa02026"] == ["Сальдо за этот месяц поставщик не прислал."]
    assert "−0,07\xa0₽" in found["май\xa02026"][0]


# Files


async def file(world: World, path: str, account: str = SUBSCRIBER, language: str = "ru") -> Page:
    page = await enter(world, account, language=language).get(path)
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-store"
    return page


def on_screen(page: Element) -> list[list[str]]:
    """What the files must hold of each line: charged, recalculated, benefit, total; of each month its sum as well."""
    rows = []
    for _, lines, total in months(page):
        rows += [[str(cell(row, label)) for label in ("Начислено", "Перерасчёт", "Льгота", "Итого")] for row in lines]
        rows.append([str(cell(total, label)) for label in ("Начислено", "Перерасчёт", "Льгота", "Итого")])
    return rows


def in_kopecks(value: Any) -> str:
    return str(int(Decimal(str(value).replace(",", ".")) * 100)) if value not in (None, "") else "0"


@pytest.mark.parametrize("oddity", [Oddity.RECALCULATED, Oddity.BENEFIT, Oddity.DEBTOR, Oddity.CREDIT])
async def test_files_hold_exactly_what_is_on_the_screen(world: World, oddity: Oddity) -> None:
    account, query = NUMBER[oddity], "?from=2025-03&to=2026-10"
    shown = on_screen(await charges(world, account, query))
    text = (await file(world, "/charges.csv" + query, account)).text.removeprefix("\ufeff")
    head, *rows, whole = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    assert [[in_kopecks(row[at]) for at in (6, 7, 9, 10)] for row in rows] == shown
    assert whole[1] == "Всего за период"
    book = load_workbook(io.BytesIO((await file(world, "/charges.xlsx" + query, account)).body))
    lines, services = book.worksheets
    titles, *cells, _ = lines.iter_rows(values_only=True)
    assert list(titles) == head
    assert [[in_kopecks(row[at]) for at in (6, 7, 9, 10)] for row in cells] == shown
    *of_services, last = services.iter_rows(min_row=2, values_only=True)
    assert sum(Decimal(str(row[-1])) for row in of_services) == Decimal(str(last[-1]))
    assert in_kopecks(last[-1]) == in_kopecks(whole[10])


async def test_a_file_is_named_by_account_and_months(world: World) -> None:
    page = await file(world, "/charges.xlsx?from=2026-02&to=2026-04")
    assert f'filename="charges_{SUBSCRIBER}_2026-02_2026-04.xlsx"' in page.headers["Content-Disposition"]
    page = await file(world, "/charges.csv?from=2026-02&to=2026-02")
    assert unquote(page.headers["Content-Disposition"]).endswith(f"charges_{SUBSCRIBER}_2026-02.csv")
    assert page.headers["Content-Type"] == "text/csv; charset=utf-8"


async def test_the_links_on_the_page_lead_to_the_files_of_what_it_shows(world: World) -> None:
    page = await charges(world, SUBSCRIBER, "?from=2026-02&to=2026-04")
    assert links(page)["XLSX"] == "/charges.xlsx?from=2026-02&to=2026-04"
    text = (await file(world, links(page)["CSV"])).text
    assert {row.split(";")[0] for row in text.splitlines()[1:-1]} == {"февраль 2026", "март 2026", "апрель 2026"}


async def test_a_file_of_nothing_leads_back_to_the_page_that_says_so(world: World) -> None:
    amend(world, "DELETE FROM charges")
    amend(world, "DELETE FROM balances")
    for path in ("/charges.xlsx", "/charges.csv"):
        assert (await enter(world, SUBSCRIBER).get(path)).location == "/charges"


async def test_a_file_of_wrong_months_is_refused(world: World) -> None:
    for path in ("/charges.xlsx", "/charges.csv"):
        assert (await enter(world, SUBSCRIBER).get(path + "?from=2026-13")).status == 400


async def test_what_the_accounting_system_wrote_is_not_executed(world: World) -> None:
    amend(world, "UPDATE services SET title = '=cmd|calc!A' || position")
    text = (await file(world, "/charges.csv")).text
    assert "'=cmd" in text
    assert ";=cmd" not in text
    book = load_workbook(io.BytesIO((await file(world, "/charges.xlsx")).body))
    kinds = {cell.data_type for page in book.worksheets for row in page.iter_rows() for cell in row}
    assert kinds == {"s", "n"}


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


years = st.integers(0, 9999)
any_month = st.builds(lambda year, month: f"{year:04d}-{month:02d}", years, st.integers(1, 12))


@given(any_month, any_month, any_month)
def test_any_months_are_answered_by_a_part_of_them_that_is_no_longer_than_a_page(
    first: str, last: str, until: str
) -> None:
    period = period_of({"from": first, "to": last, "until": until}, 202311, 202610)
    assert period.error is None or first > last
    assert period.first <= period.begins <= period.until <= period.last
    assert next_month(period.begins, MONTHS_OF_A_PART) > period.until
    found = choices(period)
    assert [each.span for each in found.all if each.chosen] == ([] if found.span == "range" else [found.span])
