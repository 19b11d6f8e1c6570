"""Numbers and days look as their reader is used to, and the unknown is a dash."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lk_sync.formats import UNKNOWN, Formats
from tests.portal.pages.elements import kopecks

RU = Formats("ru", ZoneInfo("Europe/Moscow"))
EN = Formats("en", ZoneInfo("Europe/Moscow"))
MICRO = 1_000_000


@pytest.mark.parametrize(
    ("value", "russian", "english"),
    [
        (0, "0,00\xa0₽", "0.00\xa0₽"),
        (7, "0,07\xa0₽", "0.07\xa0₽"),
        (-5, "−0,05\xa0₽", "-0.05\xa0₽".replace("-", "−")),
        (99_999, "999,99\xa0₽", "999.99\xa0₽"),
        (123_456, "1\xa0234,56\xa0₽", "1,234.56\xa0₽"),
        (-123_456_789_00, "−123\xa0456\xa0789,00\xa0₽", "−123,456,789.00\xa0₽"),
    ],
)
def test_money(value: int, russian: str, english: str) -> None:
    assert (RU.money(value), EN.money(value)) == (russian, english)


@given(st.integers(-(10**17), 10**17))
def test_money_is_read_back_to_the_kopeck(value: int) -> None:
    assert kopecks(RU.money(value)) == kopecks(EN.money(value)) == value


def test_volumes_have_as_many_decimals_as_they_need() -> None:
    assert RU.volume(1_500_000) == "1,5"
    assert RU.volume(2 * MICRO) == "2"
    assert RU.volume(-1) == "−0,000001"
    assert EN.volume(1_234_567_890_000) == "1,234,567.89"


def test_a_dial_shows_all_its_decimals() -> None:
    assert RU.dial(92_660_000, 3) == "92,660"
    assert RU.dial(92_660_000, 0) == "92,66"
    assert RU.dial(92 * MICRO, 0) == "92"
    assert EN.dial(92 * MICRO, 3) == "92.000"


def test_a_tariff_has_at_least_two_decimals() -> None:
    assert RU.tariff(2_788_550_000) == "2\xa0788,55\xa0₽"
    assert RU.tariff(44_700_000) == "44,70\xa0₽"
    assert RU.tariff(44_712_345) == "44,712345\xa0₽"
    assert RU.tariff(3 * MICRO) == "3,00\xa0₽"


def test_months_days_and_moments() -> None:
    assert RU.month(202610) == "октябрь\xa02026"
    assert EN.month(202610) == "October\xa02026"
    assert RU.day("2026-11-05") == "5\xa0ноября\xa02026"
    assert EN.day("2026-11-05") == "5\xa0November\xa02026"
    assert RU.short_day("2026-11-05") == "05.11.2026"
    assert EN.short_day("2026-11-05") == "05/11/2026"
    assert RU.moment("2026-11-22T22:30:00.000Z") == "23\xa0ноября\xa02026, 01:30"


@pytest.mark.parametrize("name", ["money", "volume", "tariff", "day", "short_day", "moment"])
def test_the_unknown_is_a_dash_and_never_a_zero(name: str) -> None:
    assert getattr(RU, name)(None) == UNKNOWN
    assert RU.dial(None, 3) == UNKNOWN
