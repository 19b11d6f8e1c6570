"""Meters that hung one after another are one history: nothing negative, nothing lost, gaps said."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from lk_sync.flow.chain import Hung, MonthUse, Shown, chain_of, months_of
from lk_sync.records import next_month

M3 = 1_000_000
TURN = 10**5 * M3


def hung(meter: str, **more: object) -> Hung:
    facts = {"service": "hot_water", "unit": "m3", "place": "кухня", "full_turn_micro": TURN} | more
    return Hung(meter=meter, **facts)  # type: ignore[arg-type] # facts of many types


def read(period: int, value: int, source: str = "subscriber", day: int = 20) -> Shown:
    return Shown(f"{period // 100}-{period % 100:02d}-{day:02d}", period, value * M3, source)


OLD = hung("old", installed_on="2020-01-10", removed_on="2026-03-03", final_micro=904 * M3)
NEW = hung("new", installed_on="2026-03-03", replaces="old", initial_micro=1 * M3)
NEXT = hung("next", installed_on="2026-09-01")
BATH = hung("bath", place="ванная", installed_on="2026-03-03")


def test_a_replaced_meter_is_found_by_the_books_and_by_its_place() -> None:
    unsaid = msgspec.structs.replace(NEW, replaces=None)
    for new in (NEW, unsaid):
        assert [each.meter for each in chain_of("new", [new, OLD, BATH])] == ["old", "new"]
        assert [each.meter for each in chain_of("old", [new, OLD, BATH])] == ["old", "new"]
    assert chain_of("bath", [NEW, OLD, BATH]) == [BATH]


def test_a_meter_that_came_long_after_the_old_one_is_another_story() -> None:
    assert chain_of("next", [NEXT, OLD]) == [NEXT]


def test_books_that_run_in_a_circle_end_somewhere() -> None:
    one, other = hung("1", replaces="2"), hung("2", replaces="1")
    assert len(chain_of("1", [one, other])) == 2
    assert chain_of("1", [hung("1", replaces="1")]) == [hung("1", replaces="1")]
    assert chain_of("1", [hung("1", replaces="gone")]) == [hung("1", replaces="gone")]


def test_the_month_of_a_replacement_has_what_ran_through_both() -> None:
    shown = {"old": [read(202601, 890), read(202602, 900)], "new": [read(202603, 4), read(202604, 9)]}
    months = {each.period: each for each in months_of([OLD, NEW], shown)}
    assert months[202603].used_micro == (904 - 900 + 4 - 1) * M3
    assert months[202603].replaced
    assert months[202604].used_micro == 5 * M3
    assert months[202601].used_micro is None, "of the first reading nothing is known"


def test_months_without_a_value_are_said_and_the_next_reading_covers_them() -> None:
    shown = {"bath": [read(202604, 10), read(202605, 13, "calculated"), read(202607, 22)]}
    newest, june, may, april = months_of([BATH], shown)
    assert (newest.period, newest.used_micro, newest.covers) == (202607, 12 * M3, 3)
    assert june == MonthUse(period=202606, gap=True)
    assert may == MonthUse(period=202605, estimated=True)
    assert april.period == 202604


def test_a_turn_through_zero_and_a_correction_are_told_apart() -> None:
    shown = {"bath": [read(202604, 99_990), read(202605, 5), read(202606, 3, "inspector")]}
    june, may, _ = months_of([BATH], shown)
    assert (may.used_micro, may.turned) == (15 * M3, True)
    assert (june.used_micro, june.corrected) == (None, True)


sources = st.sampled_from(["subscriber", "inspector", "calculated", "supplier"])
rows = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 99_999), sources), max_size=30)


@given(rows, rows, st.integers(0, 99_999), st.integers(0, 99_999))
def test_whatever_the_books_hold_no_month_is_negative_and_none_is_twice(
    first: list[tuple[int, int, str]], second: list[tuple[int, int, str]], final: int, initial: int
) -> None:
    chain = [
        msgspec.structs.replace(OLD, final_micro=final * M3),
        msgspec.structs.replace(NEW, initial_micro=initial * M3),
    ]
    shown = {
        name: [read(next_month(202401, at), value, source) for at, value, source in listed]
        for name, listed in (("old", first), ("new", second))
    }
    months = months_of(chain, shown)
    periods = [each.period for each in months]
    assert periods == sorted(set(periods), reverse=True)
    assert all(each.used_micro is None or each.used_micro >= 0 for each in months)
    assert all(next_month(later, -1) == earlier for later, earlier in pairwise(periods))


@given(st.lists(st.integers(0, 50), min_size=2, max_size=20), st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_all_that_ran_through_the_meters_is_in_the_months(first: list[int], second: list[int]) -> None:
    start, shown, value = 202401, {"old": [], "new": []}, 100
    for at, used in enumerate(first):
        value += used
        shown["old"].append(read(next_month(start, at), value))
    removed = next_month(start, len(first))
    day = f"{removed // 100}-{removed % 100:02d}-03"
    old = msgspec.structs.replace(OLD, removed_on=day, final_micro=(value + 2) * M3)
    new = msgspec.structs.replace(NEW, installed_on=day, initial_micro=7 * M3)
    at_new = 7
    for at, used in enumerate(second):
        at_new += used
        shown["new"].append(read(next_month(removed, at), at_new))
    total = sum(each.used_micro or 0 for each in months_of([old, new], shown))
    assert total == (sum(first[1:]) + 2 + sum(second)) * M3
