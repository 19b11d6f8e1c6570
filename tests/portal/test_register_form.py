"""What may be typed into the form of registration, and what is refused rather than guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts import canonical
from portal.pages.register.form import FIELDS, Faults, Wanted, address, kopecks, read


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
        ("-50,00", -5000),
        ("−1 234,5 руб.", -123450),
    ],
)
def test_an_amount_is_read_to_the_kopeck(typed: str, meant: int) -> None:
    assert kopecks(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "abc",
        "--1",
        "1-",
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


FORM = {"account": "1", "email": "a@b.ru", "amount": "0,00", "rules": "yes", "consent": "yes"}


@pytest.mark.parametrize(
    ("typed", "kind", "compared"),
    [
        ({"bill_number": " № 1026-000 17/а "}, "bill_number", "102600017А"),
        ({"bill_code": "k7m 4qx"}, "bill_code", "K7M4QX"),
        ({"bill_code": "К7М-4QХ"}, "bill_code", "K7M4QX"),  # typed on a Russian keyboard
        ({"bill_code": "oil-olo"}, "bill_code", "011010"),
        ({"payment_sum": "1 234,5 ₽", "payment_day": " 5.11.2026 г. "}, "payment", "123450 2026-11-05"),
        ({"payment_sum": "1234.50", "payment_day": "2026-11-05"}, "payment", "123450 2026-11-05"),
        ({"meter": "№ 15-0001234"}, "meter", "150001234"),
        ({"desk_code": "7k2mq 4xh9c"}, "desk_code", "7K2MQ4XH9C"),
    ],
)
def test_a_second_datum_is_read_as_people_write_it(typed: dict[str, str], kind: str, compared: str) -> None:
    found = read(FORM | typed)
    assert isinstance(found, Wanted)
    assert (found.proof_kind, found.proof) == (kind, compared)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"bill_number": "№ –"}, "bill_number"),
        ({"bill_code": "K7M-4Q"}, "bill_code"),
        ({"bill_code": "K7M-4Q!"}, "bill_code"),
        ({"payment_sum": "10,00"}, "payment"),
        ({"payment_day": "05.11.2026"}, "payment"),
        ({"payment_sum": "0", "payment_day": "05.11.2026"}, "payment"),
        ({"payment_sum": "10", "payment_day": "31.02.2026"}, "payment"),
        ({"meter": "x" * 61}, "meter"),
        ({"desk_code": "1"}, "desk_code"),
        ({"meter": "1", "bill_number": "2"}, "proof"),
    ],
)
def test_a_second_datum_that_cannot_be_one_is_told(typed: dict[str, str], field: str) -> None:
    found = read(FORM | typed)
    assert isinstance(found, Faults)
    assert set(found.by_field) == {field}


def test_whoever_has_a_code_of_the_desk_needs_no_sum() -> None:
    assert isinstance(read(FORM | {"amount": "", "desk_code": "7K2MQ-4XH9C"}), Wanted)
    assert isinstance(read(FORM | {"amount": "x", "desk_code": "7K2MQ-4XH9C"}), Faults)


@given(st.dictionaries(st.sampled_from([name for names in FIELDS.values() for name in names]), st.text(max_size=80)))
def test_no_text_in_the_second_datum_breaks_the_form(typed: dict[str, str]) -> None:
    assert isinstance(read(FORM | typed), Wanted | Faults)
