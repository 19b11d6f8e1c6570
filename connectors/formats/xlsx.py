"""XLSX: what rows does a sheet hold, in memory that grows neither with the sheet nor with what it claims to be?

The sheet is read as a stream: only cells that are there cost anything, whatever its dimensions say. Which sheet and
which row is the header stands in the options; a book with several filled sheets is not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

import msgspec
from openpyxl.styles.numbers import BUILTIN_FORMATS

from connectors.formats import archive
from connectors.formats.contract import Cell
from connectors.formats.options import FileOptions
from connectors.formats.sheets import Grid, GridRow
from connectors.formats.xlsx_cells import Bad, Style, cell, style
from connectors.formats.xml_stream import Walker, local, walk
from lk_sync.errors import BadData

OLE: Final = b"\xd0\xcf\x11\xe0"
MAX_TEXTS: Final = 256 << 20
MAX_COLUMN: Final = 16_384
_PLACE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_SHEET_FOLDER: Final = "xl/"


class Sheet(msgspec.Struct, frozen=True):
    name: str
    part: str
    hidden: bool


class Book:
    """The parts of a book that its sheets need."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        file.seek(0)
        if file.read(len(OLE)) == OLE:
            raise BadData(f"{name}: книга закрыта паролем или в старом виде .xls; сохраните как .xlsx без пароля")
        self.name, self.zip = name, archive.opened(file, name)
        workbook = _Workbook()
        self._whole("xl/workbook.xml", workbook)
        links = _Links()
        self._whole("xl/_rels/workbook.xml.rels", links)
        self.from_1904 = workbook.from_1904
        self.sheets = [
            Sheet(title, _part(links.found[link]), hidden)
            for title, link, hidden in workbook.sheets
            if link in links.found
        ]
        if not self.sheets:
            raise BadData(f"{name}: в книге нет ни одного листа")
        self._texts = self._shared()
        styles = _Styles()
        if "xl/styles.xml" in self.zip.namelist():
            self._whole("xl/styles.xml", styles)
        self._styles = [style(styles.codes.get(number, BUILTIN_FORMATS.get(number, ""))) for number in styles.numbers]

    def close(self) -> None:
        self.zip.close()

    def rows(self, sheet: Sheet) -> Iterator[GridRow]:
        """The rows that have anything in them."""
        walker = _Rows(self._texts, self._styles, from_1904=self.from_1904, name=self.name)
        with archive.member(self.zip, sheet.part, self.name) as stream:
            yield from walk(stream, walker, name=f"{self.name}, лист «{sheet.name}»")

    def _shared(self) -> list[str]:
        part = "xl/sharedStrings.xml"
        if part not in self.zip.namelist():
            return []
        if self.zip.getinfo(part).file_size > MAX_TEXTS:
            raise BadData(f"{self.name}: тексты книги занимают больше {MAX_TEXTS >> 20} МиБ; разделите её")
        with archive.member(self.zip, part, self.name) as stream:
            return list(walk(stream, _Texts(), name=self.name))

    def _whole(self, part: str, walker: Walker[object]) -> None:
        with archive.member(self.zip, part, self.name) as stream:
            for _ in walk(stream, walker, name=self.name):
                pass


def _part(target: str) -> str:
    """Links are relative to the folder of the book, or absolute."""
    return target.removeprefix("/") if target.startswith("/") else _SHEET_FOLDER + target


class _Workbook(Walker[object]):
    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, str, bool]] = []
        self.from_1904 = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == "sheet":
            link = next((value for key, value in attributes.items() if local(key) == "id"), "")
            self.sheets.append((attributes.get("name", ""), link, attributes.get("state", "visible") != "visible"))
        elif local(tag) == "workbookPr":
            self.from_1904 = attributes.get("date1904", "0") in ("1", "true")


class _Links(Walker[object]):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            self.found[attributes.get("Id", "")] = attributes.get("Target", "")


class _Styles(Walker[object]):
    """`numbers`: of each style, the number of its format; `codes`: formats of the book's own."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[int, str] = {}
        self.numbers: list[int] = []
        self._of_cells = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match local(tag):
            case "numFmt":
                self.codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
            case "cellXfs":
                self._of_cells = True
            case "xf" if self._of_cells:
                self.numbers.append(int(attributes.get("numFmtId", "0")))

    def end(self, tag: str) -> None:
        if local(tag) == "cellXfs":
            self._of_cells = False


class _Texts(Walker[str]):
    """The texts that cells share; how a text is to be pronounced is no part of it."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[str] = []
        self._inside = self._spoken = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match local(tag):
            case "si":
                self._pieces = []
            case "rPh":
                self._spoken = True
            case "t":
                self._inside = not self._spoken

    def end(self, tag: str) -> None:
        match local(tag):
            case "si":
                self.ready.append("".join(self._pieces))
            case "rPh":
                self._spoken = False
            case "t":
                self._inside = False

    def text(self, text: str) -> None:
        if self._inside:
            self._pieces.append(text)


class _Rows(Walker[GridRow]):
    def __init__(self, shared: Sequence[str], styles: Sequence[Style], *, from_1904: bool, name: str) -> None:
        super().__init__()
        self._shared, self._styles, self._from_1904, self._name = shared, styles, from_1904, name
        self._number, self._column = 0, -1
        self._cells: dict[int, Cell | Bad] = {}
        self._pieces: list[str] | None = None
        self._inside = self._formula = False
        self._kind, self._style = "n", Style()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match local(tag):
            case "c":
                self._cell(attributes)
            case "row":
                said = attributes.get("r", "")
                self._number = int(said) if said.isdigit() else self._number + 1
                self._column, self._cells = -1, {}
            case "v" | "t":
                self._inside = True
                self._pieces = self._pieces or []
            case "f":
                self._formula = True

    def _cell(self, attributes: dict[str, str]) -> None:
        place = _PLACE.fullmatch(attributes.get("r", ""))
        self._column = _column(place[1]) if place else self._column + 1
        self._kind, self._pieces, self._formula = attributes.get("t", "n"), None, False
        chosen = attributes.get("s", "0")
        number = int(chosen) if chosen.isdigit() else 0
        self._style = self._styles[number] if number < len(self._styles) else Style()

    def end(self, tag: str) -> None:
        match local(tag):
            case "v" | "t":
                self._inside = False
            case "c":
                raw = None if self._pieces is None else "".join(self._pieces)
                found = cell(
                    self._kind, raw, self._style, self._shared, formula=self._formula, from_1904=self._from_1904
                )
                if found not in (None, "") and self._column < MAX_COLUMN:
                    self._cells[self._column] = found
            case "row" if self._cells:
                self.ready.append((self._number, self._cells))

    def text(self, text: str) -> None:
        if self._inside and self._pieces is not None:
            self._pieces.append(text)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


class Workbook(Grid):
    """`contract.Opened` of an XLSX book."""

    def __init__(self, file: BinaryIO, name: str, options: FileOptions) -> None:
        self._book = Book(file, name)
        try:
            super().__init__(name, options, {sheet.name: not sheet.hidden for sheet in self._book.sheets})
        except BaseException:
            self._book.close()
            raise

    def rows(self, sheet: str) -> Iterator[GridRow]:
        return self._book.rows(next(each for each in self._book.sheets if each.name == sheet))

    def close(self) -> None:
        super().close()
        self._book.close()
