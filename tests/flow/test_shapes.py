"""Whatever shape the source's tables have, the mapping alone makes our rows of them, and none gets lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lk_sync.config import Config
from lk_sync.flow.run import RunReport
from lk_sync.store import rejects
from tests.flow.conftest import World

Cells = Callable[[str], list[tuple[Any, ...]]]

CHARGES = """
  charges:
    from: Строки
    fields:
      account: {lookup: {column: счёт, from: Счета, key: ид, value: лс}}
      period: {concat: [год, "-", месяц], type: month}
      service: {column: услуга, type: enum, values: {Отопление: heating}, any_case: true}
      component: {constant: ""}
      method: {coalesce: [способ, {constant: norm}]}
      charged_kopecks: {column: начислено, scale: 2}
      recalculated_kopecks: {sum: [доплата, {negate: возврат}]}
      benefit_kopecks: {column: льгота, default: "0"}
      total_kopecks: {column: итого}
"""
LINE = {
    "счёт": 7, "год": 2026, "месяц": 9, "услуга": " отопление ", "способ": None, "начислено": 12345,
    "доплата": "1.50", "возврат": None, "льгота": None, "итого": "124.95",
}  # fmt: skip
ACCOUNTS = [{"ид": 7, "лс": "000700"}, {"ид": 8, "лс": "000800"}]


def describe(world: World, datasets: str) -> None:
    path = world.config.folder / "sources" / "books.yaml"
    path.write_text(f"source: scripted\nconnection: {{script: {world.script}}}\ndatasets:{datasets}", "utf-8")
    world.config = Config(world.config.folder, world.config.environment)
    world.books = {}


def rejected(world: World, report: RunReport) -> list[tuple[str, str, str]]:
    found = world.store.read(lambda tx: rejects.of_run(tx, run=report.run, most=100))
    return [(each.field, each.value, each.reason) for each in found]


def lines(world: World, *changes: dict[str, Any]) -> None:
    describe(world, CHARGES.replace("Строки", "Строки\n    guards: {reject_percent: 100}"))
    world.books["charges"] = {"rows": [LINE | change for change in changes]}
    world.books["charges.account"] = {"rows": ACCOUNTS}


def test_fields_are_computed_exactly(world: World, cells: Cells) -> None:
    lines(world, {}, {"счёт": 8, "возврат": "2.75", "доплата": None, "льгота": "0.05", "способ": "meter"})
    world.pull()
    assert cells(
        "SELECT account, period, s.code, m.code, charged_kopecks, recalculated_kopecks, benefit_kopecks FROM charges"
        " JOIN codes s ON s.id = service JOIN codes m ON m.id = method ORDER BY 1"
    ) == [
        (1000700, 202609, "heating", "norm", 12345, 150, 0),
        (1000800, 202609, "heating", "meter", 12345, -275, 5),
    ]


@pytest.mark.parametrize(
    ("change", "field", "value", "reason"),
    [
        ({"счёт": 9}, "account", "счёт = 9", "нет строки «9» в Счета, столбец «ид»"),
        ({"счёт": None}, "account", "счёт = ", "пусто, а поле обязательное"),
        ({"доплата": "полтора"}, "recalculated_kopecks", "полтора", "столбец «доплата»: это не число"),
        ({"доплата": None}, "recalculated_kopecks", "доплата = ; возврат = ", "пусто, а поле обязательное"),
        (
            {"начислено": "123.4"},
            "charged_kopecks",
            "начислено = 123,40",
            "после деления на 100 остаётся больше знаков",
        ),
        ({"месяц": 13}, "period", "год = 2026; месяц = 13", "такого месяца нет"),
        ({"услуга": "вода"}, "service", "вода", "значение не описано в values (есть: Отопление)"),
    ],
)
def test_a_row_that_cannot_be_made_is_rejected_and_the_others_are_not(
    world: World, cells: Cells, change: dict[str, Any], field: str, value: str, reason: str
) -> None:
    lines(world, {"месяц": 8}, change, {"месяц": 10})
    report = world.pull()
    assert (report.datasets[0].pulled, report.datasets[0].rejected) == (3, 1)
    assert cells("SELECT period FROM charges ORDER BY 1") == [(202608,), (202610,)]
    ((told_field, told_value, told_reason),) = rejected(world, report)
    assert (told_field, told_value) == (field, value)
    assert told_reason.startswith(reason)


HOUSES = """
  accounts:
    from: Счета
    guards: {reject_percent: 100}
    fields:
      account: {column: лс}
      holder_key: {column: лс}
      holder_name: {column: лс}
      holder_kind: {constant: person}
      address: {concat: [{lookup: {column: дом, from: Дома, key: ид, value: адрес}}, ", ", {constant: "кв. "}, кв]}
"""


def test_a_part_of_a_text_may_stand_in_another_table(world: World, cells: Cells) -> None:
    describe(world, HOUSES)
    houses = [1, 2, None, 3, 9]
    world.books["accounts"] = {"rows": [{"лс": f"{n}", "дом": house, "кв": n} for n, house in enumerate(houses)]}
    rows = [{"ид": 1, "адрес": "ул. Мира, 1"}, {"ид": 2, "адрес": " пр. Мира, 2 "}, {"ид": 3, "адрес": None}]
    world.books["accounts.address"] = {"rows": rows}
    report = world.pull()
    assert cells("SELECT address FROM accounts ORDER BY account") == [
        ("ул. Мира, 1, кв. 0",), ("пр. Мира, 2, кв. 1",), ("кв. 2",), ("кв. 3",),
    ]  # fmt: skip
    assert rejected(world, report)[0][2] == "нет строки «9» в Дома, столбец «ид»"


def test_a_lookup_with_two_answers_gives_none(world: World) -> None:
    lines(world, {})
    world.books["charges.account"] = {"rows": [*ACCOUNTS, {"ид": 7, "лс": "000701"}]}
    report = world.pull()
    assert "несколько, и значения у них разные" in rejected(world, report)[0][2]


def test_totals_of_the_source_are_compared_field_by_field_though_they_are_computed(world: World) -> None:
    lines(world, {}, {"счёт": 8})
    totals = {"charged_kopecks#1": 2 * 1234500, "recalculated_kopecks#1": 300, "recalculated_kopecks#2": 0}
    world.books["charges"]["totals"] = {"rows": 2, "sums": totals}
    assert world.pull().state == "published"
    world.books["charges"]["totals"]["sums"]["recalculated_kopecks#1"] = 301
    report = world.pull()
    assert report.state == "held"
    assert any("recalculated_kopecks" in finding.text for finding in report.findings)


MONEY = """
  payments:
    from: Платежи
    watermark: изменён
    overlap_minutes: 0
    extra: {банк: Через банк, комментарий: Примечание}
    deletes: {flag: {column: состояние, values: [Удалён]}%s}
    guards: {reject_percent: 100, shrink_percent: 100, may_be_empty: true}
    fields:
      account: {column: лс}
      payment: {column: ид}
      paid_on: {column: когда, format: Д/М/ГГ}
      period: {column: момент, type: datetime}
      amount_kopecks: {column: сумма}
      channel: {constant: банк}
"""
TOMBS = ", table: {from: Удалённые, watermark: когда, fields: {account: {column: лс}, payment: {column: ид}}}"


def paid(world: World, ident: str, changed: str = "2026-11-01T00:00:00", **other: Any) -> None:
    row = {"лс": "000700", "ид": ident, "когда": "5/11/26", "момент": "2026-10-31T22:30:00+00:00", "сумма": "10.00"}
    row |= {"состояние": None, "банк": None, "комментарий": None, "изменён": changed}
    world.books.setdefault("payments", {"rows": []})["rows"].append(row | other)


def test_a_day_is_read_as_written_and_a_month_on_the_suppliers_clock(world: World, cells: Cells) -> None:
    describe(world, MONEY % "")
    paid(world, "1")
    world.pull()
    assert cells("SELECT paid_on, period FROM payments") == [("2026-11-05", 202611)]


def test_other_information_is_kept_as_the_supplier_labels_it(world: World, cells: Cells) -> None:
    describe(world, MONEY % "")
    paid(world, "1", комментарий='«за "май"»')
    paid(world, "2", банк="А", комментарий="б")
    paid(world, "3")
    world.pull()
    assert cells("SELECT extra FROM payments ORDER BY payment") == [
        ('{"Примечание":"«за \\"май\\"»"}',), ('{"Через банк":"А","Примечание":"б"}',), (None,),
    ]  # fmt: skip


def test_a_row_marked_as_deleted_ends_in_an_increment_whatever_else_it_holds(world: World, cells: Cells) -> None:
    describe(world, MONEY % "")
    paid(world, "1")
    paid(world, "2")
    world.pull()
    paid(world, "3", "2026-11-02T00:00:00")
    world.books["payments"]["rows"][0] |= {"состояние": "УДАЛЁН", "сумма": "нет", "изменён": "2026-11-02T00:00:00"}
    report = world.pull()
    (payments,) = report.datasets
    assert (payments.mode, payments.pulled, payments.rejected, payments.ended) == ("increment", 3, 0, 1)
    assert cells("SELECT payment FROM payments ORDER BY 1") == [("2",), ("3",)]


def test_sums_of_the_source_count_rows_that_are_marked_as_deleted(world: World) -> None:
    describe(world, MONEY % "")
    paid(world, "1")
    paid(world, "2", состояние="Удалён")
    world.books["payments"]["totals"] = {"rows": 2, "sums": {"amount_kopecks": 2000}}
    assert world.pull().state == "published"


def test_a_table_of_deleted_rows_ends_them_and_what_was_entered_anew_stays(world: World, cells: Cells) -> None:
    describe(world, MONEY % TOMBS)
    for ident in "123":
        paid(world, ident)
    world.books["payments.deleted"] = {"rows": []}
    world.pull()
    for ident in "12":
        world.books["payments.deleted"]["rows"].append({"лс": "000700", "ид": ident, "когда": "2026-11-02T00:00:00"})
    del world.books["payments"]["rows"][0]
    world.books["payments"]["rows"][0]["изменён"] = "2026-11-02T00:05:00"  # «2» was deleted and entered anew
    assert world.pull().datasets[0].ended == 1
    for _ in range(2):  # the note is read again, the row is older than the newest one
        paid(world, "4", "2026-11-03T00:00:00")
        world.pull()
        assert cells("SELECT payment FROM payments ORDER BY 1") == [("2",), ("3",), ("4",)]
        del world.books["payments"]["rows"][-1]


def test_a_snapshot_need_not_end_what_it_does_not_hold(world: World, cells: Cells) -> None:
    describe(world, MONEY.replace("deletes: {", "deletes: {absent: false, ") % "")
    paid(world, "1")
    paid(world, "2")
    world.pull()
    del world.books["payments"]["rows"][0]
    world.pull(full=True)
    assert cells("SELECT COUNT(*) FROM payments") == [(2,)]


def test_two_sources_may_not_both_feed_a_dataset_first(world: World) -> None:
    other = world.config.folder / "sources" / "bank.yaml"
    other.write_text((world.config.folder / "sources" / "books.yaml").read_text("utf-8"), "utf-8")
    world.config = Config(world.config.folder, world.config.environment)
    with pytest.raises(Exception, match=r"bank\.yaml.*|books\.yaml.*beside: bank"):
        world.pull()
