"""Conditions and virtual tables are asked for in words of the metadata, and no value steps out of its place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.odata import literals
from connectors.odata.metadata import Property
from connectors.odata.settings import Condition
from lk_sync.contracts import Batch
from lk_sync.errors import LkError, SchemaDrift, SettingsError
from tests.at_the_1c import The1C, payments, wish
from tests.connectors.odata.test_odata_pages import keys, references


def count(batches: list[Batch]) -> int:
    return sum(batch.rows for batch in batches)


def rows_of(the: The1C, name: str = "Document_ПлатежАбонента") -> list[dict[str, Any]]:
    return the.served.base.rows[name]


def filtered(the: The1C, *where: dict[str, Any]) -> int:
    return count(the.pull(payments(the, options={"where": list(where)})))


def test_conditions_are_done_by_1c(onec: The1C) -> None:
    first = rows_of(onec)[0]
    october = sum(row["Date"][:7] == "2026-10" for row in rows_of(onec))
    assert filtered(onec, {"column": "Date", "ge": "2026-10-01"}, {"column": "Date", "lt": "2026-11-01"}) == october
    assert filtered(onec, {"column": "DeletionMark", "eq": True}) == 1
    assert filtered(onec, {"column": "Канал", "eq": "СБП"}) == sum(row["Канал"] == "СБП" for row in rows_of(onec))
    assert filtered(onec, {"column": "Ref_Key", "eq": first["Ref_Key"]}) == 1
    assert filtered(onec, {"column": "Сумма", "gt": "1000.50"}) == sum(
        row["Сумма"] > Decimal("1000.50") for row in rows_of(onec)
    )


def test_a_composite_reference_is_found_by_its_type(onec: The1C) -> None:
    first = next(row for row in rows_of(onec) if row["Основание"])
    same = sum(row["Основание"] == first["Основание"] for row in rows_of(onec))
    where = {"column": "Основание", "eq": first["Основание"]}
    assert filtered(onec, {**where, "type": "Document_Квитанция"}) == same > 0
    with pytest.raises(SettingsError, match=r"Основание.*составного типа; добавьте type: Document_Имя"):
        filtered(onec, where)


@pytest.mark.parametrize(
    "hostile", ["O'Brien", "' or 1 eq 1 or '", "a&$top=1", "100% #1", "+7 (999)", "Ё ё/\\?=;", "''"]
)
def test_no_text_steps_out_of_its_condition(onec: The1C, hostile: str) -> None:
    rows = rows_of(onec)
    rows[5] = rows[5] | {"Канал": hostile}
    assert filtered(onec, {"column": "Канал", "eq": hostile}) == 1
    assert any("$filter=" in asked and "Канал eq '" in asked for asked in onec.served.asked)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"column": "Ref_Key", "eq": "' or true"}, "не уникальный идентификатор"),
        ({"column": "Date", "ge": "вчера"}, "не дата"),
        ({"column": "Date", "ge": "2026-13-01"}, "не дата"),
        ({"column": "Сумма", "gt": "1 or 1 eq 1"}, "не бывает значением"),
        ({"column": "DeletionMark", "eq": "может быть"}, "не бывает значением"),
        ({"column": "Канал", "eq": "a\nb"}, "управляющий знак"),
        ({"column": "Сумма"}, "ровно один"),
        ({"column": "Сумма", "gt": 1, "lt": 2}, "ровно один"),
        ({"column": "Основание", "eq": "11111111-1111-4111-8111-111111111111", "type": "X') or ("}, "type"),
    ],
)
def test_what_cannot_be_a_value_is_refused(onec: The1C, where: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        filtered(onec, where)
    assert len(onec.served.asked) == 2  # the metadata and the farewell


def test_words_for_moments_are_of_the_supplier_s_clock() -> None:
    found, today = Property("Date", "Edm.DateTime", "moment"), literals.told_moment("2026-03-31T17:05:01", None)  # type: ignore[arg-type] # not needed
    told = {
        word: literals.condition(Condition(column="Date", ge=word), found, today)
        for word in ("today", "today-31", "month", "month-1", "month-13", "year-1")
    }
    assert {word: text.rpartition(" ")[2] for word, text in told.items()} == {
        "today": "datetime'2026-03-31T00:00:00'",
        "today-31": "datetime'2026-02-28T00:00:00'",
        "month": "datetime'2026-03-01T00:00:00'",
        "month-1": "datetime'2026-02-01T00:00:00'",
        "month-13": "datetime'2025-02-01T00:00:00'",
        "year-1": "datetime'2025-01-01T00:00:00'",
    }


BALANCE = {
    "account": {"column": "ЛицевойСчет_Key"},
    "period": {"constant": "2026-10"},
    "service": {"column": "Услуга_Key"},
    **{
        f"{name}_kopecks": {"constant": "0"}
        for name in ("opening", "charged", "recalculated", "benefit", "penalty", "paid")
    },
    "closing_kopecks": {"column": "ДолгBalance"},
}


def balances(the: The1C, table: str = "Balance", columns: dict[str, Any] | None = None, **options: Any) -> Any:
    fields = BALANCE | {"account": {"constant": "1"}} | (columns or {})
    tree = {"from": f"AccumulationRegister_Расчеты/{table}", "fields": fields, "options": options}
    return wish(the, "balances", **tree)


def settled(the: The1C, until: str) -> Decimal:
    return sum(
        (row["Долг"] for row in rows_of(the, "AccumulationRegister_Расчеты_RecordType") if row["Period"] < until),
        Decimal(0),
    )


def summed(batches: list[Batch]) -> Decimal:
    return sum((Decimal(str(cell)) for batch in batches for cell in batch.columns[-1]), Decimal(0))


@pytest.mark.parametrize("doubled", [False, True], ids=["plain", "doubled"])
def test_a_balance_is_asked_for_with_its_parameters(onec: The1C, doubled: bool) -> None:
    onec.traps.doubled_quotes = doubled
    assert summed(onec.pull(balances(onec, period="2026-09-01"))) == settled(onec, "2026-09-01")
    heating = rows_of(onec, "Catalog_Услуги")[0]["Ref_Key"]
    part = balances(
        onec,
        period="2026-09-01",
        condition=[{"column": "Услуга_Key", "eq": heating}],
        dimensions=["ЛицевойСчет", "Услуга"],
    )
    found = onec.pull(part)
    assert 0 < count(found) < count(onec.pull(balances(onec, period="2026-09-01")))
    assert {cell for batch in found for cell in batch.columns[0]} == {heating}


def test_a_text_with_an_apostrophe_cannot_end_a_condition(onec: The1C) -> None:
    onec.traps.doubled_quotes = True
    hostile = balances(onec, condition=[{"column": "Recorder_Type", "eq": "x',Period=datetime'2020-01-01T00:00:00"}])
    assert onec.pull(hostile) == []
    assert "Condition='Recorder_Type eq ''x'''',Period" in onec.served.asked[-2]


def test_months_are_asked_for_one_by_one(onec: The1C) -> None:
    columns = {
        "period": {"column": "@month"},
        "opening_kopecks": {"column": "ДолгOpeningBalance"},
        "closing_kopecks": {"column": "ДолгClosingBalance"},
    }
    wanted = balances(onec, "BalanceAndTurnovers", columns, months=3, last_month="2026-10")
    found = keys(onec.pull(wanted), wanted, "period")
    assert {month for (month,) in found} == {f"2026-{month:02d}-01T00:00:00" for month in (8, 9, 10)}
    asked = [text.partition("?")[0] for text in onec.served.asked if "Turnovers(" in text]
    assert asked[0].endswith("(StartPeriod=datetime'2026-08-01T00:00:00',EndPeriod=datetime'2026-08-31T23:59:59')")
    onec.pull(balances(onec, "BalanceAndTurnovers", columns, months=1, last_month="2026-10", month_end="next_day"))
    assert "EndPeriod=datetime'2026-11-01T00:00:00'" in onec.served.asked[-2]


def test_the_last_slice_has_one_row_for_each_meter(onec: The1C) -> None:
    meters = len(rows_of(onec, "Catalog_ПриборыУчета"))
    fields = {
        "account": {"constant": "1"},
        "document": {"column": "Прибор_Key"},
        "kind": {"constant": "other"},
        "number": {"constant": "1"},
        "signed_on": {"column": "Period"},
        "title": {"constant": "Поверка"},
    }
    tree: dict[str, Any] = {"from": "InformationRegister_ПоверкиПриборов/SliceLast()", "fields": fields}
    assert count(onec.pull(wish(onec, "documents", **tree))) == meters
    early = count(onec.pull(wish(onec, "documents", **tree, options={"period": "2018-01-01"})))
    assert 0 < early < meters * 2


@pytest.mark.parametrize(
    ("tree", "kind", "says"),
    [
        ({"from": "Document_ПлатежАбонента(guid'x')"}, SettingsError, "параметры пишут в options"),
        ({"from": "AccumulationRegister_Расчеты/Balance(Period=1)"}, SettingsError, "параметры пишут в options"),
        ({"from": "AccumulationRegister_Расчеты/Остатки"}, SchemaDrift, "есть: Balance, Turnovers"),
        ({"from": "Document_ПлатежАбонента/Balance"}, SchemaDrift, "у этого объекта их нет"),
        ({"options": {"period": "today"}}, SettingsError, "только у виртуальных таблиц"),
        ({"options": {"last_month": "2026-10"}}, SettingsError, "вместе с months"),
        ({"options": {"where": [{"column": "Колонка", "eq": 1}]}}, SchemaDrift, "Колонка.*options.where"),
        ({"options": {"filter": "1 eq 1"}}, SettingsError, "есть только where"),
        ({"options": {"period": "завтра"}}, SettingsError, "period"),
    ],
)
def test_wrong_descriptions_are_told(onec: The1C, tree: dict[str, Any], kind: type[LkError], says: str) -> None:
    with pytest.raises(kind, match=says):
        onec.pull(payments(onec, **tree))


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"start": "month-1"}, SettingsError, "нет параметра Start"),
        ({"months": 2, "period": "today"}, SettingsError, "вместе не указывают"),
        ({"allowed_only": True}, SettingsError, "только у наборов"),
        ({"dimensions": ["Участок"]}, SchemaDrift, "Участок.*options.dimensions"),
        ({"condition": [{"column": "Участок", "eq": "1"}]}, SchemaDrift, "Участок.*options.condition"),
        ({"months": 1, "last_month": "2026-17"}, SettingsError, "не месяц"),
    ],
)
def test_wrong_parameters_are_told(onec: The1C, options: dict[str, Any], kind: type[LkError], says: str) -> None:
    with pytest.raises(kind, match=says):
        onec.pull(balances(onec, **options))


def test_a_presentation_is_read_when_it_is_named(onec: The1C) -> None:
    wanted = payments(onec, {"channel": {"column": "ЛицевойСчет____Presentation"}})
    assert len(keys(onec.pull(wanted), wanted, "channel")) == len(references(onec))
    assert any("ЛицевойСчет____Presentation" in asked for asked in onec.served.asked)
