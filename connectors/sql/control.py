"""Control: what does the answer to the mapping's own `control_total` query say of rows and sums?

One row states the whole. With a column `period`, `service` or both it states groups, one row each; the whole is then
their sum. A month may be written as 202610, 2026-10, 2026-10-01 or 10.2026, a service in the source's words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from lk_sync.contracts import FieldMap, GroupTotal, Totals, Wanted
from lk_sync.errors import BadData, SettingsError
from lk_sync.flow.validate import Unfit, converter
from lk_sync.records import Kind

GROUPS: Final[Mapping[str, Kind]] = {"period": "month", "service": "code"}
_PLAIN_MONTH: Final = re.compile(r"(\d{4})(\d{2})", re.ASCII)


def totals(wanted: Wanted, heading: Sequence[str], answer: Sequence[Sequence[Any]]) -> Totals:
    """Raises SettingsError for columns that mean nothing, BadData for cells that cannot be what they should."""
    known(wanted, heading)
    rows = [dict(zip(heading, row, strict=True)) for row in answer]
    grouped = [name for name in GROUPS if name in heading]
    if not grouped and len(rows) != 1:
        raise BadData(f"{_where(wanted)}: запрос дал {len(rows)} строк, нужна одна")
    groups = [_group(wanted, row) for row in rows]
    sums: Counter[str] = Counter()
    for group in groups:
        sums.update(group.sums)
    certain = {name: sum_ for name, sum_ in sums.items() if all(name in group.sums for group in groups)}
    return Totals(rows=sum(group.rows for group in groups), sums=certain, groups=tuple(groups) if grouped else ())


def _where(wanted: Wanted) -> str:
    return f"{wanted.dataset.name}.guards.control_total"


def known(wanted: Wanted, heading: Sequence[str]) -> None:
    """Raises SettingsError for columns that mean nothing, and where there is no number of rows."""
    unknown = set(heading) - {"rows", *wanted.dataset.totals, *(GROUPS.keys() & set(wanted.dataset.columns))}
    if "rows" not in heading or unknown:
        raise SettingsError(
            f"{_where(wanted)}: запрос должен дать столбец rows и поля денег "
            f"({', '.join(wanted.dataset.totals)}), а ещё может дать period и service, если они есть у набора; "
            f"дал {', '.join(heading)}"
        )


def _group(wanted: Wanted, row: Mapping[str, Any]) -> GroupTotal:
    money = {name: row[name] for name in row if name in wanted.dataset.totals and row[name] is not None}
    sums = {name: sum_ for name, said in money.items() if (sum_ := kopecks(said)) is not None}
    try:
        return GroupTotal(
            period=_cell(wanted, "period", row), service=_cell(wanted, "service", row), rows=int(row["rows"]), sums=sums
        )
    except (Unfit, ValueError, TypeError) as error:
        raise BadData(f"{_where(wanted)}: строка ответа {list(row.values())} не понята: {error}") from error


def _cell(wanted: Wanted, name: str, row: Mapping[str, Any]) -> Any:
    if name not in row:
        return None
    mapped = {field.name: field for field in wanted.fields}
    field = mapped.get(name) or FieldMap(name=name, kind=GROUPS[name], required=True)
    value = row[name]
    if field.kind == "month" and (plain := _PLAIN_MONTH.fullmatch(str(value))):
        value = f"{plain[1]}-{plain[2]}"
    return converter(field, wanted.time_zone)(value)


def kopecks(rubles: Any) -> int | None:
    """None: not a whole number of kopecks, so some row is at fault and will be rejected by name."""
    try:
        number = Decimal(str(rubles or "0")).scaleb(2)
        return int(number) if number == number.to_integral_value() else None
    except (InvalidOperation, ValueError, OverflowError):
        return None
