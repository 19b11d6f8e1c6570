"""The 1C that the demo plays answers as its own documentation says, and has the traps that everybody falls into."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import pytest

from demo.bookkeeper import Bookkeeper
from demo.onec.answers import Answers, Asked
from demo.onec.base import Base
from demo.onec.filters import Misread
from demo.onec.traps import Traps
from demo.supplier import Plan, Supplier

PAYMENTS = "Document_ПлатежАбонента"
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def base() -> Base:
    return Base(Bookkeeper(Supplier(Plan(seed=3, accounts=8, months=4, today=date(2026, 11, 23)))))


@pytest.fixture
def traps() -> Traps:
    return Traps()


@pytest.fixture
def ask(base: Base, traps: Traps) -> Ask:
    def asked(path: str = PAYMENTS, **options: str) -> Any:
        query = "&".join(f"{'' if name == 'allowedOnly' else '$'}{name}={text}" for name, text in options.items())
        body, _ = Answers(base, traps)(Asked.of(path, query.replace(" ", "%20")))
        return msgspec.json.decode(body) if not path.endswith("$count") else body.decode()

    return asked


def numbers(answer: Any) -> list[str]:
    return [row["Number"] for row in answer["value"]]


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("Сумма gt 1000", lambda row: row["Сумма"] > 1000),
        (
            "Сумма add 5 gt 1000 and not (DeletionMark eq true)",
            lambda row: row["Сумма"] > 995 and not row["DeletionMark"],
        ),
        ("Сумма mul 2 le 1000 or Сумма div 2 gt 900", lambda row: row["Сумма"] <= 500 or row["Сумма"] > 1800),
        ("Date ge datetime'2026-10-01T00:00:00'", lambda row: row["Date"] >= "2026-10"),
        ("year(Date) eq 2026 and month(Date) eq 10", lambda row: row["Date"][:7] == "2026-10"),
        ("startswith(Number,'0000001') eq true", lambda row: row["Number"].startswith("0000001")),
        ("substringof('-00', Number) and endswith(Number, '2')", lambda row: row["Number"].endswith("2")),
        ("like(Number, '%-0003')", lambda row: row["Number"].endswith("-0003")),
        ("concat(Number, Канал) ne ''", lambda row: True),
        ("dateadd(Date, 'day', 31) gt datetime'2026-11-15T00:00:00'", lambda row: row["Date"] > "2026-10-15"),
        ("isof(Основание, 'Document_Квитанция')", lambda row: row["Основание"] != ""),
    ],
)
def test_a_filter_is_evaluated(base: Base, ask: Ask, text: str, test: Callable[[Any], bool]) -> None:
    expected = sorted(row["Number"] for row in base.rows[PAYMENTS] if test(row))
    assert sorted(numbers(ask(filter=text))) == expected
    assert ask(f"{PAYMENTS}/$count", filter=text) == f"\ufeff{len(expected)}"


def test_lines_of_a_document_are_searched_and_selected(ask: Ask) -> None:
    name = "Document_НачислениеУслуг"
    some = ask(name, filter="Строки/any(d: d/Итого gt 2000)", select="Number,Строки/Итого")["value"]
    assert len(some) == 2
    every = ask(name, filter="Строки/all(d: d/Начислено ge 0)", select="**")["value"]
    assert all(any(line["Итого"] > 2000 for line in row["Строки"]) for row in some)
    assert {tuple(line) for row in some for line in row["Строки"]} == {("Итого",)}
    assert len(every) == 4
    assert all("Строки" not in row for row in every)


def test_pages_are_whole_only_in_an_order(ask: Ask) -> None:
    whole = numbers(ask(orderby="Number desc,Date"))
    assert whole == sorted(whole, reverse=True)
    assert numbers(ask(orderby="Number desc", top="5", skip="3")) == whole[3:8]
    assert numbers(ask()) != numbers(ask(orderby="Ref_Key"))


def test_the_count_beside_the_rows_makes_pages_senseless(ask: Ask) -> None:
    answer = ask(orderby="Number", top="2", inlinecount="allpages")
    assert len(answer["value"]) == int(answer["odata.count"]) > 2
    assert isinstance(answer["odata.count"], str)


def test_a_composite_reference_needs_a_cast(base: Base, ask: Ask) -> None:
    basis = next(row["Основание"] for row in base.rows[PAYMENTS] if row["Основание"])
    assert numbers(ask(filter=f"Основание eq guid'{basis}'")) == []
    assert numbers(ask(filter=f"Основание eq cast(guid'{basis}','Document_Квитанция')"))


def test_a_mistyped_property_finds_nothing_and_says_nothing_unless_the_platform_is_newer(
    ask: Ask, traps: Traps
) -> None:
    assert ask(filter="Сума gt 1")["value"] == ask(select="Сума")["value"] == []
    traps.mistyped_is_empty = False
    for option in ({"filter": "Сума gt 1"}, {"select": "Сума"}, {"orderby": "Сума"}):
        with pytest.raises(Misread):
            ask(**option)


def test_references_may_be_incomparable(ask: Ask, traps: Traps) -> None:
    condition = "Ref_Key gt guid'00000000-0000-0000-0000-000000000000'"
    assert numbers(ask(filter=condition))
    traps.guids_compare = False
    with pytest.raises(Misread, match="не поддерживается"):
        ask(filter=condition)


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "Сумма gt"},
        {"filter": "Сумма gt 1)"},
        {"filter": "Сумма gt '1'"},
        {"filter": "tolower(Канал) eq 'x'"},
        {"filter": "Date gt datetime'вчера'"},
        {"filter": "Number+eq+1"},
        {"top": "много"},
        {"orderby": "Number downwards"},
    ],
)
def test_what_cannot_be_understood_is_refused(ask: Ask, query: dict[str, str]) -> None:
    with pytest.raises(Misread):
        ask(**query)


def test_a_balance_is_the_sum_of_what_came_before(base: Base, ask: Ask) -> None:
    register = "AccumulationRegister_Расчеты"
    rows = ask(f"{register}/Balance(Period=datetime'2026-10-01T00:00:00',Dimensions='Услуга')")["value"]
    records = base.rows[f"{register}_RecordType"]
    known = sum(row["Долг"] for row in records if row["Period"] < "2026-10-01")
    assert sum(msgspec.convert(str(row["ДолгBalance"]), type(known), strict=False) for row in rows) == known
    assert {next(iter(row)) for row in ask(f"{register}/Turnovers()")["value"]} == {"ЛицевойСчет_Key"}


@pytest.mark.parametrize(
    ("text", "plain", "doubled"),
    [
        ("Condition='Услуга_Key eq guid'00000000-0000-0000-0000-000000000000''", True, False),
        ("Condition='Услуга_Key eq guid''00000000-0000-0000-0000-000000000000'''", False, True),
    ],
)
def test_apostrophes_in_a_condition_are_written_in_one_of_two_ways(
    ask: Ask, traps: Traps, text: str, plain: bool, doubled: bool
) -> None:
    for traps.doubled_quotes, understood in ((False, plain), (True, doubled)):
        if understood:
            assert ask(f"AccumulationRegister_Расчеты/Balance({text})")["value"] == []
        else:
            with pytest.raises(Misread):
                ask(f"AccumulationRegister_Расчеты/Balance({text})")
