"""DBF files: how does a program of the nineties write a table?"""

from __future__ import annotations

import struct
from collections.abc import Sequence

Column = tuple[str, str, int, int]  # name, type, length, digits


def dbf(
    columns: Sequence[Column],
    records: Sequence[Sequence[str | bytes]],
    *,
    encoding: str = "cp866",
    mark: int = 0x65,
    deleted: Sequence[int] = (),
    count: int | None = None,
    version: int = 3,
    end: bytes = b"\x1a",
) -> bytes:
    """`deleted`: places of the records that are marked so. `count`: what the header says instead of the truth."""
    fields = b"".join(
        struct.pack("<11sc4xBB14x", name.encode(encoding)[:10], kind.encode(), length, digits)
        for name, kind, length, digits in columns
    )
    begin, length = 32 + len(fields) + 1, 1 + sum(column[2] for column in columns)
    said = len(records) if count is None else count
    head = struct.pack("<B3sIHH17xB2x", version, b"\x7e\x0b\x01", said, begin, length, mark)
    rows = b"".join(
        (b"*" if i in deleted else b" ")
        + b"".join(_cell(value, column, encoding) for value, column in zip(record, columns, strict=True))
        for i, record in enumerate(records)
    )
    return head + fields + b"\r" + rows + end


def _cell(value: str | bytes, column: Column, encoding: str) -> bytes:
    _, kind, length, _ = column
    raw = value if isinstance(value, bytes) else value.encode(encoding)
    return raw.rjust(length) if kind in "NF" else raw.ljust(length)[:length]
