"""Spool: where do rows wait until it is certain that all of them were read?

In memory as long as they are few, then in a file that has no name. A reading that turns out not to be whole is thrown
away with its spool; the flow sees rows of whole readings only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any, Final

import msgspec

from connectors.odata.pages import Cell, Rows
from lk_sync.contracts import Batch, RowFault

IN_MEMORY: Final = 8 * 1024 * 1024


class _Part(msgspec.Struct, array_like=True):
    """Some rows as they lie in the file."""

    first: int
    columns: list[list[Cell]]
    numbers: list[int]
    faults: list[RowFault]
    watermark: str | None


class Spool:
    """Rows of one reading. `stated`: how many the base says there are; None = as many as were read."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by whoever uses up the spool
        self.rows = 0
        self.stated: int | None = None

    def close(self) -> None:
        self._file.close()

    def add(self, rows: Rows) -> None:
        """Rows that follow those that are here already."""
        before = self.rows
        faults = [msgspec.structs.replace(fault, row=before + fault.row) for fault in rows.faults]
        numbers = [before + number for number in rows.numbers] if faults else []
        part = msgspec.msgpack.encode(_Part(before + 1, rows.columns, numbers, faults, rows.watermark))
        self._file.write(len(part).to_bytes(8, "big"))
        self._file.write(part)
        self.rows += rows.count

    def batches(self, where: str) -> Iterator[Batch]:
        """All rows, once; then the spool is gone."""
        try:
            self._file.seek(0)
            while size := self._file.read(8):
                part = msgspec.msgpack.decode(self._file.read(int.from_bytes(size, "big")), type=_Part)
                yield _batch(part, where)
        finally:
            self.close()


def _batch(part: _Part, where: str) -> Batch:
    columns: Sequence[list[Any]] = part.columns
    return Batch(
        columns=columns,
        rows=len(columns[0]),
        exact=False,
        first_row=part.first,
        where=where,
        watermark=part.watermark,
        numbers=part.numbers if part.faults else None,
        faults=part.faults,
    )
