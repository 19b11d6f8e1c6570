"""Tally: is what was staged what the source said, and is what is published what was staged?

Row counts and sums of money, in all and, where the source states them, by month and service. What does not agree
before the publication is a finding; what does not agree at its end is rolled back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from lk_sync.cache.base import Base
from lk_sync.contracts import GroupTotal
from lk_sync.errors import BadData
from lk_sync.flow import beside, stage
from lk_sync.flow.findings import Finding, found, rubles
from lk_sync.flow.stage import Staged
from lk_sync.guards import Guards
from lk_sync.records import DATASETS, month_text

GROUPS: Final = ("period", "service")
MOST_TOLD: Final = 5
Group = tuple[int | None, str | None]


class Sum(msgspec.Struct):
    """How many rows, and what they amount to by field."""

    rows: int = 0
    sums: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, rows: int, sums: Mapping[str, int]) -> None:
        self.rows += rows
        self.sums.update(sums)


def findings(base: Base, what: Staged, rule: Guards) -> Iterator[Finding]:
    """The source's own totals against what arrived. Rejected rows are missing from the sums and are said apart."""
    said = what.source
    if said is None:
        return
    if said.rows != what.pulled:
        yield from found(what.dataset, "rows", rule, f"строк в источнике {said.rows}, получено {what.pulled}")
    if what.rejected:
        return
    for field, amount in said.sums.items():
        if field in what.sums and what.sums[field] != amount:
            text = f"контрольная сумма {field}: в источнике {rubles(amount)}, получено {rubles(what.sums[field])}"
            yield from found(what.dataset, "totals", rule, text)
    if said.groups and not what.gone and not what.replaced and rule.act("totals") != "ignore":
        yield from _groups(base, what, rule, said.groups)


def _groups(base: Base, what: Staged, rule: Guards, said: tuple[GroupTotal, ...]) -> Iterator[Finding]:
    by_period, by_service = (any(getattr(total, name) is not None for total in said) for name in GROUPS)
    came: dict[Group, Sum] = {}
    for (period, service), sum_ in _by_group(base, f"{beside.pulled(base, what)} AS came", what.dataset).items():
        group = (period if by_period else None, service if by_service else None)
        came.setdefault(group, Sum()).add(sum_.rows, sum_.sums)
    faults: list[str] = []
    for total in said:
        faults += _disagreement(total, came.pop((total.period, total.service), Sum()))
    faults += [f"{_title(group)}: в источнике строк нет, получено {sum_.rows}" for group, sum_ in came.items()]
    if faults:
        more = f"; и ещё {len(faults) - MOST_TOLD}" if len(faults) > MOST_TOLD else ""
        yield from found(what.dataset, "totals", rule, "по месяцам и услугам: " + "; ".join(faults[:MOST_TOLD]) + more)


def _disagreement(said: GroupTotal, came: Sum) -> Iterator[str]:
    title = _title((said.period, said.service))
    if said.rows != came.rows:
        yield f"{title}: строк в источнике {said.rows}, получено {came.rows}"
    for field, amount in said.sums.items():
        if came.sums[field] != amount:
            yield f"{title}: {field} в источнике {rubles(amount)}, получено {rubles(came.sums[field])}"


def _title(group: Group) -> str:
    period, service = group
    return " ".join(([] if period is None else [month_text(period)]) + ([] if service is None else [service]))


def _by_group(base: Base, table: str, name: str, **parameters: Any) -> dict[Group, Sum]:
    """The rows of a table of dataset `name` by month and service, as far as the dataset has them."""
    dataset, words = DATASETS[name], stage.words(base)
    keys = [column if column in dataset.columns else f"NULL AS {column}" for column in GROUPS]
    grouped = [column for column in GROUPS if column in dataset.columns]
    cells = ", ".join([*keys, "COUNT(*)", *(f"SUM({field})" for field in dataset.totals)])
    by = f" GROUP BY {', '.join(grouped)}" if grouped else ""
    rows = base.execute(f"SELECT {cells} FROM {table}{by}", parameters)
    sums: dict[Group, Sum] = {}
    for period, service, count, *amounts in rows:
        sum_ = Sum(rows=int(count))
        sum_.sums.update({field: int(amount or 0) for field, amount in zip(dataset.totals, amounts, strict=True)})
        sums[period, None if service is None else words.code(service)] = sum_
    return sums


def compare(base: Base, what: Staged, origin: int | None, *, first: bool, unwritten: int) -> None:
    """Inside the publication, at its end. Raises BadData unless what is there now is what was staged.

    `unwritten`: rows that were to be written or ended and are not as they should be. `first`: the table held nothing
    before. A snapshot has to be the whole of what its source has there; of an increment the changed rows are told."""
    if unwritten:
        raise _unlike(what, f"строк, записанных не так, как приняты: {unwritten}")
    if not first and not (what.mode == "full" and what.absent_ends):
        return
    where, parameters = ("", {}) if first else (" WHERE origin = :origin", {"origin": origin})
    rows, sums = _staged(base, what)
    if first:  # copied row by row: rows and their last sum tell of any that is lost, at half the cost
        sums = {field: sums[field] for field in DATASETS[what.dataset].totals[-1:] if field in sums}
    there = _amount(base, f"{base.at.cache}.{what.dataset}{where}", tuple(sums), parameters)
    if there != (rows, sums):
        raise _unlike(what, f"принято {_told(rows, sums)}, опубликовано бы {_told(*there)}")
    if what.source is not None and what.source.groups:
        staged = _by_group(base, f"{base.at.staging}.{what.dataset}{where}", what.dataset, **parameters)
        if _by_group(base, f"{base.at.cache}.{what.dataset}{where}", what.dataset, **parameters) != staged:
            raise _unlike(what, "суммы по месяцам и услугам разошлись с принятыми")


def _staged(base: Base, what: Staged) -> tuple[int, dict[str, int]]:
    """As counted while it was pulled; where rows were taken out since, as the staged table has it."""
    if what.gone or what.replaced or what.beside is not None:
        return _amount(base, f"{base.at.staging}.{what.dataset}", tuple(what.sums), {})
    return what.pulled - what.rejected, dict(what.sums)


def _amount(
    base: Base, table: str, fields: tuple[str, ...], parameters: Mapping[str, Any]
) -> tuple[int, dict[str, int]]:
    cells = ", ".join(["COUNT(*)", *(f"COALESCE(SUM({field}), 0)" for field in fields)])
    rows, *amounts = base.execute(f"SELECT {cells} FROM {table}", parameters).fetchone()
    return int(rows), {field: int(amount) for field, amount in zip(fields, amounts, strict=True)}


def _told(rows: int, sums: Mapping[str, int]) -> str:
    return ", ".join([f"строк {rows}", *(f"{field} {rubles(amount)}" for field, amount in sums.items())])


def _unlike(what: Staged, why: str) -> BadData:
    return BadData(
        f"{what.dataset}: {why}; всё отменено, абоненты видят прежние данные. Проверьте диск, на котором лежит кэш; "
        "если повторится, удалите кэш и выполните lk-sync pull --full"
    )
