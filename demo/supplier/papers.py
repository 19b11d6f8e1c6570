"""Papers: which contract and acts does an account have, and which equipment stands in its premise?"""

from __future__ import annotations

from typing import Any, Final

from demo.supplier.households import Household
from demo.supplier.water import act

Row = tuple[Any, ...]
Paper = tuple[str, str, str, str, str | None]
LAST_CONTRACT_YEAR: Final = 2027
CONTRACT: Final = "Договор теплоснабжения и поставки горячей воды"


def documents(household: Household, meters: list[Row]) -> list[Row]:
    """The holder's contract (and the former holder's), an act for every meter that was installed or removed."""
    papers = [_contract(household, *each) for each in enumerate(_signed(household), start=1)]
    for meter in meters:
        name, serial, installed_on, removed_on = meter[1], meter[2], meter[9], meter[10]
        title = f"Акт ввода прибора учёта № {serial} в эксплуатацию"
        papers.append(("act", act(name), installed_on, title, None))
        if removed_on:
            papers.append(("act", act(name, "АЗ"), removed_on, f"Акт замены прибора учёта № {serial}", None))
    if household.closed_on is not None:
        title = "Соглашение о расторжении договора"
        papers.append(("other", f"С-{household.index + 1}", household.closed_on, title, None))
    return [_row(household, position, *paper) for position, paper in enumerate(papers, start=1)]


def _signed(household: Household) -> list[str]:
    return [day for day in (household.former_contract_on, household.holder_since) if day]


def _contract(household: Household, position: int, day: str) -> Paper:
    """Those of organisations are for a time, the others for good; the former holder's ended with the new one."""
    until = None
    if household.organisation:
        until = f"{max(int(day[:4]), LAST_CONTRACT_YEAR)}-12-31"
    elif day == household.former_contract_on:
        until = household.holder_since
    return "contract", f"Д-{household.index + 1}/{position}", day, CONTRACT, until


def _row(
    household: Household, position: int, kind: str, number: str, day: str, title: str, valid_until: str | None
) -> Row:
    document = f"{household.index:07d}-{position:02d}"
    return household.number, document, kind, number, day, title, valid_until, household.changed(day)


def equipment(household: Household) -> list[Row]:
    """What a part of the premises has besides meters; an old regulator has been taken away here and there."""
    lot, since = household.index % 6, household.opened_on
    if household.organisation:
        things = [("Теплообменник горячей воды", f"ТО-{household.index + 500}", "узел ввода", None)]
    elif lot == 1:
        things = [("Радиаторный терморегулятор", None, place, None) for place in ("кухня", "зал")]
    elif lot == 4:
        things = [("Распределитель тепла на радиаторе", f"РТ-{household.index * 7 + 1203}", "спальня", None)]
    else:
        things = []
    return [
        (household.number, f"{household.index:07d}-О{position}", *thing[:3], since, thing[3], household.changed(since))
        for position, thing in enumerate(things, start=1)
    ]
