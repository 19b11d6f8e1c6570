"""Auditor: do the books of an account close? Every rule that the demo supplier promises, checked on its rows."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from itertools import pairwise
from typing import Any

from demo.supplier import Books, Plan
from lk_sync.records import DATASETS, next_month

Named = dict[str, Any]
BY_GENERATOR = re.compile(r"\d{7}-\d{4}")
ROLLOVER = 100_000_000_000  # five digits before the point, in millionths


def named(dataset: str, rows: list[tuple[Any, ...]]) -> list[Named]:
    return [dict(zip((*DATASETS[dataset].columns, "changed"), row, strict=True)) for row in rows]


def audit(plan: Plan, books: Books) -> None:
    """Raise AssertionError at the first rule that is broken."""
    datasets = {name: named(name, rows) for name, rows in books.items()}
    (account,) = datasets["accounts"]
    for name, rows in datasets.items():
        keys = [tuple(row[part] for part in DATASETS[name].key) for row in rows]
        assert len(keys) == len(set(keys)), f"{name}: a key repeats"
        assert all(row["account"] == account["account"] for row in rows)
        assert all(row["changed"][:10] <= plan.today.isoformat() for row in rows), f"{name}: changed in the future"
        assert all(isinstance(row[f], int) for row in rows for f in DATASETS[name].totals), f"{name}: money not exact"
    lines_add_up(datasets["charges"])
    balances_close(datasets["balances"])
    balances_agree_with_lines(datasets["balances"], datasets["charges"])
    payments_agree(plan, datasets["balances"], datasets["payments"])
    allocations_agree(datasets["allocations"], datasets["payments"])
    bills_agree(datasets["bills"], datasets["balances"])
    readings_agree(datasets["charges"], datasets["readings"], datasets["meters"])


def lines_add_up(charges: list[Named]) -> None:
    for line in charges:
        expected = line["charged_kopecks"] + line["recalculated_kopecks"] - line["benefit_kopecks"]
        assert line["total_kopecks"] == expected, line
        assert (line["recalculation_reason"] is None) == (line["recalculated_kopecks"] == 0), line
        if line["volume_micro"] is not None:
            exact = line["volume_micro"] * line["tariff_micro"]
            assert abs(line["charged_kopecks"] * 10**10 - exact) <= 5 * 10**9, line


def balances_close(balances: list[Named]) -> None:
    last: dict[str, Named] = {}
    for row in balances:
        expected = (
            row["opening_kopecks"] + row["charged_kopecks"] + row["recalculated_kopecks"]
            - row["benefit_kopecks"] + row["penalty_kopecks"] - row["paid_kopecks"]
        )  # fmt: skip
        assert row["closing_kopecks"] == expected, row
        if before := last.get(row["service"]):
            assert row["period"] == next_month(before["period"]), "a month is missing"
            assert row["opening_kopecks"] == before["closing_kopecks"], row
        last[row["service"]] = row


def balances_agree_with_lines(balances: list[Named], charges: list[Named]) -> None:
    columns = ("charged_kopecks", "recalculated_kopecks", "benefit_kopecks")
    sums: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in charges:
        for position, column in enumerate(columns):
            sums[line["period"], line["service"]][position] += line[column]
    for row in balances:
        assert [row[column] for column in columns] == sums.pop((row["period"], row["service"]), [0, 0, 0]), row
    assert not sums, "charges of a month without a balance"


def payments_agree(plan: Plan, balances: list[Named], payments: list[Named]) -> None:
    paid: dict[int, int] = defaultdict(int)
    for payment in payments:
        assert int(payment["paid_on"][:4]) * 100 + int(payment["paid_on"][5:7]) == payment["period"]
        assert payment["paid_on"] < plan.today.isoformat()
        if payment["state"] is None:
            paid[payment["period"]] += payment["amount_kopecks"]
    paid.pop(plan.open_month.period, None)
    booked: dict[int, int] = defaultdict(int)
    for row in balances:
        booked[row["period"]] += row["paid_kopecks"]
    assert {k: v for k, v in booked.items() if v} == {k: v for k, v in paid.items() if v}


def allocations_agree(allocations: list[Named], payments: list[Named]) -> None:
    """Every ruble of a payment that was allocated has its place; one that was booked by hand waits for its turn."""
    parts: dict[str, int] = defaultdict(int)
    for row in allocations:
        parts[row["payment"]] += row["amount_kopecks"]
    counted = {row["payment"]: row["amount_kopecks"] for row in payments if row["state"] is None}
    assert all(counted[payment] == kopecks for payment, kopecks in parts.items())
    assert all(payment in parts for payment in counted if BY_GENERATOR.fullmatch(payment))


def bills_agree(bills: list[Named], balances: list[Named]) -> None:
    closings: dict[int, int] = defaultdict(int)
    for row in balances:
        closings[row["period"]] += row["closing_kopecks"]
    assert {bill["period"]: bill["amount_due_kopecks"] for bill in bills} == dict(closings)
    for bill in bills:
        assert bill["issued_on"] < bill["due_on"]
        assert int(bill["issued_on"][:4]) * 100 + int(bill["issued_on"][5:7]) == next_month(bill["period"])


def readings_agree(charges: list[Named], readings: list[Named], meters: list[Named]) -> None:
    """What was charged by readings is what the meters ran, month by month."""
    ran: dict[int, int] = defaultdict(int)
    for meter in meters:
        own = [reading for reading in readings if reading["meter"] == meter["meter"]]
        assert own, "a meter without a reading"
        for before, after in pairwise(own):
            assert before["taken_on"] <= after["taken_on"]
            ran[after["period"]] += (after["value_micro"] - before["value_micro"]) % ROLLOVER
        for reading in own:
            assert reading["taken_on"] <= (meter["removed_on"] or "9999")
            assert 0 <= reading["value_micro"] < ROLLOVER
            assert date.fromisoformat(reading["taken_on"])
    known = {meter["meter"] for meter in meters}
    assert all(reading["meter"] in known for reading in readings)
    for line in charges:
        if line["component"] == "carrier" and line["method"] in ("meter", "average"):
            assert line["volume_micro"] == ran.get(line["period"], 0), line
