"""Every row comes once, however the base is read by pages and whatever happens to it meanwhile."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from demo.onec.traps import Traps
from lk_sync.contracts import Batch, Wanted
from lk_sync.errors import BadData, Unreachable
from tests.at_the_1c import The1C, payments, wish

CHARGES = {
    "from": "AccumulationRegister_Начисления_RecordType",
    "fields": {
        "account": {"constant": "1"},
        "period": {"column": "Period", "type": "datetime"},
        "service": {"column": "Услуга_Key"},
        "component": {"column": "LineNumber"},
        "method": {"constant": "norm"},
        "charged_kopecks": {"column": "Начислено"},
        "recalculated_kopecks": {"column": "Перерасчет"},
        "recalculation_reason": {"column": "ЛицевойСчет_Key"},
        "benefit_kopecks": {"column": "Льгота"},
        "total_kopecks": {"column": "Итого"},
    },
}
LINES = {**CHARGES, "from": "Document_НачислениеУслуг_Строки"}


def keys(batches: list[Batch], wanted: Wanted, *names: str) -> list[tuple[Any, ...]]:
    places = [i for i, field in enumerate(wanted.asked.fields) if field.name in names]
    return [tuple(row[i] for i in places) for batch in batches for row in zip(*batch.columns, strict=True)]


def references(the: The1C) -> list[tuple[str]]:
    return sorted((row["Ref_Key"],) for row in the.served.base.rows["Document_ПлатежАбонента"])


def paged(the: The1C) -> list[str]:
    return [asked for asked in the.served.asked if "$orderby" in asked]


def set_traps(the: The1C, **traps: Any) -> None:
    for name, how in traps.items():
        assert hasattr(the.traps, name)
        setattr(the.traps, name, how)


@pytest.mark.parametrize(
    "traps",
    [
        {},
        {"guids_compare": False},
        {"page_limit": 17},
        {"page_limit": 17, "guids_compare": False},
        {"next_link": "https://elsewhere.example/odata/next"},
        {"numbers_as_text": True},
        {"mark_before_count": False, "unstable_order": False},
        {"slow_first_seconds": 0.2},
    ],
    ids=str,
)
def test_every_document_comes_once(onec: The1C, traps: dict[str, Any]) -> None:
    set_traps(onec, **traps)
    wanted = payments(onec)
    found = keys(onec.pull(wanted), wanted, "payment")
    assert sorted(found) == references(onec)
    assert onec.served.crowd == 1
    assert not any("inlinecount" in asked or "elsewhere" in asked for asked in onec.served.asked)


def test_the_next_page_begins_behind_the_last_reference_where_references_can_be_compared(onec: The1C) -> None:
    onec.pull(payments(onec))
    assert not any("$skip" in asked for asked in paged(onec))
    onec.served.asked.clear()
    onec.traps.guids_compare = False
    onec.pull(payments(onec))
    assert sum("$skip" in asked for asked in paged(onec)) == len(paged(onec)) - 2  # all but the first and the trial


@pytest.mark.parametrize(("dataset", "order"), [(CHARGES, "Period,Recorder,LineNumber"), (LINES, "Ref_Key,LineNumber")])
def test_registers_and_tabular_parts_are_read_in_an_order_of_their_own(
    onec: The1C, dataset: dict[str, Any], order: str
) -> None:
    tree = (
        {**dataset, "fields": {**dataset["fields"], "period": {"constant": "2026-10"}}} if dataset is LINES else dataset
    )
    wanted = wish(onec, "charges", **tree)
    found = keys(onec.pull(wanted), wanted, "service", "component", "recalculation_reason", "total_kopecks")
    known = onec.served.base.rows[str(dataset["from"])]
    assert Counter(found) == Counter(
        (row["Услуга_Key"], row["LineNumber"], row["ЛицевойСчет_Key"], _told(row["Итого"])) for row in known
    )
    assert all(f"$orderby={order}&" in asked for asked in paged(onec))


def _told(number: Any) -> Any:
    text = format(number, "f")
    return int(text) if "." not in text else text


def test_a_register_is_read_on_from_the_last_date_so_that_skipping_stays_cheap(onec: The1C) -> None:
    onec.pull(wish(onec, "charges", **CHARGES))
    skips = [int(asked.rpartition("$skip=")[2]) for asked in paged(onec) if "$skip" in asked]
    assert len(skips) > 5
    assert max(skips) < 100  # a month has some eighty rows, the register 475


def test_rows_that_change_while_they_are_read_are_looked_at_again(onec: The1C) -> None:
    set_traps(onec, changes=2, guids_compare=False)
    wanted = payments(onec)
    found = keys(onec.pull(wanted), wanted, "payment")
    assert sorted(found) == references(onec)
    assert sum("$skip" not in asked for asked in paged(onec)) >= 2  # looks


def test_rows_that_never_stand_still_make_the_run_try_again_later(onec: The1C) -> None:
    set_traps(onec, changes=10_000, guids_compare=False)
    with pytest.raises(Unreachable, match=r"Document_ПлатежАбонента: строки менялись, пока их читали.*попыток 3"):
        onec.pull(payments(onec))


def test_rows_that_came_and_went_behind_the_last_reference_are_no_fault(onec: The1C) -> None:
    onec.traps.changes = 10_000
    wanted = payments(onec)
    there = {key for (key,) in references(onec)}
    found = {key for (key,) in keys(onec.pull(wanted), wanted, "payment")}
    assert len(there - found) <= 1  # the one that went before it was read


@pytest.mark.parametrize(
    ("ignored", "says"),
    [
        ({"$skip"}, "одну и ту же страницу"),
        ({"$skip", "$filter"}, "одну и ту же страницу"),
    ],
)
def test_a_server_that_does_not_do_what_is_asked_is_found_out(onec: The1C, ignored: set[str], says: str) -> None:
    set_traps(onec, ignores=ignored, guids_compare="$filter" in ignored)
    with pytest.raises(BadData, match=says):
        onec.pull(payments(onec))


def test_a_server_that_gives_all_rows_at_once_is_believed_if_their_number_is_right(onec: The1C) -> None:
    onec.traps.ignores = {"$top", "$skip"}
    wanted = payments(onec)
    assert sorted(keys(onec.pull(wanted), wanted, "payment")) == references(onec)


def test_a_server_that_does_not_put_rows_in_order_loses_none_unnoticed(onec: The1C) -> None:
    set_traps(onec, ignores={"$orderby"}, guids_compare=False)
    with pytest.raises(Unreachable, match="строки менялись"):
        onec.pull(payments(onec))


def test_a_filter_that_is_ignored_is_found_out(onec: The1C) -> None:
    onec.traps.ignores = {"$filter"}
    wanted = payments(onec, options={"where": [{"column": "Date", "ge": "2026-10-01"}]})
    with pytest.raises(BadData, match=r"не просили \(Date ge 2026-10-01T00:00:00\)"):
        onec.pull(wanted)


def test_an_increment_that_the_server_does_not_heed_is_found_out(onec: The1C) -> None:
    onec.traps.ignores = {"$filter"}
    wanted = payments(onec, watermark="ДатаИзменения")
    later = msgspec.structs.replace(wanted.asked, since="2026-11-01T00:00:00.000000")
    with onec.source().connect() as session, pytest.raises(BadData, match=r"не выполняет \$filter"):
        list(session.pull(later))


def test_the_traps_are_those_of_every_1c(onec: The1C) -> None:
    assert (Traps().unstable_order, Traps().inlinecount_takes_all, Traps().mistyped_is_empty) == (True, True, True)
