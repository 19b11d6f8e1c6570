"""XML: what rows does a document hold, and where in each of them does a column stand?

`row` names the element that is a row, columns are paths from it: `Сумма`, `Плательщик/ФИО`, `@id`, `Сумма/@валюта`,
`../@Дата`, `../Период` (what stands before the row in the element around it), `.` (the row's own text). Names are
compared without namespaces, unless they have a prefix that `namespaces` explains. The document is walked twice, once
to know it is whole and which paths it has, once for the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import IO, BinaryIO, Final, cast

import msgspec

from connectors.formats import encodings
from connectors.formats.contract import ROWS_PER_BATCH, Building, Patience, Portion, Stated, require
from connectors.formats.options import FileOptions
from connectors.formats.xml_stream import NAMESPACE, Forbidden, Walker, local, walk
from lk_sync.errors import BadData, SettingsError

MAX_ROW: Final = 4 << 20  # characters
ELEMENT: Final = 64  # what an element counts for besides its text
MAX_PATHS: Final = 2_000
AROUND_PIECES: Final = 16  # of the text that stands around rows
HEAD_BYTES: Final = 1 << 16
UP: Final = "../"
NIL: Final = "http://www.w3.org/2001/XMLSchema-instance}nil"

Cells = dict[str, list[str | None]]


class Level(msgspec.Struct):
    """An element around the row, as far as it has been read. `path`: from it to the element that is read now."""

    tag: str
    cells: Cells


class Rows(Walker[Cells]):
    """Rows of a document as path → what stands there, in the document's order."""

    def __init__(self, row: str, namespaces: Mapping[str, str]) -> None:
        super().__init__()
        self._wanted = [step for step in row.split("/") if step]
        self._prefixes = {uri: prefix for prefix, uri in namespaces.items()}
        self._around: list[Level] = []
        self._row: Cells | None = None
        self._path: list[str] = []
        self._texts: list[list[str]] = []
        self._nil: list[bool] = []
        self._size = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = self._named(tag)
        if self._row is None and self._is_row(name):
            self._row, self._path, self._size = {}, [], 0
        elif self._row is None:
            self._around.append(Level(name, {}))
        else:
            self._path.append(name)
            self._grow(ELEMENT)
        self._texts.append([])
        self._nil.append(attributes.get(NIL) in ("true", "1"))
        into = self._around[-1].cells if self._row is None else self._row
        for key, value in attributes.items():
            if key != NIL:
                into.setdefault("/".join([*self._path, f"@{self._named(key)}"]), []).append(value)

    def end(self, tag: str) -> None:
        text, nil = "".join(self._texts.pop()).strip(), self._nil.pop()
        if self._row is None:
            self._around.pop()
            if (
                self._around and text and len(self._around[-1].cells) < MAX_PATHS
            ):  # a plain child of what is around the row
                self._around[-1].cells[self._named(tag)] = [text]
            return
        self._row.setdefault("/".join(self._path) or ".", []).append(None if nil else text)
        if self._path:
            self._path.pop()
        else:
            self.ready.append(self._with_around(self._row))
            self._row = None

    def text(self, text: str) -> None:
        self._grow(len(text))
        if self._row is not None or len(self._texts[-1]) < AROUND_PIECES:
            self._texts[-1].append(text)

    def _grow(self, by: int) -> None:
        self._size += by
        if self._size > MAX_ROW and self._row is not None:
            raise Forbidden(f"строка больше {MAX_ROW >> 20} МиБ; вероятно, row называет не тот элемент")

    def _with_around(self, row: Cells) -> Cells:
        for up, level in enumerate(reversed(self._around), 1):
            row |= {UP * up + path: cell for path, cell in level.cells.items()}
        return row

    def _named(self, tag: str) -> str:
        """The name as paths say it."""
        uri, _, name = tag.rpartition(NAMESPACE)
        prefix = self._prefixes.get(uri)
        return name if prefix is None else f"{prefix}:{name}"

    def _is_row(self, name: str) -> bool:
        *around, last = self._wanted
        names = [level.tag for level in self._around]
        return name == last and names[len(names) - len(around) :] == around


class Document:
    """`contract.Opened` of an XML document."""

    ended = True

    def __init__(self, file: BinaryIO, name: str, options: FileOptions) -> None:
        self._file, self._name, self._options = file, name, options
        if not (options.row or "").strip("/"):
            raise SettingsError(f"{name}: у формата xml нужен options.row: имя элемента, который и есть строка")
        paths: dict[str, None] = {}
        self._count = 0
        self.repeated: set[str] = set()  # paths that stand more than once in some row
        for row in self._rows():
            self._count += 1
            paths.update(dict.fromkeys(row))
            self.repeated.update(path for path, cells in row.items() if len(cells) > 1)
            if len(paths) > MAX_PATHS:
                raise BadData(f"{name}: в строках XML больше {MAX_PATHS} разных элементов; row называет не тот элемент")
        if not self._count and (there := _frequent(self._bytes(), name, options.encoding)):
            raise BadData(f"{name}: нет ни одного элемента «{options.row}»; встречаются: {', '.join(there)}")
        self.columns = list(paths)

    def close(self) -> None:
        pass

    def require(self, columns: Sequence[str]) -> None:
        if self._count:
            require(self._name, self.columns, columns)

    def stated(self) -> Stated | None:
        return None

    def batches(self, columns: Sequence[str], size: int = ROWS_PER_BATCH) -> Iterator[Portion]:
        building, patience = Building(len(columns)), Patience(self._name)
        for number, row in enumerate(self._rows(), 1):
            found = [row.get(column, [None]) for column in columns]
            twice = next((i for i, cell in enumerate(found) if len(cell) > 1), None)
            if twice is None:
                building.add(number, [cell[0] for cell in found])
            else:
                reason = f"элемент «{columns[twice]}» стоит в строке {len(found[twice])} раза"
                patience.with_(reason, number)
                building.fault(number, "", reason)
            if len(building) == size:
                yield building.portion()
                building = Building(len(columns))
        if len(building):
            yield building.portion()

    def _rows(self) -> Iterator[Cells]:
        walker = Rows(self._options.row or "", self._options.namespaces)
        return _told(self._bytes(), walker, self._name, self._options.encoding)

    def _bytes(self) -> BinaryIO:
        self._file.seek(0)
        return self._file


def _told(file: BinaryIO, walker: Walker[Cells], name: str, encoding: str | None) -> Iterator[Cells]:
    """The rows; a document that is not well-formed is told with the encoding that it is perhaps in."""
    try:
        yield from walk(cast("IO[bytes]", file), walker, name=name, encoding=encoding)
    except BadData as error:
        file.seek(0)
        head = file.read(HEAD_BYTES)
        likely = encodings.likely(head)
        if encoding is None and likely in encodings.ONE_BYTE and likely.encode() not in head[:200].lower():
            raise BadData(f"{error}; похоже, что кодировка {likely}: укажите options.encoding") from error
        raise


class _Names(Walker[str]):
    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name in self.counts or len(self.counts) < MAX_PATHS:
            self.counts[name] = self.counts.get(name, 0) + 1


def _frequent(file: BinaryIO, name: str, encoding: str | None) -> list[str]:
    """The elements that occur most, for somebody who looks for the row."""
    names = _Names()
    for _ in walk(cast("IO[bytes]", file), names, name=name, encoding=encoding):
        pass
    often = [each for each, count in names.counts.items() if count > 1]  # of a document without rows nothing repeats
    return sorted(often, key=names.counts.__getitem__, reverse=True)[:5]
