"""Taking: is a file of a shelf what its writer promises, to its last byte?

It is copied into a file without a name, which is gone with this process whatever happens; only what lies here whole
and is what its sidecars say is read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import BinaryIO, Final

import msgspec

from connectors.files import manifest as manifests
from connectors.files import sidecar
from connectors.files.options import DropOptions
from connectors.files.shelf import Listing, Rules, Shelf
from connectors.files.sidecar import Promise
from connectors.formats.contract import Opened, Portion, rubles
from connectors.formats.registry import open_file
from lk_sync.contracts import Totals, Wanted
from lk_sync.errors import BadData, Unreachable
from lk_sync.flow.validate import Unfit, scaled

KOPECK_DIGITS: Final = 2


class Taken(msgspec.Struct):
    """A file that lies here, checked byte by byte; what is promised of it; `reopen` begins its rows anew."""

    name: str
    sha256: str
    promise: Promise
    table: Opened
    reopen: Callable[[], Opened]
    file: BinaryIO

    def close(self) -> None:
        self.table.close()
        self.file.close()


def take(shelf: Shelf, listing: Listing, name: str, options: DropOptions, rules: Rules) -> Taken:
    """Raises Unreachable when the file does not stand still, BadData when it is not what it should be."""
    entry = listing[name]
    if entry.size > rules.max_file_bytes:
        raise BadData(f"{name}: файл больше max_file_bytes ({rules.max_file_bytes})")
    file = _temporary()
    try:
        promise = sidecar.read(name, sidecar.found(name, listing), shelf.read_small)
        shelf.fetch(name, entry, file)
        sha256 = sidecar.check(promise, file, name)
        reopen = partial(open_file, file, name=name.rpartition("/")[2], options=options.written)
        table = reopen()
        if not promise.says_bytes and not table.ended:
            raise BadData(f"{name}: последняя строка не закончена, а манифеста нет; файл обрезан")
        return Taken(name, sha256, promise, table, reopen, file)
    except BaseException:
        file.close()
        raise


def _temporary() -> BinaryIO:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise Unreachable(f"временный файл не создать ({error.strerror}); попытка будет повторена") from error


def columns_of(wanted: Wanted) -> list[str]:
    """The file's columns: one per field, then the watermark if there is one."""
    columns = [field.column for field in wanted.fields if field.column is not None]
    return columns if wanted.watermark is None else [*columns, wanted.watermark]


def totals(taken: Taken, wanted: Wanted) -> Totals | None:
    """What the manifest says, and the file of itself where there is none."""
    if (manifest := taken.promise.manifest) is not None:
        return Totals(rows=manifest.rows, sums=_sums(taken.name, manifest.sums, wanted))
    stated = taken.table.stated()
    if stated is None or stated.rows is None:
        return None
    fields = {field.column: field.name for field in wanted.fields if field.kind == "money"}
    return Totals(
        rows=stated.rows, sums={fields[column]: sum_ for column, sum_ in stated.sums.items() if column in fields}
    )


def _sums(name: str, said: Mapping[str, str | int], wanted: Wanted) -> dict[str, int]:
    """The manifest's sums by our money fields, in kopecks."""
    return {
        field.name: _kopecks(name, field.column, said[field.column])
        for field in wanted.fields
        if field.kind == "money" and field.column is not None and field.column in said
    }


def _kopecks(name: str, column: str, said: str | int) -> int:
    try:
        return scaled(said, KOPECK_DIGITS)
    except Unfit as error:
        raise BadData(f"{name}{manifests.SUFFIX}: сумма «{column}» = «{said}»: {error}") from error


def portions(taken: Taken, columns: Sequence[str]) -> Iterator[Portion]:
    """All rows. Raises BadData, at the end as well, when they are not as many as the manifest promises."""
    rows = 0
    for part in taken.table.batches(columns):
        rows += part.rows + len(part.faults)
        yield part
    manifest = taken.promise.manifest
    if manifest is not None and manifest.rows != rows:
        raise BadData(f"{taken.name}: строк {rows}, а манифест обещает {manifest.rows}; файл не принят")


def tried(taken: Taken, wanted: Wanted) -> int:
    """Walks the whole file before any of its rows counts: how many it has. Raises BadData when it cannot be read to its
    end, or its rows or sums are not those that are stated."""
    columns = columns_of(wanted)
    taken.table.require(columns)
    said = totals(taken, wanted)
    money = {field.column: field.name for field in wanted.fields if said and field.name in said.sums}
    places = [(money[column], i) for i, column in enumerate(columns) if column in money]
    rows, sums, torn = 0, dict.fromkeys(money.values(), 0), False
    for part in portions(taken, columns):
        rows, torn = rows + part.rows + len(part.faults), torn or bool(part.faults)
        for field, i in places:
            torn = not _added(sums, field, part.columns[i]) or torn
    if said is not None and (said.rows != rows or (not torn and sums != dict(said.sums))):
        raise BadData(_unlike(taken.name, said, rows, sums))
    taken.table.close()
    taken.table = taken.reopen()
    return rows


def _added(sums: dict[str, int], field: str, cells: Sequence[str | None]) -> bool:
    """Whether every cell is an amount; one that is none is rejected later, with its row."""
    try:
        sums[field] += sum(scaled(cell, KOPECK_DIGITS) for cell in cells if cell)
    except Unfit:
        return False
    return True


def _unlike(name: str, said: Totals, rows: int, sums: Mapping[str, int]) -> str:
    if said.rows != rows:
        return f"{name}: строк {rows}, а обещано {said.rows}; файл не принят"
    field = next(field for field in sums if sums[field] != said.sums[field])
    return f"{name}: сумма {field} {rubles(sums[field])}, а обещано {rubles(said.sums[field])}; файл не принят"
