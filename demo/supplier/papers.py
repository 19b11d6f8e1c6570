"""Papers: which contract and acts does an account have?"""

from __future__ import annotations

from typing import Any, Final

from demo.supplier.households import Household

Row = tuple[Any, ...]
CONTRACT: Final = "Договор теплоснабжения и поставки горячей воды"


def documents(household: Household, meters: list[Row]) -> list[Row]:
    """The holder's contract (and the former holder's), an act for every meter that was installed or removed."""
    papers = [("contract", "Д", day, CONTRACT) for day in (household.former_contract_on, household.holder_since) if day]
    for meter in meters:
        serial, installed_on, removed_on = meter[2], meter[9], meter[10]
        papers.append(("act", "АВ", installed_on, f"Акт ввода прибора учёта № {serial} в эксплуатацию"))
        if removed_on:
            papers.append(("act", "АЗ", removed_on, f"Акт замены прибора учёта № {serial}"))
    if household.closed_on is not None:
        papers.append(("other", "С", household.closed_on, "Соглашение о расторжении договора"))
    return [_row(household, position, *paper) for position, paper in enumerate(papers, start=1)]


def _row(household: Household, position: int, kind: str, letter: str, day: str, title: str) -> Row:
    document = f"{household.index:07d}-{position:02d}"
    number = f"{letter}-{household.index + 1}/{position}"
    return household.number, document, kind, number, day, title, household.changed(day)
