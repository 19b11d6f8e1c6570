"""Contract: what does every file of rows offer, whatever its format?

`registry.open_file` looks at a file and gives an `Opened`: what is no whole file of its format is refused there, in a
sentence that says where and what to do. Rows come as columns of text in the file's own words, `flow.validate` makes
cells of them. A row that cannot be read is a fault of its own, its neighbours are read on: rows in the file are
always rows handed out and faults.
"""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final, Protocol

import msgspec

from lk_sync.contracts import RowFault
from lk_sync.errors import BadData, SchemaDrift

ROWS_PER_BATCH: Final = 20_000
MAX_FAULTS: Final = 1_000  # a file with more torn rows is not a table with faults, but no table
VALUE_SHOWN: Final = 80
BLOCK_BYTES: Final = 1 << 20
Cell = str | None


def rubles(kopecks: int) -> str:
    """`-1234.50`: a sum as files write it."""
    return f"{'-' if kopecks < 0 else ''}{abs(kopecks) // 100}.{abs(kopecks) % 100:02d}"


class Portion(msgspec.Struct):
    """Columns of text, as they were asked for. Rows are counted as the program that wrote the file shows them: in a
    table with a header the header is 1. `numbers`: those of the rows, where they do not follow from `first_row`."""

    columns: list[list[Cell]]
    rows: int
    first_row: int
    numbers: list[int] | None = None
    faults: list[RowFault] = []


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What the file itself says of its rows (None: it does not), and of the sums of its columns, in kopecks."""

    rows: int | None = None
    sums: Mapping[str, int] = {}


class Opened(Protocol):
    """A file that has been looked at and is what its options say. It stays the caller's to close."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns that it names, or the numbers of those it only has."""

    @property
    def ended(self) -> bool:
        """Whether its last bytes show that it is whole."""

    def require(self, columns: Sequence[str]) -> None:
        """Raises SchemaDrift that names each missing column with the nearest one the file has."""

    def stated(self) -> Stated | None:
        """What the file says of itself; None if it says nothing."""

    def batches(self, columns: Sequence[str], size: int = ROWS_PER_BATCH) -> Iterator[Portion]:
        """The rows, once. Raises BadData when what follows cannot be read at all."""

    def close(self) -> None:
        """Lets go of the file without closing it."""


def require(name: str, there: Sequence[str], columns: Sequence[str]) -> None:
    """`Opened.require` for a file whose columns are all known."""
    faults = [
        _missing(column, there) if column not in there else _twice(column)
        for column in dict.fromkeys(columns)
        if there.count(column) != 1
    ]
    if faults:
        raise SchemaDrift(f"{name}: " + "; ".join(faults))


def _missing(column: str, there: Sequence[str]) -> str:
    near = difflib.get_close_matches(column, there, n=1, cutoff=0.5)
    if near:
        return f"нет колонки «{column}», есть похожая «{near[0]}»"
    return f"нет колонки «{column}» (есть: {', '.join(there[:20])})"


def _twice(column: str) -> str:
    return f"колонка «{column}» стоит в заголовке дважды; неясно, какую из них читать"


class Building:
    """A portion that grows row by row, where a row may turn out to be a fault."""

    def __init__(self, width: int) -> None:
        self._columns: list[list[Cell]] = [[] for _ in range(width)]
        self._numbers: list[int] = []
        self._faults: list[RowFault] = []

    def __len__(self) -> int:
        return len(self._numbers) + len(self._faults)

    def add(self, number: int, cells: Sequence[Cell]) -> None:
        self._numbers.append(number)
        for column, cell in zip(self._columns, cells, strict=True):
            column.append(cell)

    def fault(self, number: int, value: str, reason: str) -> None:
        self._faults.append(RowFault(row=number, value=value[:VALUE_SHOWN], reason=reason))

    def portion(self) -> Portion:
        numbers = self._numbers
        first = numbers[0] if numbers else self._faults[0].row if self._faults else 1
        follow = not numbers or numbers[-1] - first == len(numbers) - 1
        return Portion(self._columns, len(numbers), first, None if follow else numbers, self._faults)


class Patience:
    """How many torn rows a file may have before it is refused as a whole."""

    def __init__(self, name: str) -> None:
        self._name, self._faults = name, 0

    def with_(self, reason: str, number: int) -> None:
        self._faults += 1
        if self._faults > MAX_FAULTS:
            raise BadData(
                f"{self._name}: больше {MAX_FAULTS} строк не читаются как строки таблицы (последняя: {number}, "
                f"{reason}); файл не принят, проверьте его командой lk-sync doctor"
            )


class Ids:
    """Ids of payments by what tells them apart: the same tomorrow, and two for the same thing twice in one file."""

    def __init__(self, digits: int) -> None:
        self._digits = digits
        self._seen: Counter[bytes] = Counter()

    def of(self, *parts: str) -> str:
        same = "|".join(parts).encode("utf-8", "surrogateescape")
        mark = hashlib.blake2b(same, digest_size=16).digest()  # a purpose of payment is long, and there may be many
        self._seen[mark] += 1
        return hashlib.sha256(same + b"|%d" % self._seen[mark]).hexdigest()[: self._digits]


def digest(file: BinaryIO) -> str:
    """The SHA-256 of all its bytes."""
    found = hashlib.sha256()
    file.seek(0)
    while block := file.read(BLOCK_BYTES):
        found.update(block)
    return found.hexdigest()
