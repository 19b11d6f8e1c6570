"""Every line of charges is computed anew from what is published; what differs is marked, and so is what lacks one."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from demo.supplier import money
from demo.supplier.oddities import Oddity
from lk_sync.cache.grounds import FullCharge, HouseVolume
from lk_sync.cache.premises import PriceRow
from portal.pages.check.handlers import choice_of
from portal.pages.check.inputs import Inputs, Metered, Step, in_force
from portal.pages.check.recompute import Checked, check
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import Element
from tests.portal.pages.elements import check as well_formed
from tests.portal.world import World

MONTH = 202610
MICRO = 1_000_000
DECIMALS = {"Gcal": 4, "m3": 3}
TARIFF = 3_117_600_000
ENERGY, WATER = ("heating", "energy"), ("hot_water", "carrier")


def published(**known: Any) -> Inputs:
    """Inputs of which nothing is known but what is given."""
    nothing: dict[str, Any] = {
        "area_micro": None, "residents": None, "norms": {}, "tariffs": {}, "house": {}, "steps": {},
        "metered": frozenset(),
    }  # fmt: skip
    return Inputs(**nothing | known)


def norm(component: tuple[str, str], norm_micro: int, per: str, since: str = "2020-01-01") -> PriceRow:
    return PriceRow(*component, since, None, norm_micro, per, None)


def tariff(
    component: tuple[str, str], tariff_micro: int, since: str = "2020-01-01", until: str | None = None
) -> PriceRow:
    return PriceRow(*component, since, until, tariff_micro, None, "Приказ № 1")


def line(
    component: tuple[str, str],
    volume: int | None,
    tariff_micro: int | None = TARIFF,
    method: str = "norm",
    **other: Any,
) -> FullCharge:
    """A line as the supplier of the demo makes it."""
    charged = money.cost(volume or 0, tariff_micro or 0)
    cells = {"charged_kopecks": charged, "total_kopecks": charged, "recalculated_kopecks": 0, "benefit_kopecks": 0}
    return FullCharge(
        MONTH,
        *component,
        volume,
        tariff_micro,
        method,
        recalculation_reason=None,
        **cells | other,  # type: ignore[arg-type]
    )


def found(checked: FullCharge, inputs: Inputs, unit: str = "Gcal", water: FullCharge | None = None) -> dict[str, str]:
    """Question → outcome, and `all` of them."""
    answers: Checked = check(checked, inputs, unit=unit, water=water, decimals=DECIMALS)
    return {answer.question: answer.verdict for answer in answers.answers} | {"all": answers.verdict}


areas = st.integers(1, 5_000).map(lambda tenths: tenths * 100_000)
rates = st.integers(1, 100_000)
tariffs = st.integers(10_000_000, 10**10).map(lambda micro: micro // 10_000 * 10_000)


@given(areas, rates, tariffs)
def test_heating_by_the_norm_is_area_by_norm_by_tariff(area: int, rate: int, price: int) -> None:
    volume = money.gcal(area, rate)
    inputs = published(
        area_micro=area, norms={ENERGY: [norm(ENERGY, rate, "m2")]}, tariffs={ENERGY: [tariff(ENERGY, price)]}
    )
    honest = line(ENERGY, volume, price)
    assert found(honest, inputs) == dict.fromkeys(("volume", "tariff", "charged", "total", "all"), "same")
    more = line(ENERGY, volume + 300, price)
    assert found(more, inputs)["volume"] == "differs"
    assert found(more, inputs)["all"] == "differs"
    dearer = honest._replace(charged_kopecks=honest.charged_kopecks + 50 * price // 10**10 + 2)
    assert found(dearer, inputs)["charged"] == "differs"
    assert found(dearer, inputs)["total"] == "differs"


@given(st.integers(0, 9), tariffs)
def test_water_by_the_norm_is_residents_by_norm(residents: int, price: int) -> None:
    inputs = published(residents=residents, norms={WATER: [norm(WATER, 3_040_000, "person")]})
    assert found(line(WATER, residents * 3_040_000, price), inputs, "m3")["volume"] == "same"
    assert found(line(WATER, residents * 3_040_000 + 2_000, price), inputs, "m3")["volume"] == "differs"


@given(areas, areas, st.integers(0, 10**12))
def test_heat_of_the_house_is_shared_by_area(area: int, rest: int, volume: int) -> None:
    house = {(MONTH, "heating"): HouseVolume(MONTH, "heating", volume, area + rest)}
    share = money.half_up(volume * area, (area + rest) * 100) * 100
    checked = line(ENERGY, share, method="house_meter")
    assert found(checked, published(area_micro=area, house=house))["volume"] == "same"
    assert (
        found(checked._replace(volume_micro=share + 300), published(area_micro=area, house=house))["volume"]
        == "differs"
    )


@given(st.integers(0, 10**12), st.integers(0, 10**9))
def test_water_by_the_meter_is_the_difference_of_its_readings(was: int, used: int) -> None:
    steps = {(MONTH, "hot_water"): Metered([Step("1", was, was + used, False)], whole=True, calculated=False)}
    checked = line(WATER, used, method="meter")
    assert found(checked, published(steps=steps), "m3")["volume"] == "same"
    off = checked._replace(volume_micro=used + 3_000)
    assert found(off, published(steps=steps), "m3")["volume"] == "differs"


def test_heat_of_water_is_its_volume_by_the_norm_of_warming() -> None:
    heat = ("hot_water", "heat")
    water = line(WATER, 4_300_000, method="meter")
    checked = line(heat, money.gcal(4_300_000, 60_300), method="meter", norm_micro=60_300)
    assert found(checked, published(), water=water)["volume"] == "same"
    inputs = published(norms={heat: [norm(heat, 60_300, "m3")]})
    assert found(checked._replace(norm_micro=None), inputs, water=water)["volume"] == "same"


def test_a_raising_factor_raises_the_norm() -> None:
    inputs = published(residents=2)
    checked = line(WATER, 9_120_000, norm_micro=3_040_000, uplift_micro=1_500_000)
    assert found(checked, inputs, "m3")["volume"] == "same"


@pytest.mark.parametrize(
    ("checked", "missing"),
    [
        (line(ENERGY, 1_000_000), ("area", "norm")),
        (line(ENERGY, 1_000_000, norm_micro=20_300), ("area",)),
        (line(WATER, 1_000_000), ("residents", "norm")),
        (line(ENERGY, 1_000_000, method="house_meter"), ("house_volume", "house_area", "area")),
        (line(WATER, 1_000_000, method="meter"), ("readings",)),
        (line(WATER, 1_000_000, method="average"), ("average",)),
        (line(ENERGY, 1_000_000, method="one_twelfth"), ("way",)),
        (line(ENERGY, None, charged_kopecks=100, total_kopecks=100), ("volume",)),
    ],
)
def test_what_cannot_be_recomputed_says_which_input_is_missing(checked: FullCharge, missing: tuple[str, ...]) -> None:
    unit = "m3" if checked.service == "hot_water" else "Gcal"
    answers = check(checked, published(), unit=unit, water=None, decimals=DECIMALS)
    volume = answers.answer("volume")
    assert volume is not None
    assert (volume.verdict, volume.missing) == ("unknown", missing)
    assert "set_tariff" in answers.missing
    assert answers.verdict == ("unknown" if checked.volume_micro is None else "partly")


def test_readings_that_gathered_over_months_are_no_disagreement() -> None:
    steps = {(MONTH, "hot_water"): Metered([Step("1", 0, 9_000_000, False)], whole=False, calculated=False)}
    answers = check(
        line(WATER, 3_000_000, method="meter"), published(steps=steps), unit="m3", water=None, decimals=DECIMALS
    )
    assert "months" in answers.missing
    assert answers.verdict == "partly"


def test_a_sum_that_differs_by_the_rounding_of_its_volume_is_within_rounding() -> None:
    checked = line(ENERGY, 500_000)
    limit = 50 * TARIFF // 10**10 + 1
    for off, verdict in ((limit, "rounding"), (-limit, "rounding"), (limit + 1, "differs")):
        assert found(checked._replace(charged_kopecks=checked.charged_kopecks + off), published())["charged"] == verdict
    exact = checked._replace(volume_micro=500_001, charged_kopecks=money.cost(500_001, TARIFF) + 2)
    assert found(exact, published())["charged"] == "differs", "a volume of six decimals was not rounded to four"


def test_a_tariff_that_was_not_set_differs() -> None:
    inputs = published(tariffs={ENERGY: [tariff(ENERGY, TARIFF + 10_000)]})
    assert found(line(ENERGY, 500_000), inputs)["tariff"] == "differs"


def test_in_a_month_in_which_a_tariff_changes_both_are_right() -> None:
    rows = [tariff(ENERGY, 1, "2020-01-01"), tariff(ENERGY, 2, "2026-10-15"), tariff(ENERGY, 3, "2026-11-01")]
    assert [each.micro for each in in_force(rows, 202610)] == [2, 1]
    assert [each.micro for each in in_force(rows, 202609)] == [1]
    assert [each.micro for each in in_force(rows, 202611)] == [3]
    ended = [tariff(ENERGY, 1, "2020-01-01", "2026-09-30")]
    assert in_force(ended, 202610) == []


def test_a_line_that_only_recalculates_cannot_be_checked() -> None:
    adjustment = line(ENERGY, None, None, "other", recalculated_kopecks=-500, total_kopecks=-500)
    assert found(adjustment, published()) == {"charged": "unknown", "total": "same", "all": "unknown"}


@given(st.dictionaries(st.sampled_from(["month", "months"]), st.text(max_size=8)))
def test_any_month_is_answered(query: dict[str, str]) -> None:
    choice = choice_of(query, 202311, 202610)
    assert 202311 <= choice.first <= choice.month <= 202610


# The page


async def page_of(world: World, account: str, query: str = "", status: int = 200, language: str = "ru") -> Element:
    page = await enter(world, account, language=language).get("/charges/check" + query)
    assert page.status == status
    return well_formed(page.text)


async def test_an_honest_month_agrees_and_names_formula_and_clause(world: World) -> None:
    page = await page_of(world, SUBSCRIBER)
    text = page.one("main").text
    assert not page.all("span", "differs")
    assert "ориентировочн" in text
    assert "Правила № 354, п. 42(1), формулы 3, 3(1), 3(2) приложения 2" in text
    assert "Правила № 354, п. 38" in text
    last = BOOKS[Oddity.ORDINARY]["charges"][-1]
    assert f"{last[7] // 100:,}".replace(",", "\xa0") in text.partition("× 3\xa0117,60\xa0₽ = ")[2]


async def test_no_line_of_the_honest_books_disagrees_and_nearly_all_are_checked_whole(world: World) -> None:
    """The demo's supplier counts by the rules; what cannot be checked is an adjustment or what was gathered."""
    agree = others = 0
    for oddity in sorted(BOOKS, key=str):
        browser = enter(world, NUMBER[oddity])
        for month in ("2026-10", "2025-10", "2024-10"):
            answer = await browser.get(f"/charges/check?months=12&month={month}")
            if answer.status != 200:
                continue
            page = well_formed(answer.text)
            assert not page.all("span", "differs"), (oddity, month)
            for row in page.one("table", "year-of-checks").one("tbody").all("tr"):
                counts = [int(td.text or 0) for td in row.all("td")[:3]]
                agree += counts[0]
                others += sum(counts[1:])
    assert agree > 20 * others > 0


async def test_a_disagreement_is_marked_by_shape_and_words_and_says_what_to_do(world: World) -> None:
    amend(world, "UPDATE charges SET charged_kopecks = charged_kopecks + 5000, total_kopecks = total_kopecks + 5000")
    page = await page_of(world, NUMBER[Oddity.HEATING_ONLY])
    marks = {each.text for each in page.all("span", "differs")}
    assert marks == {"✗ не сходится"}
    text = page.one("main").text
    assert "не всё сходится" in text
    assert "+50,00\xa0₽" in text
    assert "Спросите поставщика" in text


async def test_a_year_is_a_table_of_months_that_leads_to_each(world: World) -> None:
    amend(
        world,
        "UPDATE charges SET charged_kopecks = charged_kopecks + 5000, total_kopecks = total_kopecks + 5000"
        " WHERE period = 202602",
    )
    page = await page_of(world, NUMBER[Oddity.HEATING_ONLY], "?months=12")
    rows = {row.one("th").text: row for row in page.one("table", "year-of-checks").one("tbody").all("tr")}
    assert next(iter(rows)) == "октябрь\xa02026"
    assert [name for name, row in rows.items() if row.all("span", "differs")] == ["февраль\xa02026"]
    link = rows["февраль\xa02026"].one("a").attributes["href"]
    assert link == "/charges/check?month=2026-02"
    assert "не всё сходится" in (await page_of(world, NUMBER[Oddity.HEATING_ONLY], "?month=2026-02")).one("main").text


@pytest.mark.parametrize(
    ("query", "words"), [("?month=2026-13", "Такого месяца нет"), ("?month=1999-10", "начислений нет")]
)
async def test_a_wrong_month_is_explained(world: World, query: str, words: str) -> None:
    page = await page_of(world, SUBSCRIBER, query, status=400)
    assert words in page.one("p", "error").text
    assert (await enter(world, SUBSCRIBER).get("/charges/check.xlsx" + query)).status == 400


async def test_without_charges_there_is_nothing_to_check(world: World) -> None:
    amend(world, "DELETE FROM charges")
    assert "не было" in (await page_of(world, SUBSCRIBER)).one("main").text
    amend(world, "DELETE FROM balances")
    assert "ещё не было" in (await page_of(world, SUBSCRIBER)).one("main").text
    assert (await enter(world, SUBSCRIBER).get("/charges/check.xlsx")).location == "/charges/check"


async def test_it_speaks_english(world: World) -> None:
    page = await page_of(world, SUBSCRIBER, language="en")
    assert "Rules No. 354, clause 42(1), formulas 3, 3(1), 3(2) of annex 2" in page.one("main").text


# The workbook

REFERENCE = re.compile(r"([A-Z])(\d+)")
RANGE = re.compile(r"SUM\(([A-Z])(\d+):\1(\d+)\)")


class Evaluated:
    """A sheet whose formulas are computed as a spreadsheet would, in decimals."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self._known: dict[str, Any] = {}

    def __call__(self, letter: str, row: int) -> Any:
        name = f"{letter}{row}"
        if name not in self._known:
            value = self.page[name].value
            if isinstance(value, str) and value.startswith("=") and self.page[name].data_type == "f":
                value = self._computed(value[1:])
            self._known[name] = Decimal(str(value)) if isinstance(value, int | float) else value
        return self._known[name]

    def _computed(self, formula: str) -> Any:
        formula = RANGE.sub(
            lambda m: f"SUM({','.join(f'{m[1]}{row}' for row in range(int(m[2]), int(m[3]) + 1))})", formula
        )
        code = REFERENCE.sub(lambda m: f"cell('{m[1]}', {m[2]})", formula)
        return eval(code, {"__builtins__": {}}, {  # noqa: S307 - of formulas that the test's own product has written
            "cell": lambda letter, row: self(letter, row) or Decimal(0),
            "ROUND": lambda value, digits: value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP),
            "ABS": abs,
            "SUM": lambda *values: sum(value for value in values if isinstance(value, Decimal)),
            "IF": lambda condition, yes, no: yes if condition else no,
        })  # fmt: skip

    def rows(self) -> Iterator[int]:
        return iter(range(2, self.page.max_row))


async def workbook(world: World, oddity: Oddity, query: str = "?months=12") -> Evaluated:
    page = await enter(world, NUMBER[oddity]).get("/charges/check.xlsx" + query)
    assert page.status == 200
    assert NUMBER[oddity] in page.headers["Content-Disposition"]
    return Evaluated(load_workbook(io.BytesIO(page.body)).active)


@pytest.mark.parametrize(
    "oddity", [Oddity.ORDINARY, Oddity.TWO_METERS, Oddity.NO_METER, Oddity.BENEFIT, Oddity.RECALCULATED]
)
async def test_formulas_of_the_workbook_come_to_the_suppliers_figures(world: World, oddity: Oddity) -> None:
    sheet = await workbook(world, oddity)
    seen = {(row[1], row[2], row[3]): row for row in BOOKS[oddity]["charges"] if row[1] > 202510}
    charged = volumes = 0
    for row in sheet.rows():
        if sheet("P", row) is not None:
            assert sheet("P", row) == sheet("Q", row)
            assert sheet("T", row) == "сходится"
            charged += 1
        if sheet("L", row) is not None:
            assert sheet("N", row) == 0, (row, sheet("L", row), sheet("M", row))
            volumes += 1
        assert sheet("W", row) == sheet("X", row)
    assert charged + (sheet.page.max_row - 2 - charged) == len(seen)
    assert volumes
    last = sheet.page.max_row
    assert sheet("X", last) * 100 == sum(row[11] for row in seen.values())


async def test_formulas_follow_what_is_put_into_the_cells(world: World) -> None:
    sheet = await workbook(world, Oddity.ORDINARY, "?month=2026-10")
    row = next(row for row in sheet.rows() if sheet("J", row) is not None)
    sheet.page[f"J{row}"].value += 1
    again = Evaluated(sheet.page)
    assert again("N", row) == -1
    sheet.page[f"M{row}"].value += 1
    assert Evaluated(sheet.page)("T", row) == "не сходится"


async def test_nothing_of_the_accounting_system_becomes_a_formula(world: World) -> None:
    amend(world, "UPDATE services SET title = '=cmd|calc!A' || position")
    amend(world, "UPDATE meters SET serial = '=1+1'")
    sheet = await workbook(world, Oddity.ORDINARY)
    formulas = {cell.value for row in sheet.page.iter_rows() for cell in row if cell.data_type == "f"}
    assert formulas
    assert not [formula for formula in formulas if "cmd" in formula or formula == "=1+1"]
