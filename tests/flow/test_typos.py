"""What a mistyped reading was probably meant to be: likely, showable, and never anything for what is likely already."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lk_sync.flow.acceptance import Booked, Dial, parse
from lk_sync.flow.typos import Guess, exchanged, guesses
from lk_sync.flow.usual import Expected, Usual, expected, monthly, usual
from lk_sync.records import next_month

MICRO = 1_000_000
DIAL = Dial(digits_int=5, digits_frac=3, unit="m3")
KITCHEN = Expected(120 * MICRO, 2 * MICRO, 5 * MICRO)

befores = st.integers(0, 90_000_000).map(lambda milli: milli * 1000)
outlooks = st.builds(
    lambda before, least, more: Expected(before, least * 1000, (least + more) * 1000),
    befores, st.integers(1, 4000), st.integers(0, 6000),
)  # fmt: skip


def text(micro: int) -> str:
    return f"{micro // MICRO},{micro % MICRO // 1000:03d}"


def digits(typed: str) -> str:
    return "".join(each for each in typed if each.isdigit())


@pytest.mark.parametrize(
    ("typed", "guess"),
    [
        ("123456", Guess("comma", 123_456_000)),
        ("12345,6", Guess("comma", 123_456_000)),
        ("1,23456", Guess("comma", 123_456_000)),
        ("132,456", Guess("swapped", 123_456_000)),
        ("1223,456", Guess("extra", 123_456_000)),
        ("1 232", Guess("comma", 123_200_000)),
    ],
)
def test_the_slips_people_make_are_understood(typed: str, guess: Guess) -> None:
    assert guess in guesses(typed, DIAL, KITCHEN)


@pytest.mark.parametrize("typed", ["123,4", "125", "", "сто", "0", "99999,999", "1,2,3", "7" * 60, "1" * 61, "-123,4"])
def test_what_is_likely_or_resembles_nothing_likely_has_no_guess(typed: str) -> None:
    assert guesses(typed, DIAL, KITCHEN) == []


@given(st.text(alphabet="0123456789,. x", max_size=70), outlooks, st.integers(1, 8), st.integers(0, 6))
def test_a_guess_is_likely_showable_and_made_of_the_typed_digits(
    typed: str, outlook: Expected, whole: int, decimals: int
) -> None:
    dial = Dial(digits_int=whole, digits_frac=decimals, unit="m3")
    value = parse(typed, dial)
    for guess in guesses(typed, dial, outlook, most=1000):
        assert outlook.before_micro < guess.value_micro < dial.full_turn_micro
        assert outlook.fits(guess.value_micro)
        assert guess.value_micro != value
        shown = text(guess.value_micro) if decimals <= 3 else f"{guess.value_micro:07d}"
        left = Counter(digits(shown).replace("0", "")) - Counter(digits(typed))
        assert not left, "a guess adds no digit"


@given(outlooks, st.integers(0, 1000), st.data())
def test_a_slip_made_on_purpose_is_found_unless_it_is_likely_itself(
    outlook: Expected, milli: int, data: st.DataObject
) -> None:
    span = outlook.most_micro - outlook.least_micro
    meant = outlook.lowest_micro + span * milli // 1000 // 1000 * 1000
    if meant >= DIAL.full_turn_micro or meant <= outlook.before_micro:
        return
    right = text(meant)
    place = data.draw(st.integers(0, len(right) - 2))
    swapped = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    doubled = right[: place + 1] + data.draw(st.sampled_from("0123456789")) + right[place + 1 :]
    for slip in (right.replace(",", ""), swapped, doubled):
        as_typed = parse(slip, Dial(digits_int=30, digits_frac=6, unit="m3"))
        likely = isinstance(as_typed, int) and outlook.fits(as_typed)
        if slip.count(",") <= 1 and not slip.startswith(",") and not slip.endswith(",") and not likely:
            assert meant in [each.value_micro for each in guesses(slip, DIAL, outlook, most=1000)], slip


@given(outlooks, outlooks)
def test_exchanged_values_are_found_and_the_right_ones_are_left_alone(one: Expected, other: Expected) -> None:
    first, second = one.highest_micro, other.highest_micro
    assert not exchanged(first, one, second, other)
    if first != second and not (one.fits(second) and other.fits(first)):
        assert exchanged(second, one, first, other)


def year(monthly_micro: int, source: str = "subscriber") -> list[Booked]:
    return [Booked(next_month(202610, -back), (100 - back) * monthly_micro, source) for back in range(15)]


def test_what_is_usual_is_of_the_last_year_without_its_oddest_months() -> None:
    books = year(3 * MICRO)
    books[4] = Booked(books[4].period, books[4].value_micro + MICRO, "subscriber")
    assert len(monthly(books)) == 12
    assert usual(monthly(books)) == Usual(3 * MICRO, 3 * MICRO)


def test_of_several_readings_of_a_month_the_last_counts() -> None:
    books = year(3 * MICRO)
    inspected = Booked(books[1].period, books[1].value_micro - MICRO, "inspector")
    assert monthly([*books[:2], inspected, *books[2:]]) == monthly(books)


def test_too_little_history_says_nothing() -> None:
    assert usual(monthly(year(3 * MICRO)[:3])) is None
    assert usual(monthly(year(3 * MICRO, "calculated"))) is None
    assert usual([0, 0, 0, 0]) is None
    assert usual([]) is None


def test_a_month_in_which_the_meter_went_back_does_not_count() -> None:
    books = [Booked(202610, 5 * MICRO, "subscriber"), *year(3 * MICRO)[1:]]
    assert min(monthly(books)) == 3 * MICRO
    assert len(monthly(books)) == 11


@given(st.integers(0, 10**9), st.integers(0, 30), st.integers(0, 10**8), st.integers(1, 10**8), st.integers(0, 6))
def test_what_is_expected_stands_on_the_dial(before: int, months: int, least: int, more: int, decimals: int) -> None:
    dial = Dial(digits_int=8, digits_frac=decimals, unit="m3")
    found = expected(before, months, Usual(least, least + more), dial)
    step = 10 ** (6 - decimals)
    assert found.least_micro % step == found.most_micro % step == 0
    assert found.least_micro <= found.most_micro
    assert found.fits(found.highest_micro)
    assert found.fits(found.lowest_micro)
