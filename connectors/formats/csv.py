"""CSV: what does a file of somebody else's export hold, and can it be trusted to its last byte?

Two passes, both in bounded memory. `survey` looks at the bytes: digest, encoding, NULs, the end of the last line.
`Table` then hands out columns of text in the file's own words, rows counted as a spreadsheet counts them. Whatever is
not a table of equal rows under one header of different names is refused as a whole, in a sentence that says where: a
delimiter that slipped into a value shifts all the cells behind it, so the rest cannot be believed either.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO, Final, Literal

import msgspec

from connectors.formats import encodings
from lk_sync.config import Strict
from lk_sync.errors import BadData, SchemaDrift

ROWS_PER_BATCH: Final = 20_000
ROWS_AT_ONCE: Final = 500  # fewer lists than make the garbage collector look (700): half the time of 2 000
BLOCK_BYTES: Final = 1 << 20
HEAD_BYTES: Final = 1 << 16
_BREAK: Final = re.compile(r"\r\n|\r|\n")

Encoding = Literal["utf-8", "cp1251", "cp866", "koi8-r"]


class CsvOptions(Strict, frozen=True, kw_only=True):
    """How the file is written. It is never guessed: a wrong guess of the encoding gives names without a fault."""

    delimiter: Literal[";", ",", "|", "\t"] = ";"
    encoding: Encoding = "utf-8"


class Survey(msgspec.Struct, frozen=True):
    """What the bytes of a file say. `ended`: the last line has its line break."""

    sha256: str
    size: int
    ended: bool


class Rows(msgspec.Struct):
    """Columns of text. Rows are counted as a spreadsheet shows them: the header is 1."""

    columns: list[list[str]]
    rows: int
    first_row: int


def survey(file: BinaryIO, *, name: str, encoding: Encoding) -> Survey:
    """Read the whole file once. Raises BadData for bytes that are not text in `encoding`."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder(encoding)()
    size, last = 0, b"\n"
    file.seek(0)
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            start = size - (len(error.object) - len(block)) + error.start
            raise _wrong_bytes(file, name, encoding, start) from error
        if b"\0" in block:
            raise BadData(f"{name}, строка {_line_of(file, size + block.index(0))}: нулевой байт; файл повреждён")
        size, last = size + len(block), block[-1:]
    if decoder.getstate()[0]:
        raise BadData(f"{name}: последний знак файла не закончен; файл обрезан")
    _check_letters(file, name, encoding)
    return Survey(sha256=digest.hexdigest(), size=size, ended=last in (b"\n", b"\r"))


def _wrong_bytes(file: BinaryIO, name: str, encoding: Encoding, start: int) -> BadData:
    file.seek(max(0, start - HEAD_BYTES // 2))
    likely = encodings.likely(file.read(HEAD_BYTES))
    advice = f"похоже на {likely}" if likely else "на текст в других кодировках это тоже не похоже"
    return BadData(
        f"{name}, строка {_line_of(file, start)}, байт {start + 1} файла: это не {encoding}, {advice}; "
        f"укажите encoding в options этого набора или выгружайте файл в {encoding}"
    )


def _line_of(file: BinaryIO, position: int) -> int:
    """The line in which the byte at `position` stands, from 1."""
    file.seek(0)
    breaks, rest = 0, position
    while rest and (block := file.read(min(rest, BLOCK_BYTES))):
        breaks += block.count(b"\n")
        rest -= len(block)
    return breaks + 1


def _check_letters(file: BinaryIO, name: str, encoding: Encoding) -> None:
    """One-byte encodings take any bytes; whether the letters make Russian is all that tells them apart."""
    file.seek(0)
    likely = encodings.surely_other(file.read(HEAD_BYTES), encoding)
    if likely:
        raise BadData(
            f"{name}: в кодировке {encoding} получаются не слова, а бессмыслица; похоже на {likely}: "
            "укажите encoding в options этого набора"
        )


class Table:
    """A surveyed file as a table. The file stays the caller's to close."""

    def __init__(self, file: BinaryIO, *, name: str, options: CsvOptions) -> None:
        self._name = name
        file.seek(0)
        head = file.read(HEAD_BYTES)
        file.seek(0)
        encoding = "utf-8-sig" if options.encoding == "utf-8" else options.encoding
        self._text = io.TextIOWrapper(file, encoding, newline="")
        self._reader = csv.reader(self._text, delimiter=options.delimiter, strict=True)
        self.header = self._read_header(head, options)

    def close(self) -> None:
        """Lets go of the file without closing it."""
        self._text.detach()

    def _read_header(self, head: bytes, options: CsvOptions) -> list[str]:
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
            raise BadData(
                f"{self._name}: это не CSV, а HTML или XML; вероятно, вместо выгрузки записана страница ошибки"
            )
        header = self._next(1)
        if not header or not any(header[0]):
            raise BadData(f"{self._name}: в первой строке нет заголовка")
        twice = sorted({column for column in header[0] if header[0].count(column) > 1})
        if twice:
            raise BadData(f"{self._name}: колонка «{twice[0]}» стоит в заголовке дважды; неясно, какую из них читать")
        return header[0]

    def require(self, columns: Sequence[str]) -> None:
        """Raises SchemaDrift that names each missing column with the nearest one the file has."""
        missing = [column for column in dict.fromkeys(columns) if column not in self.header]
        if missing:
            raise SchemaDrift(f"{self._name}: " + "; ".join(self._missing(column) for column in missing))

    def _missing(self, column: str) -> str:
        near = difflib.get_close_matches(column, self.header, n=1, cutoff=0.5)
        if near:
            return f"нет колонки «{column}», есть похожая «{near[0]}»"
        return f"нет колонки «{column}» (есть: {', '.join(self.header[:20])})"

    def batches(self, columns: Sequence[str], size: int = ROWS_PER_BATCH) -> Iterator[Rows]:
        """The rest of the file, once. Raises BadData at the first row that is not like the header."""
        places = [self.header.index(column) for column in columns]
        first_row = 2
        while (batch := self._batch(places, size, first_row)).rows:
            yield batch
            first_row += batch.rows

    def _batch(self, places: Sequence[int], size: int, first_row: int) -> Rows:
        batch = Rows([[] for _ in places], 0, first_row)
        while batch.rows < size:
            line = self._reader.line_num + 1
            rows = self._next(min(ROWS_AT_ONCE, size - batch.rows))
            if not rows:
                break
            self._check_width(rows, line)
            cells = list(zip(*rows, strict=True))
            for column, place in zip(batch.columns, places, strict=True):
                column.extend(cells[place])
            batch.rows += len(rows)
        return batch

    def _next(self, size: int) -> list[list[str]]:
        try:
            return list(islice(self._reader, size))
        except csv.Error as error:
            raise BadData(
                f"{self._name}, строка {self._reader.line_num}: кавычка не закрыта или стоит не на месте, "
                f"файл обрезан или повреждён ({error})"
            ) from error

    def _check_width(self, rows: list[list[str]], line: int) -> None:
        width = len(self.header)
        if set(map(len, rows)) == {width}:
            return
        for row in rows:
            if len(row) != width:
                what = f"полей {len(row)} вместо {width}" if row else "пустая строка"
                raise BadData(
                    f"{self._name}, строка {line}: {what}; вероятно, разделитель или перевод строки внутри значения "
                    "не взят в кавычки"
                )
            line += _lines(row)


def _lines(row: list[str]) -> int:
    return 1 + sum(len(_BREAK.findall(cell)) for cell in row)
