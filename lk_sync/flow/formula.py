"""Formula: how is the column of a computed field made of the columns of its operands?

Every function here takes whole columns and raises Unfit when a cell is at fault; whose cell it was is found by whoever
asks again with that row alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Any, Final, assert_never
from zoneinfo import ZoneInfo

from lk_sync.clock import local
from lk_sync.contracts import FieldMap
from lk_sync.flow.validate import Unfit, converter
from lk_sync.shaping import (
    Between,
    Cell,
    Computed,
    DayOf,
    First,
    Fixed,
    Found,
    Joined,
    Negated,
    Node,
    Read,
    Scaled,
    Sum,
)
from lk_sync.written_dates import DateForm

Make = Callable[[Mapping[str, Sequence[Any]], int], list[Any]]  # columns, how many rows → the column
Table = Mapping[str, Any]  # of a lookup: key → value, or the Unfit that says why there is none
MAX_REMEMBERED: Final = 50_000


def operands(node: Node | Between) -> Iterator[str]:
    """The fields of the wish that a node is made of."""
    match node:
        case Cell(field):
            yield field
        case Sum(parts) | First(parts) | Joined(parts):
            for each in parts:
                yield from operands(each)
        case Negated(part) | Found(part) | Scaled(part) | DayOf(part) | Read(part):
            yield from operands(part)


class Workshop:
    """Makes columns. `tables`: the lookups; `titles`: how they are called in a report."""

    def __init__(self, time_zone: str, tables: Sequence[Table], titles: Sequence[str]) -> None:
        self._time_zone, self._tables, self._titles = time_zone, tables, titles

    def field(self, computed: Computed) -> Make:
        """The column of a field of the dataset."""
        make, field = self._node(computed.by), computed.field

        def column(columns: Mapping[str, Sequence[Any]], rows: int) -> list[Any]:
            cells = make(columns, rows)
            if field.required and None in cells:
                raise Unfit("пусто, а поле обязательное")
            return in_text(cells) if field.kind == "account" else cells

        return column

    def _node(self, node: Node) -> Make:
        match node:
            case Cell(name):
                return lambda columns, _: list(columns[name])
            case Fixed(cell):
                return lambda _, rows: [cell] * rows
            case Sum(parts):
                return self._folded(parts, _both)
            case First(parts):
                return self._folded(parts, _first)
            case Negated(part):
                return self._each(part, lambda cell: -cell)
            case Scaled(part, digits):
                return self._each(part, _scaling(digits))
            case DayOf(part, month):
                return self._each(part, _Remembered(_day_of(ZoneInfo(self._time_zone), month=month)).__getitem__)
            case Read(part, field, form):
                return self._each(part, _Remembered(_reading(field, form, self._time_zone)).__getitem__)
            case Found(part, table, absent_is_empty):
                find = _finding(self._tables[table], self._titles[table], absent_is_empty=absent_is_empty)
                return self._each(part, find)
            case Joined(parts):
                return self._joined(parts)
        assert_never(node)

    def _each(self, part: Node, convert: Callable[[Any], Any]) -> Make:
        """`convert` on every cell that is not empty."""
        make = self._node(part)
        return lambda columns, rows: [None if cell is None else convert(cell) for cell in make(columns, rows)]

    def _folded(self, parts: Sequence[Node], both: Callable[[list[Any], list[Any]], list[Any]]) -> Make:
        makes = [self._node(part) for part in parts]
        return lambda columns, rows: reduce(both, (make(columns, rows) for make in makes))

    def _joined(self, parts: Sequence[Node | Between]) -> Make:
        makes = [None if isinstance(part, Between) else self._node(part) for part in parts]
        betweens = [part.text if isinstance(part, Between) else None for part in parts]
        fixed = [isinstance(part, Fixed) for part in parts]

        def column(columns: Mapping[str, Sequence[Any]], rows: int) -> list[str | None]:
            cells = [
                [between] * rows if make is None else make(columns, rows)
                for make, between in zip(makes, betweens, strict=True)
            ]
            return [_join(row, betweens, fixed) for row in zip(*cells, strict=True)]

        return column


def _join(row: Sequence[str | None], betweens: Sequence[str | None], fixed: Sequence[bool]) -> str | None:
    """What stands before a cell goes with it: `кв. ` without a number of the flat is not written."""
    text, waiting, last_there = None, "", False
    for cell, between, constant in zip(row, betweens, fixed, strict=True):
        if between is not None:
            waiting += "" if text is None else between
        elif constant:
            waiting += cell or ""
        else:
            last_there = cell is not None
            if cell is not None:
                text = f"{text or ''}{waiting}{cell}"
            waiting = ""
    return None if text is None else text + (waiting if last_there else "")


def _both(one: list[Any], other: list[Any]) -> list[Any]:
    return [b if a is None else a if b is None else a + b for a, b in zip(one, other, strict=True)]


def _first(one: list[Any], other: list[Any]) -> list[Any]:
    return [b if a is None else a for a, b in zip(one, other, strict=True)]


def in_text(cells: list[Any]) -> list[Any]:
    """Account numbers in one form: text, of keys as well."""
    return [str(cell)[1:] if isinstance(cell, int) else cell for cell in cells]


class _Remembered(dict[Any, Any]):
    """Days and words repeat."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, cell: Any) -> Any:
        if len(self) > MAX_REMEMBERED:
            self.clear()
        made = self[cell] = self._convert(cell)
        return made


def _scaling(digits: int) -> Callable[[int], int]:
    ten = int(10**digits)

    def scaled(cell: int) -> int:
        if cell % ten:
            raise Unfit(f"после деления на {ten} остаётся больше знаков, чем бывает у этого поля")
        return cell // ten

    return scaled


def _day_of(zone: ZoneInfo, *, month: bool) -> Callable[[str], Any]:
    def day(moment: str) -> Any:
        found = local(moment, zone).date()
        return found.year * 100 + found.month if month else found.isoformat()

    return day


def _reading(field: FieldMap, form: str | None, time_zone: str) -> Callable[[str], Any]:
    convert = converter(field, time_zone)
    if form is None:
        return convert
    known = DateForm(form, field.kind)

    def read(text: str) -> Any:
        if not text.strip("0./- :"):  # a date of zeros is none
            return None
        try:
            return convert(_moment(known.read(text), field))
        except ValueError as error:
            raise Unfit(str(error)) from None

    return read


def _moment(read: datetime, field: FieldMap) -> str:
    return read.isoformat() if field.kind == "datetime" else read.date().isoformat()


def _finding(table: Table, title: str, *, absent_is_empty: bool) -> Callable[[str], Any]:
    def find(key: str) -> Any:
        if key not in table:
            if absent_is_empty:
                return None
            raise Unfit(f"нет строки «{key[:60]}» в {title}")
        value = table[key]
        if isinstance(value, Unfit):
            raise Unfit(f"{title}, строка «{key[:60]}»: {value}")
        return value

    return find
