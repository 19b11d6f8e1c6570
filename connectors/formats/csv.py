"""CSV: what rows does a file of somebody else's export hold, whatever the program that wrote it?

The table is read in chunks of lines. A chunk that is nothing but equal rows is taken as it is; any other is gone
through record by record, where what is no row of the table becomes a fault of that row alone. A quote that is never
closed costs the line it stands in, not those behind it.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, Final

from connectors.formats import text
from connectors.formats.contract import MAX_FAULTS, ROWS_PER_BATCH, Building, Patience, Portion, Stated, require
from connectors.formats.options import FileOptions, TotalLine
from lk_sync.errors import BadData
from lk_sync.flow.validate import Unfit, scaled

ROWS_AT_ONCE: Final = 250  # fewer lists than make the garbage collector look (700), and lines that the cache still has
WIDE: Final = 6  # a line inside quotes with as many delimiters as a row of so many columns has is a row, not a value
KOPECK_DIGITS: Final = 2
STAND_IN: Final = "\ufdd0"  # for a delimiter of several characters: one that no text may hold (Unicode: noncharacters)


class Table:
    """`contract.Opened` of a file of delimited lines."""

    def __init__(
        self, file: BinaryIO, name: str, options: FileOptions, fits: Callable[[int], bool] | None = None
    ) -> None:
        """`fits`: which numbers of fields a row may have, if not only that of the header."""
        self._name, self._options, self._fits = name, options, fits
        self._dialect = dialect(options)
        encoding = options.encoding or "utf-8"
        seen = text.look(file, name=name, encoding=encoding)
        _refuse_markup(file, name, encoding)
        self._stated = None if options.total is None else _stated(file, name, options, options.total)
        self.ended = seen.ended or options.open_end or options.total is not None
        file.seek(0)
        self._text = io.TextIOWrapper(
            file,
            "utf-8-sig" if encoding == "utf-8" else encoding,
            "surrogateescape" if seen.torn else "strict",
            newline="",
        )
        self._lines = Lines(_one_character(self._text, name, options.delimiter or ";"))
        self._plain = fits is None and not (seen.torn or options.comment or options.skip_blank or options.total)
        self._patience = Patience(name)
        self._known_inside = 0  # so many of the next lines that might end the file are known to have rows behind them
        self._number = 0  # of the record that was read last
        try:
            self.columns = self._header()
        except BaseException:
            self.close()  # a wrapper that is let go of would close the file
            raise

    def close(self) -> None:
        self._text.detach()

    def require(self, columns: Sequence[str]) -> None:
        require(self._name, self.columns, columns)

    def stated(self) -> Stated | None:
        return self._stated

    def _header(self) -> list[str]:
        for _ in range(self._options.skip_lines):
            self._number += self._lines.next() is not None
        first = self._first_record()
        if self._options.header:
            if not any(cell.strip() for cell in first):
                raise BadData(f"{self._name}: в первой строке нет заголовка")
            closing = [""] if self._options.closing_delimiter and first[-1] else []
            return [cell.strip() for cell in first] + closing
        return [str(place) for place, _ in enumerate(first, 1)]

    def _first_record(self) -> list[str]:
        """The header; without one, a copy of the first row. A file without a header may be empty."""
        while (line := self._lines.next()) is not None:
            if not self._is_skipped(line):
                break
            self._number += 1
        if line is None:
            return []
        cells, rest = self._parsed(line)
        if cells is None:
            raise BadData(
                f"{self._name}, строка {self._number + 1}: кавычка не закрыта или стоит не на месте, "
                "файл обрезан или повреждён"
            )
        if self._options.header:
            self._number += 1
        else:
            self._lines.back([line, *rest])
        return cells

    def batches(self, columns: Sequence[str], size: int = ROWS_PER_BATCH) -> Iterator[Portion]:
        places = [self.columns.index(column) for column in columns]
        while (portion := self._batch(places, size)).rows or portion.faults:
            yield portion

    def _batch(self, places: Sequence[int], size: int) -> Portion:
        portion = Portion([[] for _ in places], 0, self._number + 1)
        while portion.rows < size:
            lines = self._lines.take(min(ROWS_AT_ONCE, size - portion.rows))
            rows = self._equal_rows(lines)
            if rows is None:
                self._lines.back(lines)
                return portion if portion.rows else self._with_care(places, size)
            if not rows:
                break
            cells = list(zip(*rows, strict=True))
            for column, place in zip(portion.columns, places, strict=True):
                column.extend(cells[place])
            portion.rows += len(rows)
            self._number += len(rows)
        return portion

    def _equal_rows(self, lines: list[str]) -> list[list[str]] | None:
        """The lines as rows; None when they are anything else than rows of the table, one on each line."""
        if not self._plain:
            return None if lines else []
        try:
            rows = [self._own_words(row) for row in csv.reader(lines, **self._dialect)]
        except csv.Error:
            return None
        same = len(rows) == len(lines) and set(map(len, rows)) <= {len(self.columns)}
        return rows if same else None

    def _with_care(self, places: Sequence[int], size: int) -> Portion:
        """Record by record, until the lines that were found to need it are behind us."""
        building = Building(len(places))
        for number, line, cells, reason in islice(self.records(), min(size, ROWS_AT_ONCE)):
            if cells is None:
                building.fault(number, line, reason)
            else:
                building.add(number, [cells[place] for place in places])
        return building.portion()

    def records(self) -> Iterator[tuple[int, str, list[str] | None, str]]:
        """The rows that are left: (number, first line, cells, why there are none)."""
        while (line := self._lines.next()) is not None:
            self._number += 1
            if self._is_skipped(line) or (self._may_be_last(line) and self._nothing_follows()):
                continue
            cells, reason = self._row(line)
            if cells is None:
                self._patience.with_(reason, self._number)
            yield self._number, self._own_words([line.rstrip("\r\n")])[0], cells, reason

    def _is_skipped(self, line: str) -> bool:
        if self._options.skip_blank and not line.strip():
            return True
        return bool(self._options.comment) and line.startswith(self._options.comment)

    def _may_be_last(self, line: str) -> bool:
        """A blank line at the end of a file, or one of totals, is no row; in the middle it is one."""
        total = self._options.total
        return not line.strip("\r\n") or (total is not None and line.lstrip('"').startswith(total.starts))

    def _nothing_follows(self) -> bool:
        """Whether only blank lines, comments and the line of totals are left."""
        if self._known_inside:
            self._known_inside -= 1
            return False
        ahead = []
        while (line := self._lines.next()) is not None:
            ahead.append(line)
            if not (self._is_skipped(line) or self._may_be_last(line)) or len(ahead) > MAX_FAULTS:
                self._known_inside = sum(map(self._may_be_last, ahead[:-1]))
                self._lines.back(ahead)
                return False
        return True

    def _row(self, line: str) -> tuple[list[str] | None, str]:
        """The record that begins with the line, or why there is none."""
        cells, rest = self._parsed(line)
        if cells is None:
            self._lines.back(rest)
            return None, "кавычка не закрыта или стоит не на месте"
        if self._is_of_rows(rest):
            self._lines.back(rest)
            return None, "кавычка не закрыта: внутри значения оказались следующие строки"
        if not (self._fits(len(cells)) if self._fits else len(cells) == len(self.columns)):
            return None, self._width(cells)
        if any(map(text.is_torn, (line, *rest))):
            return None, f"есть байты, которых нет в кодировке {self._options.encoding or 'utf-8'}"
        return cells, ""

    def _width(self, cells: list[str]) -> str:
        if not cells:
            return "пустая строка"
        if len(cells) == len(self.columns) + 1 and not cells[-1]:
            return f"полей {len(cells)} вместо {len(self.columns)}: лишний разделитель в конце (closing_delimiter)"
        return (
            f"полей {len(cells)} вместо {len(self.columns)}; вероятно, разделитель или перевод строки внутри значения "
            "не взят в кавычки"
        )

    def _is_of_rows(self, lines: list[str]) -> bool:
        delimiter, width = self._dialect["delimiter"], len(self.columns)
        return width >= WIDE and any(line.count(delimiter) >= width - 1 for line in lines)

    def _parsed(self, line: str) -> tuple[list[str] | None, list[str]]:
        """The record that begins with the line (None: it is torn), and the lines it needed besides."""
        rest: list[str] = []

        def feed() -> Iterator[str]:
            yield line
            while (more := self._lines.next()) is not None:
                rest.append(more)
                yield more

        try:
            return self._own_words(next(csv.reader(feed(), **self._dialect))), rest
        except csv.Error:
            return None, rest

    def _own_words(self, cells: list[str]) -> list[str]:
        """The cells as they are written: within quotes a delimiter is a part of the value."""
        delimiter = self._options.delimiter
        if delimiter is None or len(delimiter) == 1:
            return cells
        return [cell.replace(STAND_IN, delimiter) for cell in cells]


def _one_character(lines: Iterator[str], name: str, delimiter: str) -> Iterator[str]:
    """The lines with a delimiter that `csv` understands."""
    return lines if len(delimiter) == 1 else (replaced(line, name, delimiter) for line in lines)


def replaced(line: str, name: str, delimiter: str) -> str:
    """A line in which `STAND_IN` stands for a delimiter of several characters. Raises BadData when it stands there
    already."""
    if len(delimiter) == 1:
        return line
    if STAND_IN in line:
        raise BadData(f"{name}: в файле есть знак U+FDD0, которого в тексте не бывает; файл повреждён")
    return line.replace(delimiter, STAND_IN)


class Lines:
    """Lines of a text, some of which may be given back."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._back: deque[str] = deque()

    def next(self) -> str | None:
        return self._back.popleft() if self._back else next(self._source, None)

    def take(self, size: int) -> list[str]:
        lines = [self._back.popleft() for _ in range(min(size, len(self._back)))]
        return lines or list(islice(self._source, size))

    def back(self, lines: Sequence[str]) -> None:
        self._back.extendleft(reversed(lines))


def dialect(options: FileOptions) -> dict[str, Any]:
    """How `csv.reader` is told of it."""
    quote = options.quote or '"'
    delimiter = options.delimiter or ";"
    said: dict[str, Any] = {"delimiter": delimiter if len(delimiter) == 1 else STAND_IN, "strict": True}
    if quote == "none":
        return said | {"quoting": csv.QUOTE_NONE}
    said["quotechar"] = quote
    return said | {"doublequote": False, "escapechar": "\\"} if options.backslash else said


def _refuse_markup(file: BinaryIO, name: str, encoding: str) -> None:
    file.seek(0)
    head = file.read(text.HEAD_BYTES).decode(encoding, "replace")
    if head.lstrip("\ufeff \t\r\n")[:1] == "<":
        raise BadData(f"{name}: это не CSV, а HTML или XML; вероятно, вместо выгрузки записана страница ошибки")


def _stated(file: BinaryIO, name: str, options: FileOptions, total: TotalLine) -> Stated:
    """What the last line says. Raises BadData when it is not there: the file was cut."""
    lines = [line for line in text.tail(file, options.encoding or "utf-8") if line.strip()]
    lines = [line for line in lines if not (options.comment and line.startswith(options.comment))]
    if not lines or not lines[-1].lstrip('"').startswith(total.starts):
        raise BadData(f"{name}: последняя строка не начинается с «{total.starts}» (options.total); файл обрезан")
    try:
        line = replaced(lines[-1], name, options.delimiter or ";")
        cells = next(csv.reader([line], **dialect(options)))
        cells[0] = cells[0].removeprefix(total.starts)
        rows = None if total.rows is None else scaled(cells[total.rows - 1], 0)
        sums = {column: scaled(cells[place - 1], KOPECK_DIGITS) for column, place in total.sums.items()}
    except (csv.Error, IndexError, Unfit) as error:
        raise BadData(f"{name}: строка итогов «{lines[-1][:80]}» не читается ({error})") from error
    return Stated(rows=rows, sums=sums)
