"""Register: which rows does a bank's register hold, by the profile of that bank?

The register is read once before a row of it is given: where its last line says how many rows and how much money there
are, that must be so. Dates, months and numbers leave in the one form of ours; a field of another form costs its row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Final

from connectors.formats import profile as profiles
from connectors.formats.contract import ROWS_PER_BATCH, Building, Cell, Ids, Patience, Portion, Stated, require, rubles
from connectors.formats.csv import KOPECK_DIGITS, Table
from connectors.formats.options import FileOptions
from lk_sync.errors import BadData, SettingsError
from lk_sync.flow.validate import Unfit, scaled
from lk_sync.written_dates import DateForm

ID_DIGITS: Final = 16
Row = dict[str, Cell]


class Register:
    """`contract.Opened` of a register."""

    def __init__(self, file: BinaryIO, name: str, options: FileOptions) -> None:
        if options.profile is None:
            raise SettingsError(
                f"{name}: у формата register нужен options.profile: файл с описанием реестра этого банка"
            )
        self._file, self._name = file, name
        self._profile = profile = profiles.load(Path(options.profile))
        self._dates = {column: DateForm(form, "date") for column, form in profile.dates.items()}
        self._months = {column: DateForm(form, "month") for column, form in profile.months.items()}
        self._number = _number_form(profile)
        self.columns = profile.names
        with closing(self._table()) as table:
            self.ended = table.ended
            self._said = table.stated()
            self._places = self._placed(table)
            self._check(table)

    def close(self) -> None:
        pass

    def require(self, columns: Sequence[str]) -> None:
        require(self._name, self.columns, columns)

    def stated(self) -> Stated | None:
        return self._said

    def batches(self, columns: Sequence[str], size: int = ROWS_PER_BATCH) -> Iterator[Portion]:
        building, patience, ids = Building(len(columns)), Patience(self._name), Ids(ID_DIGITS)
        with closing(self._table()) as table:
            for number, line, row, reason in self._rows(table):
                if row is None:
                    patience.with_(reason, number)
                    building.fault(number, line, reason)
                else:
                    self._finish(row, ids)
                    building.add(number, [row.get(column) for column in columns])
                if len(building) == size:
                    yield building.portion()
                    building = Building(len(columns))
        if len(building):
            yield building.portion()

    def _table(self) -> Table:
        return Table(self._file, self._name, self._profile.text, fits=self._fits)

    def _fits(self, width: int) -> bool:
        profile = self._profile
        if profile.widths:
            return width in profile.widths
        places = [place for place in profile.columns.values() if isinstance(place, int)]
        least, from_end = max([1, *places]), max([0, *(-place for place in places)])
        return width >= max(least, from_end)

    def _placed(self, table: Table) -> dict[str, int]:
        """Where the columns stand, from 0 or from the end."""
        found = {}
        for name, place in self._profile.columns.items():
            if isinstance(place, str):
                table.require([place])
                found[name] = table.columns.index(place)
            else:
                found[name] = place - 1 if place > 0 else place
        return found

    def _rows(self, table: Table) -> Iterator[tuple[int, str, Row | None, str]]:
        for number, line, cells, reason in table.records():
            if cells is None:
                yield number, line, None, reason
                continue
            try:
                yield number, line, self._row(cells), ""
            except ValueError as error:
                yield number, "", None, str(error)

    def _row(self, cells: list[str]) -> Row:
        """Raises ValueError for a field that is not of its form."""
        row: Row = {name: cells[place].strip() for name, place in self._places.items()}
        row |= self._pairs(cells)
        for name, form in self._dates.items():
            row[name] = _read(name, row.get(name), form, "%Y-%m-%d")
        for name, form in self._months.items():
            row[name] = _read(name, row.get(name), form, "%Y-%m")
        for name in self._profile.numbers:
            row[name] = self._plain_number(name, row.get(name))
        return row

    def _pairs(self, cells: list[str]) -> Row:
        """Fields `WORD:VALUE`. The same word twice is a question that nobody can answer."""
        found: Row = {}
        words = {word: name for name, word in self._profile.keys.items()}
        for cell in cells:
            word, colon, value = cell.partition(self._profile.pairs)
            name = words.get(word.strip())
            if colon and name is not None:
                if name in found:
                    raise ValueError(f"поле {word.strip()}{self._profile.pairs} стоит в строке дважды")
                found[name] = value.strip()
        return found

    def _plain_number(self, name: str, cell: Cell) -> Cell:
        if not cell:
            return cell
        text = cell.replace("\xa0", " ").replace("\u202f", " ")
        if not self._number.fullmatch(text):
            raise ValueError(
                f"{name}: «{cell[:40]}» — не число вида 1{self._profile.thousands}234{self._profile.decimal}50"
            )
        return text.replace(self._profile.thousands, "").replace(self._profile.decimal, ".")

    def _finish(self, row: Row, ids: Ids) -> None:
        """An id by what the profile says tells payments apart; the same twice in one file has two."""
        if self._profile.id:
            row[profiles.ID] = ids.of(self._profile.bank, *(row.get(column) or "" for column in self._profile.id))
        if self._profile.bank:
            row[profiles.BANK] = self._profile.bank

    def _check(self, table: Table) -> None:
        """Raises BadData when the rows are not what the last line says. Where some are torn, sums are not known."""
        if self._said is None:
            return
        rows, torn, sums = 0, 0, Counter[str]()
        for _, _, row, _ in self._rows(table):
            rows += 1
            torn += row is None
            for column in self._said.sums if row else ():
                sums[column] += self._kopecks(row or {}, column)
        if self._said.rows not in (None, rows):
            raise BadData(f"{self._name}: в строке итогов строк {self._said.rows}, а в файле {rows}; файл не принят")
        for column, said in self._said.sums.items():
            if not torn and sums[column] != said:
                raise BadData(
                    f"{self._name}: «{column}» в строке итогов {rubles(said)}, а сумма строк {rubles(sums[column])}; "
                    "файл не принят, запросите его в банке заново"
                )

    def _kopecks(self, row: Row, column: str) -> int:
        try:
            return scaled(row.get(column) or "", KOPECK_DIGITS)
        except Unfit:
            return 0  # the row is refused by the validation, and the sums will not agree


def _read(name: str, cell: Cell, form: DateForm, as_text: str) -> Cell:
    if not cell:
        return None
    try:
        return form.read(cell).strftime(as_text)
    except ValueError as error:
        raise ValueError(f"{name}: «{cell[:40]}» {error}") from None


def _number_form(profile: profiles.Profile) -> re.Pattern[str]:
    thousands, decimal = re.escape(profile.thousands), re.escape(profile.decimal)
    grouped = rf"\d{{1,3}}(?:{thousands}\d{{3}})+|" if profile.thousands else ""
    return re.compile(rf"[+-]?(?:{grouped}\d+)(?:{decimal}\d+)?", re.ASCII)
