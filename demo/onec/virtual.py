"""Virtual: what do the virtual tables of registers give, summed from the records?

`Balance`, `Turnovers`, `BalanceAndTurnovers` of accumulation registers, `SliceLast` and `SliceFirst` of information
registers. A row whose numbers are all zero is not among balances.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from demo.onec.base import Cells, totals
from demo.onec.filters import Misread, Reading
from demo.onec.model import PARAMETERS, EntitySet

_MOMENT: Final = re.compile(r"datetime'([^']*)'")
_NAMED: Final = re.compile(r"\s*(\w+)\s*=\s*")
_FOLLOWS: Final = re.compile(r"\s*(?:,\s*\w+\s*=|$)")


def parameters(text: str, function: str, *, doubled: bool) -> Mapping[str, str]:
    """`Period=datetime'…',Condition='…'` by name. `doubled`: apostrophes inside a text must be doubled; otherwise they
    must not be."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        named = _NAMED.match(text, at)
        if named is None or named[1] not in PARAMETERS[function]:
            raise Misread(6, f"Неверный URL: параметр «{text[at:]}»")
        value, at = _value(text, named.end(), doubled=doubled)
        found[named[1]] = value
        at += 1 if text[at : at + 1] == "," else 0
    return found


def _value(text: str, at: int, *, doubled: bool) -> tuple[str, int]:
    if moment := _MOMENT.match(text, at):
        return moment[1], moment.end()
    if text[at : at + 1] != "'":
        raise Misread(6, f"Неверный URL: «{text[at:]}»")
    end = at + 1
    while end < len(text):
        if doubled and text[end : end + 2] == "''":
            end += 2
        elif text[end] == "'" and _FOLLOWS.match(text, end + 1):
            inside = text[at + 1 : end]
            if not doubled:
                return inside, end + 1
            if re.search(r"(?<!')'(?!')", inside):
                break
            return inside.replace("''", "'"), end + 1
        elif doubled and text[end] == "'":
            break
        else:
            end += 1
    raise Misread(6, "Неверный URL: апострофы")


def rows(
    function: str, entity_set: EntitySet, records: Iterable[Cells], asked: Mapping[str, str], reading: Reading
) -> list[Cells]:
    """The rows of the virtual table."""
    test = reading.where(asked["Condition"]) if asked.get("Condition") else (lambda row: True)
    kept = [row for row in records if test(row)]
    if function.startswith("Slice"):
        return _slice(entity_set, kept, asked.get("Period"), last=function == "SliceLast")
    by = _dimensions(entity_set, asked.get("Dimensions"))
    groups: dict[tuple[Any, ...], list[Cells]] = defaultdict(list)
    for row in kept:
        groups[tuple(row[name] for name in by)].append(row)
    make = _GROUPED[function]
    summed = (
        dict(zip(by, key, strict=True)) | made for key, of in groups.items() if (made := make(entity_set, of, asked))
    )
    return list(summed)


def _dimensions(entity_set: EntitySet, wished: str | None) -> tuple[str, ...]:
    if not wished:
        return entity_set.dimensions
    names = {name.removesuffix("_Key"): name for name in entity_set.dimensions}
    try:
        return tuple(names[each.strip().removesuffix("_Key")] for each in wished.split(","))
    except KeyError as error:
        raise Misread(14, f"Нет измерения {error}") from None


def _slice(entity_set: EntitySet, records: list[Cells], period: str | None, *, last: bool) -> list[Cells]:
    found: dict[tuple[Any, ...], Cells] = {}
    for row in sorted(records, key=lambda row: row["Period"], reverse=not last):
        within = period is None or (row["Period"] <= period if last else row["Period"] >= period)
        if within:
            found[tuple(row[name] for name in entity_set.dimensions)] = row
    return list(found.values())


def _balance(entity_set: EntitySet, records: list[Cells], asked: Mapping[str, str]) -> Cells | None:
    until = asked.get("Period")
    sums = dict(totals((row for row in records if until is None or row["Period"] < until), entity_set.resources))
    return {f"{name}Balance": sums[name] for name in sums} if any(sums.values()) else None


def _moved(records: list[Cells], asked: Mapping[str, str]) -> tuple[list[Cells], list[Cells]]:
    """Records before the interval, and within it; its end belongs to it."""
    start, end = asked.get("StartPeriod"), asked.get("EndPeriod")
    before = [row for row in records if start is not None and row["Period"] < start]
    within = [
        row for row in records if (start is None or row["Period"] >= start) and (end is None or row["Period"] <= end)
    ]
    return before, within


def _turnovers(entity_set: EntitySet, records: list[Cells], asked: Mapping[str, str]) -> Cells | None:
    _, within = _moved(records, asked)
    made: Cells = {}
    for name, sum_ in totals(within, entity_set.resources):
        made |= {f"{name}Turnover": sum_, f"{name}Receipt": sum_, f"{name}Expense": sum_ * 0}
    return made if within else None


def _both(entity_set: EntitySet, records: list[Cells], asked: Mapping[str, str]) -> Cells | None:
    before, within = _moved(records, asked)
    opening, turnover = dict(totals(before, entity_set.resources)), dict(totals(within, entity_set.resources))
    if not within and not opening[entity_set.resources[0]]:  # the others have turnovers only
        return None
    made: Cells = {}
    for name in entity_set.resources:
        made |= {
            f"{name}OpeningBalance": opening[name],
            f"{name}Turnover": turnover[name],
            f"{name}Receipt": turnover[name],
            f"{name}Expense": turnover[name] * 0,
            f"{name}ClosingBalance": opening[name] + turnover[name],
        }
    return made


_GROUPED: Final[Mapping[str, Callable[[EntitySet, list[Cells], Mapping[str, str]], Cells | None]]] = {
    "Balance": _balance,
    "Turnovers": _turnovers,
    "BalanceAndTurnovers": _both,
}
