"""Survey: which files of a shelf could become datasets, and under which masks?

What varies in a name, its last number or date, is the stamp; of the files that differ in it only the newest is looked
into. Encoding and delimiter are tried and told as options, for the operator to confirm.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from connectors.files import sidecar
from connectors.files.shelf import Listing, Shelf
from connectors.formats import encodings
from connectors.formats.contract import Cell, Opened
from connectors.formats.options import FORMATS, Encoding, FileOptions
from connectors.formats.registry import open_file
from lk_sync.contracts import Found, FoundColumn
from lk_sync.errors import BadData, LkError, SettingsError
from lk_sync.records import Kind

MOST_FILES: Final = 50
MOST_BYTES: Final = 64 << 20
SAMPLE_ROWS: Final = 200
HEAD_BYTES: Final = 1 << 16
SAMPLE_SHOWN: Final = 40
DELIMITERS: Final = (";", "\t", "|", ",")
_OTHERS: Final[tuple[Encoding, ...]] = ("cp1251", "cp866", "koi8-r", "utf-16")  # than UTF-8, which needs no word
_STAMP: Final = re.compile(r"\d(?:[\d_.T-]*\d)?(?=\D*$)")
_FORMS: Final[tuple[tuple[re.Pattern[str], tuple[Kind, ...]], ...]] = (
    (re.compile(r"\d{4}-\d\d-\d\d|\d\d\.\d\d\.\d{4}"), ("date", "month", "text")),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:.*|\d\d\.\d\d\.\d{4} .*"), ("datetime", "date", "month", "text")),
    (re.compile(r"\d{4}-\d\d"), ("month", "text")),
    (re.compile(r"-?\d+[.,]\d\d"), ("money", "volume", "text")),
    (re.compile(r"-?\d+[.,]\d+"), ("volume", "text")),
    (re.compile(r"0\d+|\d{6,18}"), ("account", "text", "code", "int")),
    (re.compile(r"-?\d+"), ("int", "account", "money", "volume", "code", "text")),
)


def survey(shelf: Shelf, listing: Listing) -> list[Found]:
    """What can be read. A file that cannot is left out: `lk-sync doctor` says why."""
    newest: dict[str, str] = {}
    for name in sorted(listing):
        if "/" not in name and not name.endswith(sidecar.SUFFIXES):
            newest[mask_of(name)] = name
    found = (_look(shelf, listing, name, mask) for mask, name in list(newest.items())[:MOST_FILES])
    return [each for each in found if each is not None]


def mask_of(name: str) -> str:
    """The name with a star in the place of its last number."""
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = name, ""
    stars = _STAMP.sub("*", stem, count=1)
    return f"{stars}{dot}{suffix}"


def _look(shelf: Shelf, listing: Listing, name: str, mask: str) -> Found | None:
    if listing[name].size > MOST_BYTES:
        return None
    with tempfile.TemporaryFile() as file:
        try:
            shelf.fetch(name, listing[name], file)
            return _found(file, name, mask)
        except (BadData, SettingsError):
            return None


def _found(file: BinaryIO, name: str, mask: str) -> Found | None:
    for options in _tries(file, name):
        try:
            opened = open_file(file, name=name, options=options)
        except LkError:
            continue
        try:
            rows, columns = _columns(opened)
        finally:
            opened.close()
        said = {key: value for key in ("encoding", "delimiter") if (value := getattr(options, key)) is not None}
        return Found(how="file", origin=mask, columns=columns, rows=rows, options=said)
    return None


def _tries(file: BinaryIO, name: str) -> Iterator[FileOptions]:
    kind = FORMATS.get(name.rpartition(".")[2].lower(), "csv")
    if kind != "csv":
        yield FileOptions()
        return
    file.seek(0)
    head = file.read(HEAD_BYTES)
    likely = encodings.likely(head)
    encoding = next((each for each in _OTHERS if each == likely), None)
    first = head.splitlines()[0] if head.strip() else b""
    best = max(DELIMITERS, key=lambda mark: first.count(mark.encode()))
    yield _csv(encoding, best)
    yield _csv(None, best)


def _csv(encoding: Encoding | None, delimiter: str) -> FileOptions:
    return FileOptions(encoding=encoding, delimiter=None if delimiter == ";" else delimiter)


def _columns(opened: Opened) -> tuple[int, tuple[FoundColumn, ...]]:
    names = list(dict.fromkeys(opened.columns))
    rows, cells = 0, [[] for _ in names]  # type: tuple[int, list[list[Cell]]]
    for part in opened.batches(names):
        if rows < SAMPLE_ROWS:
            for column, found in zip(cells, part.columns, strict=True):
                column.extend(found[:SAMPLE_ROWS])
        rows += part.rows + len(part.faults)
    return rows, tuple(_column(name, column) for name, column in zip(names, cells, strict=True))


def _column(name: str, cells: Sequence[Cell]) -> FoundColumn:
    filled = [cell.strip() for cell in cells if cell and cell.strip()]
    sample = filled[0][:SAMPLE_SHOWN] if filled else None
    return FoundColumn(name=name, type="text", kinds=kinds(filled), sample=sample)


def kinds(filled: Sequence[str]) -> tuple[Kind, ...]:
    """What a column of these texts can hold, the likeliest first."""
    for form, fit in _FORMS:
        if filled and all(form.fullmatch(cell) for cell in filled):
            return fit
    return ("text", "code", "account")
