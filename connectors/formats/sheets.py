"""Sheets: which sheet of a book, which row of it is the header, and what is a row?

The same for every kind of book: a row is a number and the cells that it has. A row with nothing in it is none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, Final, cast

from connectors.formats.contract import ROWS_PER_BATCH, Building, Cell, Patience, Portion, Stated, require
from connectors.formats.options import FileOptions, TotalLine
from connectors.formats.xlsx_cells import Bad
from lk_sync.errors import BadData
from lk_sync.flow.validate import Unfit, scaled

GridRow = tuple[int, Mapping[int, Cell | Bad]]
BETWEEN: Final = " / "
KOPECK_DIGITS: Final = 2


class Grid(ABC):
    """`contract.Opened` of one sheet of a book."""

    ended = True

    def __init__(self, name: str, options: FileOptions, sheets: Mapping[str, bool]) -> None:
        """`sheets`: the book's, and whether they can be seen."""
        self._name, self._options = name, options
        self.sheet = self._chosen(sheets)
        self._rows = self._told_apart(self.rows(self.sheet))
        self._first: GridRow | None = None
        self._stated = None if options.total is None else self._total(options.total)
        self.columns = self._header() if options.header else self._numbers()

    @abstractmethod
    def rows(self, sheet: str) -> Iterator[GridRow]:
        """The rows of the sheet that have anything in them, from its beginning."""

    def close(self) -> None:
        cast("Any", self._rows).close()

    def require(self, columns: Sequence[str]) -> None:
        require(self._name, self.columns, columns)

    def stated(self) -> Stated | None:
        return self._stated

    def _chosen(self, sheets: Mapping[str, bool]) -> str:
        names, wish = list(sheets), self._options.sheet
        if isinstance(wish, int):
            if wish > len(names):
                raise BadData(f"{self._name}: листа {wish} нет, в книге листов {len(names)}")
            return names[wish - 1]
        if wish is not None:
            if wish not in names:
                raise BadData(f"{self._name}: нет листа «{wish}» (есть: {', '.join(names[:20])})")
            return wish
        filled = [name for name, seen in sheets.items() if seen and self._is_filled(name)]
        if len(filled) > 1:
            raise BadData(
                f"{self._name}: в книге несколько заполненных листов ({', '.join(filled[:20])}); укажите options.sheet"
            )
        return filled[0] if filled else names[0]

    def _is_filled(self, sheet: str) -> bool:
        with closing(cast("Any", self.rows(sheet))) as rows:
            return next(rows, None) is not None

    def _told_apart(self, rows: Iterator[GridRow]) -> Iterator[GridRow]:
        """Without what stands before the header."""
        with closing(cast("Any", rows)):
            for number, cells in rows:
                if number > self._options.skip_lines:
                    yield number, cells

    def _header(self) -> list[str]:
        top: list[Mapping[int, Cell | Bad]] = [cells for _, cells in islice(self._rows, self._options.header_rows)]
        width = 1 + max((max(cells) for cells in top), default=-1)
        if not width:
            raise BadData(f"{self._name}, лист «{self.sheet}»: заголовка нет, лист пуст")
        names = [self._row_of_header(cells, width, last=cells is top[-1]) for cells in top]
        return [BETWEEN.join(dict.fromkeys(filter(None, column))) for column in zip(*names, strict=True)]

    @staticmethod
    def _row_of_header(cells: Mapping[int, Cell | Bad], width: int, *, last: bool) -> list[str]:
        """A name over several columns (a merged cell) belongs to each of them; in the last row there are none."""
        found, before = [], ""
        for column in range(width):
            cell = cells.get(column)
            text = " ".join(cell.split()) if isinstance(cell, str) else ""
            before = text or ("" if last else before)
            found.append(before)
        return found

    def _numbers(self) -> list[str]:
        """Columns without names, as many as the first row has."""
        self._first = next(self._rows, None)
        return [str(place) for place in range(1, 2 + max(self._first[1]))] if self._first else []

    def _total(self, total: TotalLine) -> Stated:
        last: Mapping[int, Cell | Bad] = {}
        with closing(cast("Any", self.rows(self.sheet))) as rows:
            for _, cells in rows:
                last = cells
        if not self._is_total(last):
            raise BadData(f"{self._name}: последняя строка не начинается с «{total.starts}» (options.total)")
        try:
            rows = None if total.rows is None else scaled(last.get(total.rows - 1), 0)
            sums = {column: scaled(last.get(place - 1), KOPECK_DIGITS) for column, place in total.sums.items()}
        except Unfit as error:
            raise BadData(f"{self._name}: строка итогов не читается ({error})") from error
        return Stated(rows=rows, sums=sums)

    def _is_total(self, cells: Mapping[int, Cell | Bad]) -> bool:
        total = self._options.total
        first = cells[min(cells)] if cells else None
        return total is not None and isinstance(first, str) and first.lstrip().startswith(total.starts)

    def batches(self, columns: Sequence[str], size: int = ROWS_PER_BATCH) -> Iterator[Portion]:
        places = [self.columns.index(column) for column in columns]
        patience = Patience(self._name)
        building = Building(len(places))
        for number, cells in self._data():
            found = [cells.get(place) for place in places]
            bad = next((place for place, cell in enumerate(found) if isinstance(cell, Bad)), None)
            if bad is None:
                building.add(number, cast("list[Cell]", found))
            else:
                reason = f"{columns[bad]}: {cast('Bad', found[bad]).reason}"
                patience.with_(reason, number)
                building.fault(number, "", reason)
            if len(building) == size:
                yield building.portion()
                building = Building(len(places))
        if len(building):
            yield building.portion()

    def _data(self) -> Iterator[GridRow]:
        if self._first is not None:
            yield self._first
        held: GridRow | None = None  # what may be the line of totals, until a row comes behind it
        for row in self._rows:
            if held is not None:
                yield held
            held = row if self._is_total(row[1]) else None
            if held is None:
                yield row
