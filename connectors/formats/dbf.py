"""DBF: what records does a table of dBase, FoxPro or Clipper hold, and in which code page?

The file is looked through once before a row is given: its size must be what its header says, its letters must be of
the code page that its mark, its settings or, for want of both, its contents name. An unmarked file with too few letters
to tell is not guessed at. Memos lie in another file and are not read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final

import msgspec

from connectors.formats import dbf_cells, encodings
from connectors.formats.contract import ROWS_PER_BATCH, Building, Patience, Portion, Stated, require
from connectors.formats.options import FileOptions
from lk_sync.errors import BadData, SchemaDrift

HEADER: Final = struct.Struct("<B3sIHH17xB2x")
FIELD: Final = struct.Struct("<11sc4xBB14x")
FIELD_END: Final = b"\r"
MAX_HEADER: Final = 1 << 16
BLOCK_RECORDS: Final = 2_000
BLOCK_BYTES: Final = 8 << 20
SAMPLE_BYTES: Final = 1 << 16
MARKS: Final = {0x26: "cp866", 0x65: "cp866", 0xC9: "cp1251", 0xF0: "utf-8"}  # others are of no Russian code page
VERSIONS: Final = frozenset({0x02, 0x03, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0x8C, 0xCB, 0xF5, 0xFB})
ENCRYPTED_AT: Final = 15
LIVE, DELETED = b" ", b"*"
AFTER_THE_END: Final = b"\x1a\0 \r\n"


class Column(msgspec.Struct, frozen=True):
    """`name` in the bytes of the file."""

    name: bytes
    type: str
    length: int


class Layout(msgspec.Struct, frozen=True):
    """What the header says."""

    version: int
    mark: int
    records: int
    begin: int
    length: int
    columns: tuple[Column, ...]


class DbfTable:
    """`contract.Opened` of a DBF. `deleted`: records that are marked so, which are no rows."""

    ended = True

    def __init__(self, file: BinaryIO, name: str, options: FileOptions) -> None:
        self._file, self._name = file, name
        self._layout = layout = read_layout(file, name)
        self._record = struct.Struct("<c" + "".join(f"{column.length}s" for column in layout.columns))
        _check_size(file, name, layout)
        live, self.deleted, sample = self._walk()
        self._live = live
        self.encoding, self.proof = code_page(name, layout, options.encoding, sample)
        self.columns = [column.name.decode(self.encoding, "ignore").strip() for column in layout.columns]

    def close(self) -> None:
        pass

    def require(self, columns: Sequence[str]) -> None:
        require(self._name, self.columns, columns)
        for column in columns:
            kind = self._layout.columns[self.columns.index(column)].type
            if kind in dbf_cells.MEMO:
                raise SchemaDrift(
                    f"{self._name}: колонка «{column}» — memo, её значения лежат в другом файле (.dbt, .fpt), которого "
                    "у нас нет; выгружайте её текстом до 254 знаков"
                )
            if kind not in dbf_cells.READ:
                raise SchemaDrift(f"{self._name}: колонка «{column}» типа {kind} не читается; выгружайте её текстом")

    def stated(self) -> Stated:
        return Stated(rows=self._live)

    def _walk(self) -> tuple[int, int, bytes]:
        """How many records are live and deleted, and a sample of what is no ASCII in texts."""
        deleted, sample = 0, bytearray()
        texts = [i for i, column in enumerate(self._layout.columns, 1) if column.type == "C"]
        for _, records in self._blocks():
            deleted += sum(record[0] == DELETED for record in records)
            if len(sample) < SAMPLE_BYTES:
                for place in texts:
                    sample += b"\n".join(record[place] for record in records if not record[place].isascii()) + b"\n"
        names = b"\n".join(column.name for column in self._layout.columns if not column.name.isascii())
        return self._layout.records - deleted, deleted, names + b"\n" + bytes(sample[:SAMPLE_BYTES])

    def _blocks(self, size: int = BLOCK_RECORDS) -> Iterator[tuple[int, list[tuple[bytes, ...]]]]:
        """(number of the first, records), from 1."""
        self._file.seek(self._layout.begin)
        size = max(1, min(size, BLOCK_BYTES // self._layout.length))
        for first in range(1, self._layout.records + 1, size):
            count = min(size, self._layout.records + 1 - first)
            block = self._file.read(count * self._layout.length)
            if len(block) < count * self._layout.length:
                raise BadData(f"{self._name}: файл стал короче, пока его читали")
            yield first, list(self._records(block))

    def _records(self, block: bytes) -> Iterator[tuple[bytes, ...]]:
        if self._record.size == self._layout.length:
            return self._record.iter_unpack(block)
        return (self._record.unpack_from(block, at) for at in range(0, len(block), self._layout.length))

    def batches(self, columns: Sequence[str], size: int = ROWS_PER_BATCH) -> Iterator[Portion]:
        places = [self.columns.index(column) for column in columns]
        readers = [dbf_cells.reader(self._layout.columns[place].type, self.encoding) for place in places]
        patience = Patience(self._name)
        for first, records in self._blocks(size):
            building = Building(len(places))
            for number, record in enumerate(records, first):
                if record[0] != DELETED:
                    self._row(building, number, record, places, readers, patience)
            if len(building):
                yield building.portion()

    def _row(
        self,
        building: Building,
        number: int,
        record: tuple[bytes, ...],
        places: Sequence[int],
        readers: Sequence[Callable[[bytes], str | None]],
        patience: Patience,
    ) -> None:
        reason = ""
        if record[0] != LIVE:
            reason = f"перед записью стоит байт {record[0].hex()}, а не пробел и не звёздочка; запись сдвинута"
        else:
            try:
                building.add(number, [read(record[place + 1]) for place, read in zip(places, readers, strict=True)])
            except UnicodeDecodeError:
                reason = f"есть байты, которых нет в кодировке {self.encoding}"
        if reason:
            patience.with_(reason, number)
            building.fault(number, b"".join(record).decode(self.encoding, "replace"), reason)


def read_layout(file: BinaryIO, name: str) -> Layout:
    """Raises BadData when the file does not begin as a DBF does."""
    file.seek(0)
    head = file.read(MAX_HEADER)
    if len(head) < HEADER.size or head[0] not in VERSIONS:
        raise BadData(f"{name}: это не DBF (файл начинается не так, как таблица dBase, FoxPro или Clipper)")
    if head[ENCRYPTED_AT]:
        raise BadData(f"{name}: DBF зашифрован; выгружайте его без шифрования")
    version, _, records, begin, length, mark = HEADER.unpack_from(head)
    if not HEADER.size < begin <= len(head) or not length:
        raise BadData(f"{name}: заголовок DBF не цел (длина заголовка {begin}, записи {length}); файл обрезан")
    return Layout(version, mark, records, begin, length, _fitting(_fields(head[:begin], name), length, name))


def _fields(head: bytes, name: str) -> list[tuple[bytes, str, int, int]]:
    """(name, type, length, digits)."""
    found = []
    for at in range(HEADER.size, len(head) - FIELD.size + 1, FIELD.size):
        if head[at : at + 1] == FIELD_END:
            break
        title, kind, length, digits = FIELD.unpack_from(head, at)
        found.append((title.partition(b"\0")[0], kind.decode("latin-1"), length, digits))
    if not found:
        raise BadData(f"{name}: в DBF нет ни одной колонки; файл повреждён")
    return found


def _fitting(fields: list[tuple[bytes, str, int, int]], length: int, name: str) -> tuple[Column, ...]:
    """Clipper writes the length of a text longer than 255 into the place of its digits as well."""
    plain = tuple(Column(title, kind, size) for title, kind, size, _ in fields)
    long = tuple(Column(title, kind, size + 256 * digits * (kind == "C")) for title, kind, size, digits in fields)
    for columns in (plain, long):
        if 1 + sum(column.length for column in columns) == length:
            return columns
    if 1 + sum(column.length for column in plain) < length:
        return plain  # what lies behind the last column is of no column
    raise BadData(f"{name}: колонки DBF длиннее записи ({length} байт); заголовок повреждён")


def _check_size(file: BinaryIO, name: str, layout: Layout) -> None:
    size, needed = file.seek(0, 2), layout.begin + layout.records * layout.length
    if size < needed:
        whole = max(0, size - layout.begin) // layout.length
        raise BadData(f"{name}: в заголовке записей {layout.records}, а целых в файле {whole}; файл обрезан")
    file.seek(needed)
    if file.read(1 << 16).strip(AFTER_THE_END):
        more = (size - needed) // layout.length
        raise BadData(
            f"{name}: в заголовке записей {layout.records}, а за ними ещё данные ({more} записей); файл не закрыт "
            "программой, которая его писала: выгрузите его заново"
        )


def code_page(name: str, layout: Layout, named: str | None, sample: bytes) -> tuple[str, str]:
    """The encoding and how it is known. Raises BadData when it is not certain."""
    foreign = sum(byte > 0x7F for byte in sample)
    marked = MARKS.get(layout.mark)
    if named is not None or marked is not None:
        return _confirmed(name, named or marked or "", "options" if named else f"метка {layout.mark:#04x}", sample)
    if not foreign:
        return "ascii", "букв кроме латинских нет"
    found = encodings.certain(sample)
    if found is None:
        likely = encodings.likely(sample)
        raise BadData(
            f"{name}: в файле нет метки кодировки, а букв слишком мало, чтобы узнать её наверняка"
            f"{f' (скорее всего {likely})' if likely else ''}; укажите options.encoding (cp866 или cp1251)"
        )
    return found, f"по содержанию: метки нет, русские слова получаются только в {found}"


def _confirmed(name: str, encoding: str, proof: str, sample: bytes) -> tuple[str, str]:
    other = encodings.surely_other(sample, encoding)
    if encoding == "utf-8" and sample.strip():
        other = None if encodings.likely(sample) in ("utf-8", None) else encodings.likely(sample)
    if other:
        raise BadData(
            f"{name}: {proof} говорит, что это {encoding}, но слова получаются только в {other}; укажите "
            f"options.encoding: {other} или поправьте выгрузку"
        )
    return encoding, proof
