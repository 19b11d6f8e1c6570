"""Pages: which rows does an answer hold, and what stands in their cells?

Pure. A row that is no row, or lacks a property that was asked for, comes out as a fault and is counted; nothing is
dropped and nothing is guessed. Numbers stay as they are written: they never become binary fractions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final, TypeGuard

import msgspec

from connectors.odata.literals import NO_REFERENCE
from connectors.odata.metadata import Property
from lk_sync.contracts import RowFault

NO_DATE: Final = "0001-01-01T00:00:00"
UNDEFINED: Final = "StandardODATA.Undefined"
LONGEST_NUMBER: Final = 40
FAULT: Final = "\0"  # what the key of a row begins with that could not be read
TRUE_DIGITS: Final = Context(prec=15)
Cell = str | int | None
Row = Mapping[str, Any]
Read = Callable[[Row], Cell]


class NoPage(Exception):
    """The answer is no list of rows; says what it is."""


class Columns(msgspec.Struct, frozen=True):
    """What is made of the rows of an answer: a reader for every column, the names that every row must have, and those
    that tell rows apart."""

    read: Sequence[Read]
    needed: Sequence[str]
    key: Sequence[str]
    watermark: str | None = None


class Rows(msgspec.Struct):
    """Rows as columns. `numbers`: from 1 within the answer; `keys` of all rows, faulty ones too, in order."""

    columns: list[list[Cell]]
    numbers: list[int]
    faults: list[RowFault]
    keys: list[str]
    watermark: str | None = None

    @property
    def count(self) -> int:
        return len(self.keys)

    def without_first(self) -> Rows:
        """The rows but for the first one, which is known already."""
        good = self.numbers[:1] == [1]
        return Rows(
            columns=[cells[1:] for cells in self.columns] if good else self.columns,
            numbers=[number - 1 for number in self.numbers[good:]],
            faults=[msgspec.structs.replace(each, row=each.row - 1) for each in self.faults[not good :]],
            keys=self.keys[1:],
            watermark=self.watermark,
        )


def listed(body: bytes) -> list[Any]:
    """What stands in `value`. Raises NoPage."""
    try:
        answer = json.loads(body.decode("utf-8-sig"), parse_float=_number, parse_int=_whole, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise NoPage("ответ оборван или испорчен") from error
    value = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(value, list):
        raise NoPage("в ответе нет списка value")
    halves = b"\\ud" in body or b"\\uD" in body
    return [_scrubbed(row) for row in value] if halves else value


def _scrubbed(cell: Any) -> Any:
    """Halves of letters, which no text may have, become what the validation rejects by name."""
    if isinstance(cell, str):
        return cell.encode("utf-8", errors="surrogatepass").decode("utf-8", errors="replace")
    if isinstance(cell, dict):
        return {_scrubbed(name): _scrubbed(each) for name, each in cell.items()}
    return [_scrubbed(each) for each in cell] if isinstance(cell, list) else cell


def _number(literal: str) -> str:
    """Without an exponent, where it is short enough to be a number of somebody's books."""
    if "e" not in literal and "E" not in literal:
        return literal
    number = Decimal(literal)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > LONGEST_NUMBER or len(literal) > LONGEST_NUMBER:
        return literal
    return format(number, "f")


def _whole(literal: str) -> int | str:
    return int(literal) if len(literal) <= LONGEST_NUMBER // 3 else literal


def rows(found: Sequence[Any], columns: Columns, *, until: str) -> Rows:
    """`until`: a watermark later than this is of a moment that is still to come, and counts for nothing."""
    made = Rows([[] for _ in columns.read], [], [], [])
    for number, row in enumerate(found, 1):
        fault = _fault(row, columns.needed)
        if fault is None:
            made.keys.append(_key(row, columns))
            made.numbers.append(number)
            for cells, read in zip(made.columns, columns.read, strict=True):
                cells.append(read(row))
            made.watermark = _later(made.watermark, row, columns.watermark, until)
        else:
            made.keys.append(f"{FAULT}{_shown(row)}")
            made.faults.append(RowFault(row=number, value=_shown(row)[:200], reason=fault))
    return made


def key_of(row: Any, columns: Columns) -> str:
    """What tells the row from the others; of one that cannot be read, all that stands in it."""
    return f"{FAULT}{_shown(row)}" if _fault(row, columns.needed) else _key(row, columns)


def _key(row: Row, columns: Columns) -> str:
    return "\0".join(str(row[name]) for name in columns.key) if columns.key else _shown(row)


def _fault(row: Any, needed: Sequence[str]) -> str | None:
    if not isinstance(row, dict):
        return "это не запись 1С"
    for name in needed:
        if name not in row:
            return f"в записи нет реквизита «{name}»"
        if isinstance(row[name], dict | list):
            return f"реквизит «{name}» — не значение, а вложенные данные"
    return None


def _shown(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True, default=str)


def _later(known: str | None, row: Row, name: str | None, until: str) -> str | None:
    if name is None:
        return None
    moment = row[name]
    if not is_moment(moment) or moment == NO_DATE or moment > until:
        return known
    return moment if known is None else max(known, moment)


def is_moment(cell: Any) -> TypeGuard[str]:
    """Whether it is a moment as 1C writes it, so that moments sort as texts."""
    if not isinstance(cell, str) or len(cell) != len(NO_DATE):
        return False
    try:
        return datetime.fromisoformat(cell).isoformat() == cell
    except ValueError:
        return False


def reader(found: Property, *, rounded: bool) -> Read:
    """How the cell of a property is read."""
    name, family, type_name = found.name, found.family, f"{found.name}_Type"
    if found.composite:
        return lambda row: None if row.get(type_name) == UNDEFINED else _reference(row[name])
    if family == "guid":
        return lambda row: _reference(row[name])
    if family == "moment":
        return lambda row: None if row[name] == NO_DATE else _plain(row[name])
    if rounded:
        return lambda row: _rounded(row[name])
    return lambda row: _plain(row[name])


def _plain(cell: Any) -> Cell:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell if cell is None or isinstance(cell, str | int) else str(cell)


def _reference(cell: Any) -> Cell:
    return None if cell in (NO_REFERENCE, "") else _plain(cell)


def _rounded(cell: Any) -> Cell:
    if not isinstance(cell, str):
        return _plain(cell)
    try:
        number = TRUE_DIGITS.plus(Decimal(cell))
    except InvalidOperation:
        return cell
    return _number(str(number)) if number.is_finite() else cell
