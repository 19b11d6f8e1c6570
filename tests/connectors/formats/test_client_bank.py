"""Statements of banks for 1C: only what came in, only when it adds up, and only accounts that are certain."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.client_bank import Statement
from connectors.formats.contract import Portion, Stated
from connectors.formats.options import FileOptions
from connectors.formats.registry import open_file
from lk_sync.errors import BadData, SettingsError

SAMPLES = Path(__file__).parent / "samples/1c_client_bank"
OURS, THEIRS = "40702810500000000001", "40817810000000000002"
COLUMNS = ("ЛицевойСчёт", "Сумма", "Поступило")


def statement(*documents: str, came: str = "", went: str = "", closing: str = "", end: str = "КонецФайла\n") -> str:
    section = f"РасчСчет={OURS}\nНачальныйОстаток=100.00\nВсегоПоступило={came}\nВсегоСписано={went}\n"
    return (
        f"1CClientBankExchange\nВерсияФормата=1.03\nКодировка=Windows\nРасчСчет={OURS}\n"
        f"СекцияРасчСчет\n{section}КонечныйОстаток={closing}\nКонецРасчСчет\n" + "".join(documents) + end
    )


def document(amount: str = "10.00", purpose: str = "ЛС 0012345", number: str = "7", **keys: str) -> str:
    said = {"Номер": number, "Дата": "03.11.2026", "Сумма": amount, "ПлательщикСчет": THEIRS, "ПолучательСчет": OURS}
    said |= {"ДатаПоступило": "04.11.2026", "НазначениеПлатежа": purpose} | keys
    lines = "".join(f"{key}={value}\n" for key, value in said.items())
    return f"СекцияДокумент=Платежное поручение\n{lines}КонецДокумента\n"


def opened(body: str | bytes, encoding: str = "cp1251", **options: Any) -> Statement:
    raw = body if isinstance(body, bytes) else body.encode(encoding)
    table = open_file(io.BytesIO(raw), name="kl_to_1c.txt", options=FileOptions(format="client_bank", **options))
    assert isinstance(table, Statement)
    return table


def portions(body: str | bytes, *columns: str, **options: Any) -> list[Portion]:
    table = opened(body, **options)
    table.require(columns)
    return list(table.batches(columns, size=2))


def read(body: str | bytes, *columns: str, **options: Any) -> list[tuple[Any, ...]]:
    found = []
    for part in portions(body, *(columns or COLUMNS), **options):
        assert not part.faults, part.faults
        found += list(zip(*part.columns, strict=True))
    return found


def test_what_came_in_is_read_and_the_account_is_found_in_the_purpose_or_the_code() -> None:
    body = (SAMPLES / "condo_utf8_body_windows_header.txt").read_bytes()
    assert read(body, "Номер", *COLUMNS, "Плательщик1", partial=True) == [
        ("6032", "50133547364", "1052.98", "15.04.2022", "Иванов Иван Иванович"),
        ("656731", "1234567", "1166.98", "18.04.2022", "ПЕТРОВ ПЁТР ПЕТРОВИЧ"),
    ]


def test_an_abridged_statement_is_refused_unless_that_was_meant() -> None:
    body = (SAMPLES / "condo_utf8_body_windows_header.txt").read_bytes()
    with pytest.raises(BadData, match=r"ВсегоПоступило = 2681831\.46, а сумма документов 2219\.96.*options\.partial"):
        opened(body)


def test_a_whole_statement_adds_up_in_both_encodings() -> None:
    texts = [(SAMPLES / f"kilylabs_one_day_{encoding}.txt").read_bytes() for encoding in ("cp1251", "utf8")]
    assert [opened(body).encoding for body in texts] == ["cp1251", "utf-8"]
    one, other = (read(body, "Платёж", "Сумма") for body in texts)
    assert one == other
    assert [amount for _, amount in one] == ["6000.00", "14000.00", "20000.00"]
    table = opened(texts[0])
    assert (table.stated(), table.outgoing) == (Stated(rows=3, sums={"Сумма": 40_000_00}), 10)


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "koi8-r", "utf-8", "utf-8-sig", "utf-16"])
def test_the_encoding_is_known_by_the_words_of_the_format(encoding: str) -> None:
    body = statement(document()).encode(encoding)
    assert read(body) == [("0012345", "10.00", "04.11.2026")]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ((SAMPLES / "condo_invalid.txt").read_bytes(), "нет строки КонецФайла"),
        (statement(document(), end=""), "нет строки КонецФайла"),
        (statement(document(), came="10.00", went="0.00", closing="111.00"), r"= 110\.00, а КонечныйОстаток = 111\.00"),
        (statement(document(), came="11", went="0"), r"ВсегоПоступило = 11\.00, а сумма документов 10\.00"),
        (statement(document(), came="десять"), "это не число"),
        ("ЛС;Сумма\n1;2\n", "это не 1CClientBankExchange"),
        ("1CClientBankExchange\n", "ВерсияФормата"),
        (statement("А=" + "x" * 70_000 + "\n"), "строка длиннее"),
    ],
)
def test_what_is_no_whole_statement_is_refused(body: str | bytes, why: str) -> None:
    with pytest.raises(BadData, match=why):
        read(body)


@pytest.mark.parametrize(
    ("purpose", "account"),
    [
        ("ЛС: 50133547364", "50133547364"), ("Л/С №0012345 за ноябрь", "0012345"), ("л.с. 12-34", "12-34"),
        ("Оплата по лицевому счету 000777, НДС нет", "000777"), ("лиц.счет № 55/1;", "55/1"), ("ЛСЧ 42", "42"),
        ("ЕЛС 70АА000560", ""), ("за тепло", ""), ("ЛС 111 и ЛС 222", ""), ("ЛС 111, повторно ЛС 111", "111"),
        ("полсотни 5000", ""), ("лс-000012357", "000012357"), ("Номер ЛС - 77001", "77001"), ("ЛС(0042)", "0042"),
        ("л/с: «00777»", "00777"), ("ЛС_5501", "5501"), ("ЛС No 5502", "5502"), ("ЛС N 5503", "5503"),
        ("ЛС note 55", ""),
        ("ЛС 000 012 367", ""), ("л/с 12 345 за ноябрь", ""), ("ЛС 123 100,00 руб", "123"), ("ЛС 1234 2026 г.", "1234"),
        ("на л/с 30.11.2026", ""), ("ЛС 5504.Иванов", "5504"), ("ЛС 5505 30.11.2026", "5505"),
    ],
)  # fmt: skip
def test_an_account_is_found_only_when_exactly_one_is_named(purpose: str, account: str) -> None:
    assert read(statement(document(purpose=purpose)), "ЛицевойСчёт") == [(account,)]


def test_a_purpose_of_spaces_is_looked_through_at_once() -> None:
    started = time.process_time()
    assert read(statement(document(purpose=f"л{' ' * 60_000}х")), "ЛицевойСчёт") == [("",)]
    assert time.process_time() - started < 2


def test_a_code_is_an_account_only_where_the_purpose_names_none() -> None:
    assert read(statement(document(purpose="за тепло", Код="0098765")), "ЛицевойСчёт") == [("0098765",)]
    assert read(statement(document(purpose="за тепло", Код="0")), "ЛицевойСчёт") == [("",)]
    assert read(statement(document(purpose="за тепло", Код="18810000000000000001")), "ЛицевойСчёт") == [("",)]
    assert read(statement(document(purpose="ЛС 11 ЛС 22", Код="0098765")), "ЛицевойСчёт") == [("",)]


def test_a_pattern_of_ones_own() -> None:
    pattern = r"абонент\s+(\d+)"
    assert read(statement(document(purpose="Абонент 42")), "ЛицевойСчёт", account_pattern=pattern) == [("42",)]
    for wrong in ("(", "абонент", "(а)(б)"):
        with pytest.raises(SettingsError, match="account_pattern"):
            opened(statement(), account_pattern=wrong)


def test_the_direction_is_told_by_accounts_and_then_by_dates() -> None:
    out = {"ПлательщикСчет": OURS, "ПолучательСчет": THEIRS, "ДатаСписано": "04.11.2026", "ДатаПоступило": ""}
    masked = {"ПолучательСчет": "0", "ПлательщикСчет": "1"}
    body = statement(
        document("1", number="1"),
        document("2", number="2", **out),
        document("3", number="3", **masked),
        document("4", number="4", **masked, ДатаСписано="04.11.2026"),
        document("5", number="5", ПлательщикСчет=OURS),
    )
    parts = portions(body, "Номер")
    assert [cell for part in parts for cell in part.columns[0]] == ["1", "3", "5"]
    assert [(fault.row, fault.reason) for part in parts for fault in part.faults] == [
        (4, "не понять, поступление это или списание")
    ]


@pytest.mark.parametrize(
    ("torn", "why"),
    [
        (document("десять"), "это не число"),
        (document("10.005"), "больше 2 знаков"),
        (document().replace("Номер=7\n", ""), "нет ключа Номер"),
        (document().replace("Сумма=10.00\n", "Сумма=10.00\nСумма=11.00\n"), "ключ Сумма стоит в документе дважды"),
        (document().replace("КонецДокумента\n", ""), "нет строки КонецДокумента"),
        (document().replace("Дата=", "Дата "), "не вида Ключ=Значение"),
    ],
)
def test_a_torn_document_costs_itself(torn: str, why: str) -> None:
    parts = portions(statement(document(number="1"), torn, document(number="3")), "Номер")
    assert [cell for part in parts for cell in part.columns[0]] == ["1", "3"]
    ((row, reason),) = [(fault.row, fault.reason) for part in parts for fault in part.faults]
    assert row == 2
    assert why in reason


def test_values_with_signs_of_equality_and_purposes_in_lines() -> None:
    body = statement(document(purpose="a=b;c=d"), document(purpose="Оплата\nза тепло ЛС 5500"))
    assert read(body, "НазначениеПлатежа", "ЛицевойСчёт") == [("a=b;c=d", ""), ("Оплата за тепло ЛС 5500", "5500")]
    parts = document(purpose="", НазначениеПлатежа1="ЛС", НазначениеПлатежа2="0077")
    assert read(statement(parts), "НазначениеПлатежа", "ЛицевойСчёт") == [("ЛС 0077", "0077")]


def test_the_same_payment_has_the_same_id_tomorrow_and_two_equal_ones_have_two() -> None:
    one = read(statement(document(number="1"), document(number="2"), document(number="2")), "Платёж")
    again = read(statement(document(number="2"), document(number="3"), document(number="2")), "Платёж")
    assert len(set(one)) == 3
    assert {one[1], one[2]} == {again[0], again[2]}


WHOLE = statement(document("1", number="1"), document("2", number="2"), came="3", went="0", closing="103")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.text("=\nА1.;\0", max_size=4), st.integers(0, 60))
def test_any_damage_is_a_sentence_or_all_money_is_told(place: int, noise: str, cut: int) -> None:
    body = WHOLE[:place] + noise + WHOLE[place + cut :]
    try:
        table = opened(body)
        parts = list(table.batches(["Сумма"]))
    except BadData as error:
        assert str(error).startswith("kl_to_1c.txt")  # noqa: PT017 - either outcome is right
    else:
        assert sum(part.rows + len(part.faults) for part in parts) == table.stated().rows
