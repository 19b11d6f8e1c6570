"""What may be typed into the form of registration, and what is refused rather than guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts import canonical
from portal.pages.register.form import Faults, address, kopecks, read


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1234,56", 123456),
        ("1234.56", 123456),
        ("1234", 123400),
        ("1234,5", 123450),
        ("1 234,56", 123456),
        ("1\u00a0234,56 ₽", 123456),
        ("12 руб.", 1200),
        ("0", 0),
    ],
)
def test_an_amount_is_read_to_the_kopeck(typed: str, meant: int) -> None:
    assert kopecks(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "abc",
        "-1",
        "+1",
        "1,234.56",
        "1.234,56",
        "1234,567",
        "1e3",
        "١٢٣",
        "１２３",
        "1,",
        ",5",
        "1234567890",
        "nan",
        "0x10",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_amount(typed: str) -> None:
    assert kopecks(typed) is None


@given(st.integers(min_value=0, max_value=10**11 - 1))
def test_every_amount_that_a_bill_can_print_is_read_back(amount: int) -> None:
    rubles, rest = divmod(amount, 100)
    assert kopecks(f"{rubles},{rest:02d}") == amount
    assert kopecks(f"{rubles}.{rest:02d}") == amount


@pytest.mark.parametrize("typed", ["ivanova@example.ru", " a.b+c@mail.example.co ", "o'neill@xn--e1afmkfd.xn--p1ai"])
def test_an_address_is_taken(typed: str) -> None:
    assert address(typed) == typed.strip()


@pytest.mark.parametrize(
    "typed",
    [
        "a@b.c, evil@x.ru",
        "a@b.ru evil@x.ru",
        "a@b.ru;evil@x.ru",
        "a@b.ru\r\nBcc: evil@x.ru",
        "a@b.ru\nevil",
        "Иванова <a@b.ru>",
        '"a b"@c.ru',
        "a@b",
        "a@@b.ru",
        "a..b@c.ru",
        ".a@b.ru",
        "a@-b.ru",
        "a@b..ru",
        "@b.ru",
        "а@почта.рф",
        "a@[127.0.0.1]",
        "x" * 65 + "@example.ru",
        "a@" + "b." * 130 + "ru",
        "",
    ],
)
def test_anything_but_one_plain_address_is_refused(typed: str) -> None:
    assert address(typed) is None


@given(st.text(max_size=60))
def test_an_address_never_holds_what_a_letter_could_be_bent_with(text: str) -> None:
    found = address(text)
    assert found is None or not set(found) & set('\r\n\t ,;<>"()[]\\:')


def test_the_domain_is_the_same_in_any_case_and_the_name_before_it_is_left_alone() -> None:
    assert address("Ivanova@EXAMPLE.Ru") == "Ivanova@example.ru"


@pytest.mark.parametrize(("typed", "number"), [(" 0000 12345 ", "000012345"), ("Т/17-б", "Т/17-б"), ("007", "007")])
def test_spaces_in_an_account_number_are_grouping_and_zeros_stay(typed: str, number: str) -> None:
    assert canonical(typed) == number


@pytest.mark.parametrize("typed", ["", "１２３", "12345\u200b", "12;45", "1" * 41, "12\n45", "12'45", "①"])
def test_look_alikes_and_invisible_characters_are_no_account_number(typed: str) -> None:
    assert canonical(typed) is None


def test_all_faults_are_told_at_once() -> None:
    found = read({})
    assert isinstance(found, Faults)
    assert set(found.by_field) == {"account", "email", "amount", "rules", "consent"}


def test_a_zero_amount_is_told_apart_from_a_wrong_one() -> None:
    found = read({"account": "1", "email": "a@b.ru", "amount": "0,00", "rules": "yes", "consent": "yes"})
    assert isinstance(found, Faults)
    assert "нулевой" in found.by_field["amount"][0]
