"""Proof: what exactly stands in the file for the accounting system about a reading, and by which hash is it known?

The line is laid out again from its item and the layout of its file, as an export cut short would be; whoever has the
file finds the same characters in it.
"""

from __future__ import annotations

import msgspec

from lk_sync.config import ExportSetting
from lk_sync.flow import items, layout
from lk_sync.store import outbox
from lk_sync.store.database import Tx


class Proof(msgspec.Struct, frozen=True):
    """`text`: the line without its end. `sha256`: of its bytes in the encoding of the file."""

    text: str
    sha256: str
    encoding: str
    file_sha256: str


def proof_of(tx: Tx, *, item: str) -> Proof | None:
    """None: no file holds the item yet, or its layout is not known any more."""
    found = outbox.line(tx, item=item)
    if found is None:
        return None
    try:
        setting = msgspec.json.decode(found.layout, type=ExportSetting)
    except msgspec.MsgspecError:
        return None
    cells = layout.cells(setting, item, items.read("reading", found.payload))
    text = layout.line(setting, cells)
    return Proof(text, layout.sha256(text.encode(setting.encoding)), setting.encoding, found.file_sha256)
