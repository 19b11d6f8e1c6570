"""Does the demo supplier keep its promises: books that close, the same for a seed, every oddity, little memory?"""

from __future__ import annotations

import re
import tracemalloc
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from auditor import audit, named
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.supplier import Books, Plan, Supplier
from demo.supplier.households import index_of, number
from demo.supplier.money import cost, half_up, share
from lk_sync.records import DATASETS, next_month

TODAY = date(2026, 11, 23)
FIFTY = Plan(seed=1, accounts=50, today=TODAY)


@pytest.fixture(scope="module")
def fifty() -> list[Books]:
    return list(Supplier(FIFTY).every())


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    index=st.one_of(st.integers(0, 60), st.integers(61, 999_999)),
    months=st.integers(1, 60),
    today=st.dates(date(2024, 1, 1), date(2029, 12, 31)),
)
def test_the_books_of_any_account_close_to_the_kopeck(seed: int, index: int, months: int, today: date) -> None:
    plan = Plan(seed=seed, accounts=1_000_000, today=today, months=months)
    audit(plan, Supplier(plan).books(index))


@pytest.mark.parametrize("seed", [1, 2, 20_261_123])
def test_the_books_of_a_whole_supplier_close(seed: int) -> None:
    plan = Plan(seed=seed, accounts=200, today=TODAY)
    for books in Supplier(plan).every():
        audit(plan, books)


def test_ids_are_unique_over_the_whole_supplier() -> None:
    seen: dict[str, set[Any]] = defaultdict(set)
    count: dict[str, int] = defaultdict(int)
    for books in Supplier(Plan(seed=3, accounts=300, today=TODAY)).every():
        for dataset, field in (
            ("accounts", "account"),
            ("accounts", "holder_key"),
            ("accounts", "unified_account"),
            ("bills", "number"),
            ("payments", "payment"),
            ("meters", "meter"),
            ("meters", "serial"),
            ("readings", "reading"),
            ("documents", "document"),
        ):
            position = DATASETS[dataset].columns.index(field)
            seen[field] |= {row[position] for row in books[dataset]}
            count[field] += len(books[dataset])
    assert {field: len(values) for field, values in seen.items()} == dict(count)


def test_the_same_plan_gives_the_same_books_in_any_order() -> None:
    plan = Plan(seed=7, accounts=1_000, today=TODAY)
    alone = Supplier(plan).books(777)
    walked = list(Supplier(plan).every(770, 780))
    assert walked[7] == alone
    assert Supplier(Plan(seed=8, accounts=1_000, today=TODAY)).books(777) != alone


def test_an_account_has_the_same_books_in_a_supplier_of_any_size() -> None:
    small = Supplier(Plan(seed=7, accounts=50, today=TODAY))
    large = Supplier(Plan(seed=7, accounts=1_000_000, today=TODAY))
    assert all(small.books(index) == large.books(index) for index in range(50))


@given(index=st.integers(0, 10_000_000))
def test_an_account_is_found_by_its_number(index: int) -> None:
    assert index_of(number(index)) == index


def test_strangers_are_no_accounts() -> None:
    supplier = Supplier(FIFTY)
    for stranger in ("000012346", "", "АБ-1", "²", "9" * 5_000):
        assert supplier.books_of(stranger) is None
    assert supplier.books_of(number(50)) is None
    assert supplier.books_of(number(49)) is not None


def test_memory_does_not_grow_with_the_number_of_accounts() -> None:
    supplier = Supplier(Plan(seed=5, accounts=1_000_000, today=TODAY))
    for _ in supplier.every(0, 60):
        pass  # whatever is made once is made now
    assert _peak(supplier, 600) < _peak(supplier, 60) + 100_000


def _peak(supplier: Supplier, accounts: int) -> int:
    tracemalloc.start()
    try:
        for _ in supplier.every(100, 100 + accounts):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_books_hold_36_months_up_to_the_last_closed_one(fifty: list[Books]) -> None:
    periods = sorted({line["period"] for line in named("charges", fifty[0]["charges"])})
    assert periods[-1] == 202610
    assert periods[0] == next_month(202610, -35)
    assert len(periods) == 36


def test_tariffs_change_every_july_and_only_then() -> None:
    months = FIFTY.closed_months
    for before, after in pairwise(months):
        rises = after.heat_tariff > before.heat_tariff and after.carrier_tariff > before.carrier_tariff
        assert rises == (after.period % 100 == 7)


def test_heating_is_charged_in_the_season_and_hot_water_all_year(fifty: list[Books]) -> None:
    lines = [line for books in fifty for line in named("charges", books["charges"]) if line["method"] != "other"]
    heating = {line["period"] % 100 for line in lines if line["service"] == "heating"}
    water = {line["period"] % 100 for line in lines if line["service"] == "hot_water"}
    assert heating == {10, 11, 12, 1, 2, 3, 4}
    assert water == set(range(1, 13))
    assert {line["component"] for line in lines if line["service"] == "hot_water"} == {"carrier", "heat"}


def test_words_are_those_of_the_records(fifty: list[Books]) -> None:
    for name, dataset in DATASETS.items():
        rows = [row for books in fifty for row in named(name, books.get(name, []))]
        for field in dataset.fields:
            values = {row[field.name] for row in rows}
            assert not (field.required and None in values)
            assert not field.words or values - {None} <= set(field.words)


ODDITIES: dict[str, Callable[[dict[str, list[dict[str, Any]]]], bool]] = {
    "closed": lambda b: b["accounts"][0]["closed_on"] is not None and b["bills"][-1]["amount_due_kopecks"] == 0,
    "closed with a debt": lambda b: (
        b["accounts"][0]["closed_on"] is not None and b["bills"][-1]["amount_due_kopecks"] > 0
    ),
    "credit balance": lambda b: b["bills"][-1]["amount_due_kopecks"] < 0,
    "zero balance of a living account": lambda b: (
        b["accounts"][0]["closed_on"] is None and b["bills"][-1]["amount_due_kopecks"] == 0
    ),
    "holder changed": lambda b: (
        sum(d["kind"] == "contract" for d in b["documents"]) == 2
        and b["accounts"][0]["holder_since"] > b["accounts"][0]["opened_on"]
    ),
    "opened lately": lambda b: b["accounts"][0]["opened_on"] > "2024-12-31",
    "organisation": lambda b: b["accounts"][0]["holder_kind"] == "organisation",
    "ё": lambda b: "ё" in b["accounts"][0]["holder_name"],
    "apostrophe": lambda b: "'" in b["accounts"][0]["holder_name"],
    "quotes": lambda b: '"' in b["accounts"][0]["holder_name"],
    "comma": lambda b: "," in b["accounts"][0]["holder_name"],
    "semicolon and quotes in an address": lambda b: {";", '"'} <= set(b["accounts"][0]["address"]),
    "long name and address": lambda b: min(len(b["accounts"][0][f]) for f in ("holder_name", "address")) > 100,
    "Latin letter in a Cyrillic word": lambda b: bool(
        re.search(r"[а-яё][a-z]|[A-Z][а-яё]", b["accounts"][0]["holder_name"])
    ),
    "leading zeros": lambda b: b["accounts"][0]["account"].startswith("00"),
    "rollover": lambda b: any(
        before["value_micro"] > after["value_micro"]
        for meter in b["meters"]
        for before, after in pairwise(r for r in b["readings"] if r["meter"] == meter["meter"])
    ),
    "replaced meter": lambda b: any(meter["removed_on"] for meter in b["meters"]),
    "two meters": lambda b: len([meter for meter in b["meters"] if not meter["removed_on"]]) == 2,
    "expired verification": lambda b: any(m["verification_due_on"] < "2026-11-23" for m in b["meters"]),
    "automatic meter": lambda b: any(meter["automatic"] for meter in b["meters"]),
    "no meter": lambda b: not b["meters"] and any(c["service"] == "hot_water" for c in b["charges"]),
    "heating only": lambda b: {c["service"] for c in b["charges"]} == {"heating"},
    "nobody lives there": lambda b: b["accounts"][0]["residents"] == 0,
    "benefit": lambda b: any(line["benefit_kopecks"] for line in b["charges"]),
    "recalculated downwards": lambda b: any(line["recalculated_kopecks"] < 0 for line in b["charges"]),
    "recalculated upwards": lambda b: any(line["recalculated_kopecks"] > 0 for line in b["charges"]),
    "yearly adjustment": lambda b: any(line["method"] == "other" for line in b["charges"]),
    "penalty": lambda b: any(row["penalty_kopecks"] for row in b["balances"]),
    "house meter": lambda b: any(line["method"] == "house_meter" for line in b["charges"]),
    "norm": lambda b: any(line["service"] == "heating" and line["method"] == "norm" for line in b["charges"]),
    "average": lambda b: any(line["method"] == "average" for line in b["charges"]),
    "inspector": lambda b: any(reading["source"] == "inspector" for reading in b["readings"]),
    "calculated reading": lambda b: any(reading["source"] == "calculated" for reading in b["readings"]),
    "payment reversed": lambda b: any(payment["amount_kopecks"] < 0 for payment in b["payments"]),
    "payment of the open month": lambda b: any(payment["period"] == 202611 for payment in b["payments"]),
    "reading of the open month": lambda b: any(reading["period"] == 202611 for reading in b["readings"]),
    "bill withdrawn": lambda b: any(bill["state"] == "withdrawn" for bill in b["bills"]),
}


@pytest.mark.parametrize("seed", [1, 99, 20_261_123])
def test_every_oddity_lives_among_fifty_accounts(seed: int) -> None:
    supplier = Supplier(Plan(seed=seed, accounts=50, today=TODAY))
    everyone = [{name: named(name, rows) for name, rows in books.items()} for books in supplier.every()]
    assert [name for name, is_odd in ODDITIES.items() if not any(map(is_odd, everyone))] == []


def test_one_account_number_is_anothers_without_its_zeros(fifty: list[Books]) -> None:
    numbers = [books["accounts"][0][0] for books in fifty]
    assert len(set(numbers)) == len(numbers)
    assert len({number.lstrip("0") for number in numbers}) == len(numbers) - 1


def test_payments_come_through_several_channels(fifty: list[Books]) -> None:
    assert len({payment["channel"] for books in fifty for payment in named("payments", books["payments"])}) >= 4


@pytest.mark.parametrize(("numerator", "expected"), [(5, 1), (4, 0), (-5, -1), (-4, 0), (15, 2), (-15, -2), (0, 0)])
def test_halves_are_rounded_away_from_zero(numerator: int, expected: int) -> None:
    assert half_up(numerator, 10) == expected


def test_a_volume_costs_what_the_calculator_says() -> None:
    assert cost(1_560_000, 1_800_000_000) == 280_800  # 78 m² × 0.02 Gcal/m² × 1800 rubles
    assert share(12_345, 50, 100) == 6_173


def test_houses_take_what_their_accounts_are_charged_for() -> None:
    supplier = Supplier(Plan(seed=3, accounts=80, today=TODAY))
    common = {name: named(name, rows) for name, rows in supplier.common().items()}
    taken = {(row["building"], row["period"]): row for row in common["building_months"]}
    shares: dict[tuple[str, int], int] = defaultdict(int)
    areas: dict[str, int] = defaultdict(int)
    for books in supplier.every():
        (account,) = named("accounts", books["accounts"])
        areas[account["building"]] += account["area_micro"]
        for line in named("charges", books["charges"]):
            if line["method"] == "house_meter":
                month = taken[account["building"], line["period"]]
                share = month["volume_micro"] * account["area_micro"] / month["area_micro"]
                assert abs(share - line["volume_micro"]) <= 100  # a bill has four digits of a Gcal
                shares[account["building"], line["period"]] += line["volume_micro"]
    assert {row["building"]: row["area_micro"] for row in common["buildings"]} == dict(areas)
    assert shares


def test_a_tariff_follows_the_one_before_it_and_is_what_lines_were_charged_by() -> None:
    supplier = Supplier(Plan(seed=3, accounts=10, today=TODAY))
    tariffs = named("tariffs", supplier.common()["tariffs"])
    for books in supplier.every():
        for line in named("charges", books["charges"]):
            day = f"{line['period'] // 100}-{line['period'] % 100:02d}-15"
            (held,) = [
                row["tariff_micro"]
                for row in tariffs
                if (row["service"], row["component"]) == (line["service"], line["component"])
                and row["since"] <= day <= (row["until"] or day)
            ]
            assert line["tariff_micro"] in (held, None)
