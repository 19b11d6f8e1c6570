"""Which readings are taken, which are asked about, which are refused: the rules, one by one and as properties."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lk_sync.config import Window
from lk_sync.flow.acceptance import (
    Accepted,
    Booked,
    Dial,
    Known,
    Past,
    Question,
    Refused,
    average,
    before,
    decide,
    months_between,
    parse,
    plausible_micro,
    window_of,
)
from lk_sync.records import next_month

MICRO = 1_000_000
DIAL = Dial(digits_int=5, digits_frac=3, unit="m3")
WINDOW = Window()
IN_WINDOW = date(2026, 11, 20)
SUMMER = date(2026, 7, 20)

dials = st.builds(
    lambda whole, decimals, unit: Dial(digits_int=whole, digits_frac=decimals, unit=unit),
    st.integers(1, 9),
    st.integers(0, 6),
    st.sampled_from(["m3", "Gcal", "person"]),
)
days = st.dates(date(2020, 1, 1), date(2040, 12, 31))
later_days = st.dates(date(2026, 12, 5), date(2032, 12, 31))
windows = st.builds(lambda first, last: Window(first_day=first, last_day=last), st.integers(1, 31), st.integers(1, 31))


def year(monthly: int = 3, last: int = 100, source: str = "subscriber") -> list[Booked]:
    """Twelve months up to October, newest first: `last` m³ at the end, `monthly` a month."""
    return [Booked(next_month(202610, -back), (last - monthly * back) * MICRO, source) for back in range(13)]


def taken(typed: str, past: Past | None = None, *confirmed: str, dial: Dial = DIAL, **more: object) -> object:
    settings = {"today": IN_WINDOW, "window": WINDOW} | more
    return decide(typed, dial=dial, past=past or Past(books=year()), confirmed=frozenset(confirmed), **settings)  # type: ignore[arg-type]


# 1 What was typed


@pytest.mark.parametrize(
    ("typed", "micro"),
    [
        ("103", 103_000_000),
        ("103,5", 103_500_000),
        ("103.125", 103_125_000),
        (" 1 0\xa03\u202f,5 ", 103_500_000),
        ("00103", 103_000_000),
        ("000000000103,500000", 103_500_000),
        ("0", 0),
        ("99999,999", 99_999_999_000),
    ],
)
def test_spaces_commas_and_points_are_understood(typed: str, micro: int) -> None:
    assert parse(typed, DIAL) == micro


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "empty"),
        ("  \xa0", "empty"),
        ("сто", "not_number"),
        ("-5", "not_number"),
        ("1,2,3", "not_number"),
        ("1.234,5", "not_number"),
        ("1e5", "not_number"),
        ("NaN", "not_number"),
        ("١٢٣", "not_number"),
        ("12,", "not_number"),
        (",5", "not_number"),
        ("9" * 61, "not_number"),
        ("100000", "too_long"),
        ("1,2345", "too_precise"),
    ],
)
def test_what_is_no_reading_has_a_code(typed: str, code: str) -> None:
    assert parse(typed, DIAL) == Refused(code)  # type: ignore[arg-type]


@given(dials, st.data())
def test_whatever_a_dial_can_show_is_read_exactly(dial: Dial, data: st.DataObject) -> None:
    whole = data.draw(st.integers(0, 10**dial.digits_int - 1))
    decimals = data.draw(st.integers(0, 10**dial.digits_frac - 1)) if dial.digits_frac else 0
    text = f"{whole},{decimals:0{dial.digits_frac}d}" if dial.digits_frac else str(whole)
    value = parse(text, dial)
    assert isinstance(value, int)
    assert Decimal(value) / MICRO == Decimal(text.replace(",", "."))
    assert value < dial.full_turn_micro


@given(st.text(max_size=80), dials)
def test_anything_typed_is_a_value_of_the_dial_or_a_refusal(typed: str, dial: Dial) -> None:
    value = parse(typed, dial)
    assert isinstance(value, Refused) or 0 <= value < dial.full_turn_micro


# 2 The window


@given(days, windows)
def test_the_window_is_the_one_around_today_or_the_next(today: date, window: Window) -> None:
    span = window_of(today, window)
    assert span.first <= span.last
    assert today <= span.last
    assert span.open == (span.first <= today)
    assert (span.first - today).days <= 31
    assert months_between(today.year * 100 + today.month, span.period) in (-1, 0, 1)


@given(days, windows)
def test_windows_follow_each_other_by_months(today: date, window: Window) -> None:
    span = window_of(today, window)
    following = window_of(span.last + timedelta(days=1), window)
    assert months_between(span.period, following.period) in (0, 1)
    assert following.last > span.last


@pytest.mark.parametrize(
    ("today", "period", "is_open"),
    [
        (date(2026, 11, 14), 202611, False),
        (date(2026, 11, 15), 202611, True),
        (date(2026, 11, 25), 202611, True),
        (date(2026, 11, 26), 202612, False),
        (date(2026, 12, 31), 202701, False),
    ],
)
def test_both_ends_of_the_window_belong_to_it(today: date, period: int, is_open: bool) -> None:
    span = window_of(today, WINDOW)
    assert (span.period, span.open) == (period, is_open)


def test_a_window_may_run_over_the_end_of_the_month() -> None:
    window = Window(first_day=23, last_day=2)
    assert window_of(date(2026, 12, 2), window).period == 202611
    assert window_of(date(2026, 12, 3), window).open is False
    assert window_of(date(2026, 12, 3), window).period == 202612


def test_a_day_beyond_the_month_is_its_last() -> None:
    assert window_of(date(2026, 2, 28), Window(first_day=20, last_day=31)).last == date(2026, 2, 28)


def test_outside_the_window_a_reading_is_kept_for_the_next_month_or_refused_by_setting() -> None:
    late = date(2026, 11, 28)
    assert taken("103", today=late) == Accepted(103 * MICRO, 202612, "2026-11-28", ("closed",))
    assert taken("103", today=late, window=Window(late="refuse")) == Refused("closed")
    assert isinstance(taken("103", window=Window(late="refuse")), Accepted)


# 3 Verification


def test_after_its_verification_a_meter_is_flagged_or_refused_by_setting() -> None:
    dial = Dial(digits_int=5, digits_frac=3, unit="m3", verification_due_on="2026-11-19")
    assert taken("103", dial=dial) == Accepted(103 * MICRO, 202611, "2026-11-20", ("expired",))
    assert taken("103", dial=dial, window=Window(expired_verification="refuse")) == Refused("expired")


def test_on_the_last_day_of_its_verification_a_meter_is_good() -> None:
    dial = Dial(digits_int=5, digits_frac=3, unit="m3", verification_due_on="2026-11-20")
    assert taken("103", dial=dial) == Accepted(103 * MICRO, 202611, "2026-11-20", ())


def test_an_automatic_and_a_removed_meter_take_no_readings() -> None:
    assert taken("103", dial=Dial(digits_int=5, digits_frac=3, unit="m3", automatic=True)) == Refused("automatic")
    assert taken("103", dial=Dial(digits_int=5, digits_frac=3, unit="m3", removed=True)) == Refused("removed")


# 4 Less, 5 same, 6 high


def test_less_than_before_is_refused() -> None:
    assert taken("99,999") == Refused("less")


def test_a_turn_through_zero_is_asked_about_and_then_flagged() -> None:
    past = Past(books=year(last=99_998))
    assert taken("2", past) == Question("rollover", 2 * MICRO, 4 * MICRO)
    assert taken("2", past, "rollover") == Accepted(2 * MICRO, 202611, "2026-11-20", ("rollover",))
    assert taken("2", past, "high", "same") == Question("rollover", 2 * MICRO, 4 * MICRO)


def test_the_same_value_is_asked_about_in_the_season_only() -> None:
    assert taken("100") == Question("same", 100 * MICRO, 0)
    assert taken("100", None, "same") == Accepted(100 * MICRO, 202611, "2026-11-20", ("confirmed_same",))
    summer = Past(books=[Booked(202606, 100 * MICRO, "subscriber")])
    assert taken("100", summer, today=SUMMER) == Accepted(100 * MICRO, 202607, "2026-07-20", ("same",))


def test_an_unusual_consumption_needs_a_second_press() -> None:
    assert taken("201") == Question("high", 201 * MICRO, 101 * MICRO)
    assert taken("201", None, "high") == Accepted(201 * MICRO, 202611, "2026-11-20", ("confirmed_high",))
    assert taken("200") == Accepted(200 * MICRO, 202611, "2026-11-20", ())


def test_what_is_usual_for_a_large_consumer_is_not_asked_about() -> None:
    past = Past(books=year(monthly=40, last=900))
    assert taken("1099", past) == Accepted(1099 * MICRO, 202611, "2026-11-20", ())
    assert isinstance(taken("1101", past), Question)


def test_months_that_were_skipped_are_allowed_for() -> None:
    past = Past(books=[Booked(202608, 100 * MICRO, "subscriber")])
    assert isinstance(taken("390", past), Accepted)
    assert isinstance(taken("401", past), Question)


def test_a_calculated_value_stops_nobody() -> None:
    past = Past(books=[Booked(202610, 120 * MICRO, "calculated"), Booked(202609, 100 * MICRO, "subscriber")])
    assert isinstance(taken("103", past), Accepted)


def test_a_correction_is_compared_with_the_month_before() -> None:
    """What was handed in for this month, and came back in the books, is what the correction replaces."""
    mistyped = Booked(202611, 1030 * MICRO, "subscriber")
    past = Past(books=[mistyped, *year()], handed_in=[Known(202611, 1030 * MICRO), Known(202610, 100 * MICRO)])
    assert taken("103", past) == Accepted(103 * MICRO, 202611, "2026-11-20", ())


def test_an_inspection_of_this_month_counts() -> None:
    past = Past(books=[Booked(202611, 104 * MICRO, "inspector"), *year()])
    assert taken("103", past) == Refused("less")


def test_a_reading_handed_in_last_month_counts_before_it_is_in_the_books() -> None:
    past = Past(books=year()[1:], handed_in=[Known(202610, 102 * MICRO)])
    assert taken("101", past) == Refused("less")


def test_the_first_reading_of_a_meter_is_compared_with_nothing() -> None:
    assert taken("54321,5", Past()) == Accepted(54_321_500_000, 202611, "2026-11-20", ())


values = st.integers(0, 99_999_999).map(lambda milli: milli * 1000)
pasts = st.builds(
    lambda monthly, last, source: Past(books=year(monthly, last, source)),
    st.integers(0, 400),
    st.integers(4_800, 99_999),
    st.sampled_from(["subscriber", "inspector", "supplier", "calculated"]),
)


@given(pasts.filter(lambda past: past.books[0].source != "calculated"), st.integers(1, 10_000), later_days, windows)
def test_whatever_is_above_the_plausible_is_asked_about_and_taken_at_the_second_press(
    past: Past, milli_above: int, today: date, window: Window
) -> None:
    span = window_of(today, window)
    known = before(past, span.period)
    assert known is not None
    months = months_between(known.period, span.period)
    limit = plausible_micro(average(past.books), months, "m3", window)
    assert limit is not None
    value = known.value_micro + limit + milli_above * 1000
    wide = Dial(digits_int=15, digits_frac=6, unit="m3")
    typed = f"{value // MICRO},{value % MICRO:06d}"
    assert taken(typed, past, today=today, window=window, dial=wide) == Question(
        "high", value, limit + milli_above * 1000
    )
    second = taken(typed, past, "high", today=today, window=window, dial=wide)
    assert isinstance(second, Accepted)
    assert "confirmed_high" in second.flags
    assert second.value_micro == value


@given(values, pasts)
def test_an_acceptance_never_means_a_negative_or_an_unconfirmed_unusual_consumption(value: int, past: Past) -> None:
    answer = taken(f"{value // MICRO},{value % MICRO // 1000:03d}", past)
    known = before(past, 202611)
    if isinstance(answer, Accepted) and known is not None:
        assert answer.value_micro > known.value_micro
        limit = plausible_micro(average(past.books), months_between(known.period, 202611), "m3", WINDOW)
        assert limit is not None
        assert answer.value_micro - known.value_micro <= limit


@given(st.integers(0, 1000), st.integers(3, 12))
def test_the_average_is_of_the_last_year_and_of_at_least_three_months(monthly: int, months: int) -> None:
    books = [
        Booked(next_month(202610, -back), (50_000 - monthly * back) * MICRO, "subscriber") for back in range(months + 1)
    ]
    assert average(books) == monthly * MICRO
    assert average(books[:3]) is None
    assert average([]) is None


def test_the_average_ends_at_a_turn_through_zero() -> None:
    turned = [Booked(202610, 5 * MICRO, "subscriber"), Booked(202609, 99_990 * MICRO, "subscriber")]
    assert average(turned) is None
