"""Table: what is wrong with the rows of a file that could be opened?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from connectors.formats.contract import Opened, Portion, rubles
from connectors.formats.csv import KOPECK_DIGITS
from connectors.formats.doctor.columns import SAME, SUMMED, Column
from connectors.formats.options import FileOptions, TotalLine
from lk_sync.contracts import Remark
from lk_sync.errors import BadData
from lk_sync.flow.validate import Unfit, scaled

SHOWN: Final = 5
_SUBTOTAL: Final = re.compile(r"\s*(итого|всего|подытог|total)\b", re.IGNORECASE)
REASONS: Final = 12
REMEMBERED: Final = 1_000_000
MAX_COLUMNS: Final = 300


class Looked(msgspec.Struct):
    """What the rows are."""

    columns: list[Column]
    rows: int = 0
    torn: int = 0
    remarks: list[Remark] = []


class _Walk:
    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = [Column(name) for name in columns]
        self.rows = self.torn = self.twice = 0
        self.reasons: Counter[str] = Counter()
        self.places: dict[str, list[int]] = {}
        self._seen: set[int] = set()
        self.twice_at: list[int] = []
        self._names = tuple(columns)
        self.headers: list[int] = []
        self.subtotals: list[int] = []

    def add(self, portion: Portion) -> None:
        numbers = portion.numbers or range(portion.first_row, portion.first_row + portion.rows)
        for column, cells in zip(self.columns, portion.columns, strict=True):
            column.add(numbers, cells)
        for fault in portion.faults:
            self.reasons[fault.reason] += 1
            places = self.places.setdefault(fault.reason, [])
            places[:] = [*places, fault.row][:SHOWN]
        self._repeated(numbers, portion)
        self.rows += portion.rows
        self.torn += len(portion.faults)

    def _repeated(self, numbers: Sequence[int], portion: Portion) -> None:
        if not portion.columns:
            return
        for number, row in zip(numbers, zip(*portion.columns, strict=True), strict=True):
            if row[1:] and row[1:] == self._names[1:]:
                self.headers = [*self.headers, number][:SHOWN]
            if row[0] and _SUBTOTAL.match(row[0]):
                self.subtotals = [*self.subtotals, number][:SHOWN]
            mark = hash(row)
            if mark in self._seen:
                self.twice += 1
                self.twice_at = [*self.twice_at, number][:SHOWN]
            elif len(self._seen) < REMEMBERED:
                self._seen.add(mark)

    def remarks(self) -> Iterator[Remark]:
        for reason, count in self.reasons.most_common(REASONS):
            advice = "исправьте эти строки в программе, которая выгружает"
            yield Remark(what=f"строк не прочесть: {count} — {reason}", advice=advice, rows=tuple(self.places[reason]))
        for column in self.columns:
            yield from column.remarks()
        if self.headers:
            advice = "склеены несколько файлов? выгружайте заголовок один раз"
            yield Remark(what="заголовок повторяется среди строк", advice=advice, rows=tuple(self.headers))
        if self.subtotals:
            advice = "уберите их из выгрузки или укажите, с чего они начинаются, в comment"
            yield Remark(what="среди строк есть промежуточные итоги", advice=advice, rows=tuple(self.subtotals))
        if not self.rows and not self.torn:
            yield Remark(what="в файле нет ни одной строки", advice="проверьте отбор в программе, которая выгружает")
        if self.twice:
            advice = "проверьте, не выгружено ли одно и то же дважды"
            yield Remark(
                what=f"есть полностью одинаковые строки ({self.twice})",
                advice=advice,
                rows=tuple(self.twice_at),
                grave=False,
            )


def look(opened: Opened, columns: Sequence[str] | None = None) -> Looked:
    """Goes through all the rows. What cannot be read to its end is a remark too."""
    names = list(columns if columns is not None else opened.columns)[:MAX_COLUMNS]
    unique = [name for name in names if names.count(name) == 1 and name]
    walk = _Walk(unique)
    late: list[Remark] = []
    try:
        for portion in opened.batches(unique):
            walk.add(portion)
    except BadData as error:
        late.append(Remark(what=str(error)))
    twice = sorted({name for name in names if names.count(name) > 1 and name})
    late += [Remark(what=f"столбец «{name}» стоит в заголовке дважды", advice="переименуйте один") for name in twice]
    return Looked(walk.columns, walk.rows, walk.torn, [*walk.remarks(), *late])


def totals(cells: Sequence[str], starts: str, looked: Looked) -> tuple[TotalLine, list[Remark]]:
    """What the numbers in a line of totals are, and those that are nothing."""
    rows: int | None = None
    sums: dict[str, int] = {}
    remarks = []
    for place, cell in enumerate(cells, 1):
        text = cell.strip().removeprefix(starts).strip() if place == 1 else cell.strip()
        try:
            kopecks = scaled(text, KOPECK_DIGITS)
        except Unfit:
            continue
        column = _column(kopecks, place, cells, looked.columns)
        if rows is None and kopecks == (looked.rows + looked.torn) * 10**KOPECK_DIGITS and column is None:
            rows = place
        elif column is not None:
            sums[column.name] = place
        elif not looked.torn:  # of torn rows nobody knows the sums
            remarks.append(_amiss(text, place, cells, looked))
    return TotalLine(starts=starts, rows=rows, sums=sums), remarks


def _column(kopecks: int, place: int, cells: Sequence[str], columns: Sequence[Column]) -> Column | None:
    """The column that this is the sum of; the one above it, if that fits."""
    if len(cells) == len(columns) and columns[place - 1].kopecks == kopecks and _is_summed(columns[place - 1]):
        return columns[place - 1]
    return next((column for column in columns if column.kopecks == kopecks and kopecks and not column.is_account), None)


def _is_summed(column: Column) -> bool:
    return column.share(*SUMMED) > SAME and not column.is_account


def _amiss(text: str, place: int, cells: Sequence[str], looked: Looked) -> Remark:
    advice = "итоги не сходятся: файл не полон, или строку итогов считает не та программа; выгрузите заново"
    if len(cells) == len(looked.columns):
        column = looked.columns[place - 1]
        what = f"в строке итогов {text}, а сумма столбца «{column.name}» {rubles(column.kopecks)}"
    else:
        what = f"в строке итогов {text}, а такой суммы нет ни у одного столбца, и строк {looked.rows + looked.torn}"
    return Remark(what=what, advice=advice)


def facts(looked: Looked) -> list[tuple[str, str]]:
    """Rows and forms of columns, for a person."""
    found = [("строк", str(looked.rows + looked.torn))]
    commas = [column.name for column in looked.columns if column.forms["comma"]]
    if commas:
        found.append(("дробь через запятую", f"{', '.join(commas[:8])} (читается и так)"))
    return found


def starts(cell: str) -> str:
    """How a line of totals begins: `=` of `=2`, `Итого` of `Итого по файлу`."""
    text = cell.strip().lstrip('"').strip()
    return "=" if text.startswith("=") else text.split()[0].rstrip(":;") if text else text


def drafted(options: FileOptions, usual: FileOptions) -> dict[str, Any]:
    """Only what has to be said."""
    known: dict[str, Any] = msgspec.to_builtins(usual)
    said = {key: value for key, value in msgspec.to_builtins(options).items() if value != known[key]}
    if options.total is not None:
        said["total"] = {key: value for key, value in said["total"].items() if value not in (None, {})}
    return said
