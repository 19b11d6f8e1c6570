"""Documents: in which sheet of a book, or in which element of an XML document, are the rows?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from itertools import islice
from typing import IO, BinaryIO, Final, cast

import msgspec

from connectors.formats.contract import Cell
from connectors.formats.doctor import table
from connectors.formats.doctor.shape import header_told, of_rows
from connectors.formats.options import FileOptions, TotalLine
from connectors.formats.registry import open_file
from connectors.formats.xlsx import Book
from connectors.formats.xlsx_cells import Bad
from connectors.formats.xml import Document
from connectors.formats.xml_stream import Walker, local, walk
from lk_sync.contracts import Diagnosis, Remark
from lk_sync.errors import LkError

SAMPLE_ROWS: Final = 60
MAX_PATHS: Final = 500
BOOK: Final = "книга Excel (xlsx)"
XML: Final = "документ XML"
Fact = tuple[str, str]


def book(file: BinaryIO, name: str) -> Diagnosis:
    try:
        with closing(Book(file, name)) as opened:
            filled = {
                sheet.name: list(islice(opened.rows(sheet), SAMPLE_ROWS)) for sheet in opened.sheets if not sheet.hidden
            }
    except LkError as error:
        return Diagnosis(kind=BOOK, remarks=(Remark(what=str(error)),), readable=False)
    sheets = [sheet for sheet, rows in filled.items() if rows]
    if not sheets:
        remark = Remark(what="в книге нет ни одной заполненной строки", advice="выгрузите заново")
        return Diagnosis(kind=BOOK, remarks=(remark,), readable=False)
    remarks = []
    if len(sheets) > 1:
        what = f"заполнено несколько листов: {', '.join(sheets[:10])}; дальше — о первом"
        remarks.append(Remark(what=what, advice="укажите options.sheet или выгружайте один лист", grave=False))
    return _sheet(file, name, sheets[0], filled[sheets[0]], remarks, named=len(sheets) > 1)


def _sheet(
    file: BinaryIO,
    name: str,
    sheet: str,
    rows: list[tuple[int, Mapping[int, Cell | Bad]]],
    remarks: list[Remark],
    *,
    named: bool,
) -> Diagnosis:
    shaped = of_rows([_as_list(cells) for _, cells in rows])
    before = rows[shaped.before][0] - 1 if shaped.before else 0
    options = FileOptions(format="xlsx", sheet=sheet, header=shaped.header is not None, skip_lines=before)
    last, options = _last(file, name, options)
    try:
        opened = open_file(file, name=name, options=options)
        looked = table.look(opened)
        opened.close()
    except LkError as error:
        return Diagnosis(kind=BOOK, remarks=(*remarks, Remark(what=str(error))), readable=False)
    remarks += looked.remarks
    if options.total is not None:
        total, amiss = table.totals(last, options.total.starts, looked)
        remarks += amiss
        options = msgspec.structs.replace(options, total=total)
    if not named:
        options = msgspec.structs.replace(options, sheet=None)
    return Diagnosis(
        kind=BOOK,
        facts=(("лист", sheet), ("заголовок", header_told(shaped)), *table.facts(looked)),
        remarks=tuple(remarks),
        rows=looked.rows + looked.torn,
        options=table.drafted(options, FileOptions()),
    )


def _as_list(cells: Mapping[int, Cell | Bad]) -> list[str]:
    width = 1 + max(cells, default=-1)
    found = (cells.get(place) for place in range(min(width, table.MAX_COLUMNS)))
    return [cell if isinstance(cell, str) else "" for cell in found]


def _last(file: BinaryIO, name: str, options: FileOptions) -> tuple[list[str], FileOptions]:
    """The last row of the sheet, and the options that say it is one of totals if it is."""
    cells: Mapping[int, Cell | Bad] = {}
    with closing(Book(file, name)) as opened:
        for row in opened.rows(next(each for each in opened.sheets if each.name == options.sheet)):
            cells = row[1]
    last = _as_list(cells)
    found = of_rows([[], last])
    if found.total is None:
        return last, options
    first = next(filter(None, last))
    return last, msgspec.structs.replace(options, total=TotalLine(starts=table.starts(first)))


class _Paths(Walker[str]):
    """How often every element stands in the document, and how many plain ones it has inside."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.attributes: Counter[tuple[str, ...]] = Counter()
        self.plain: Counter[tuple[str, ...]] = Counter()
        self._path: list[str] = []
        self._has_elements: list[bool] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(local(tag))
        if self._has_elements:
            self._has_elements[-1] = True
        self._has_elements.append(False)
        path = tuple(self._path)
        if path in self.counts or len(self.counts) < MAX_PATHS:
            self.counts[path] += 1
            self.attributes[path] += len(attributes)

    def end(self, tag: str) -> None:
        has_elements = self._has_elements.pop()
        self._path.pop()
        if not has_elements and tuple(self._path) in self.counts:
            self.plain[tuple(self._path)] += 1

    def rows(self) -> list[str]:
        """Elements that may be rows, the likeliest first."""
        inside = {path: self.plain[path] + self.attributes[path] for path in self.counts}
        found = [path for path, count in self.counts.items() if count > 1 and inside[path] >= 2 * count]
        found.sort(key=lambda path: (self.plain[path] < self.counts[path], -self.counts[path], len(path)))
        names = Counter(path[-1] for path in self.counts)
        return [path[-1] if names[path[-1]] == 1 else "/".join(path) for path in found]


def xml(file: BinaryIO, name: str) -> Diagnosis:
    paths = _Paths()
    file.seek(0)
    try:
        for _ in walk(cast("IO[bytes]", file), paths, name=name):
            pass
    except LkError as error:
        return Diagnosis(kind=XML, remarks=(Remark(what=str(error)),), readable=False)
    rows = paths.rows()
    if not rows:
        what = "не видно, какой элемент — строка: ни один с данными внутри не повторяется"
        remark = Remark(what=what, advice="укажите options.row сами", grave=False)
        return Diagnosis(kind=XML, remarks=(remark,), readable=True)
    return _elements(file, name, rows)


def _elements(file: BinaryIO, name: str, rows: list[str]) -> Diagnosis:
    options = FileOptions(format="xml", row=rows[0])
    remarks = []
    if len(rows) > 1:
        what = f"строкой может быть любой из элементов: {', '.join(rows[:6])}; дальше — о первом"
        remarks.append(Remark(what=what, advice="выберите сами и укажите options.row", grave=False))
    try:
        opened = Document(file, name, options)
        looked = table.look(opened, [column for column in opened.columns if column not in opened.repeated])
    except LkError as error:
        return Diagnosis(kind=XML, remarks=(*remarks, Remark(what=str(error))), readable=False)
    facts: list[Fact] = [("строка", rows[0]), ("столбцы", ", ".join(opened.columns)[:300])]
    if opened.repeated:
        facts.append(("повторяются внутри строки", ", ".join(sorted(opened.repeated))[:200]))
    return Diagnosis(
        kind=XML,
        facts=(*facts, *table.facts(looked)),
        remarks=(*remarks, *looked.remarks),
        rows=looked.rows + looked.torn,
        options=table.drafted(options, FileOptions()),
    )
