"""Manifest: what does the writer of a file say of it, so that we can tell a whole file from a torn one?

Beside `name` lies `name.ok`, JSON, renamed into place after the file itself:

    {"file": name, "rows": 12, "sha256": "…", "sums": {"Начислено": "1234.50"}, "snapshot": true, "as_of": "…"}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from lk_sync.errors import BadData

SUFFIX: Final = ".ok"
MAX_BYTES: Final = 64 * 1024
_SAFE_NAME: Final = re.compile(r"[0-9A-Za-zА-ЯЁа-яё_][0-9A-Za-zА-ЯЁа-яё._ №()+,-]{0,199}")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`sums` are by the file's own columns. `snapshot` false: the file holds changes only. Other keys are ignored."""

    file: str
    rows: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]
    sums: Mapping[str, str | int] = {}
    snapshot: bool = True
    as_of: str | None = None


def read(body: bytes, *, file: str) -> Manifest:
    """The manifest of `file`. Raises BadData with what is wrong in it."""
    try:
        manifest = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadData(f"{file}{SUFFIX}: манифест не читается ({error})") from error
    if manifest.file != file:
        raise BadData(f"{file}{SUFFIX}: манифест говорит о другом файле, «{manifest.file}»")
    return manifest


def is_safe(name: str) -> bool:
    """Whether a file of this name may be touched: one plain name, nothing that leads to another folder."""
    return _SAFE_NAME.fullmatch(name) is not None
