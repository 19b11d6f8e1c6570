"""Survey: what would a file that nobody has described yet be good for?"""

from __future__ import annotations

import re
from typing import BinaryIO, Final

import msgspec

from connectors.formats.doctor import examine, table, text_file
from connectors.formats.options import FileOptions
from connectors.formats.registry import open_file
from lk_sync.contracts import Found, FoundColumn
from lk_sync.errors import BadData

_STAMP: Final = re.compile(r"\d[\d_.T-]*\d(?=\.[^.]+$)")


def survey(file: BinaryIO, *, name: str, options: FileOptions | None = None) -> Found:
    """The file as a dataset. Without `options` they are those that the doctor drafts. Raises BadData when the file
    cannot be read, or when what it is cannot be said for certain."""
    chosen = _drafted(file, name) if options is None else options
    opened = open_file(file, name=name, options=chosen)
    try:
        looked = table.look(opened)
    finally:
        opened.close()
    columns = tuple(
        FoundColumn(name=column.name, type=column.main_form, kinds=column.kinds(), sample=column.example)
        for column in looked.columns
    )
    return Found(
        how="file",
        origin=_STAMP.sub("*", name, count=1),
        columns=columns,
        rows=looked.rows + looked.torn,
        options=table.drafted(chosen, FileOptions()),
    )


def _drafted(file: BinaryIO, name: str) -> FileOptions:
    seen = examine(file, name=name, wanted=None)
    unsure = seen is None or not seen.readable or seen.options is None or "profile" in seen.options
    if seen is None or seen.options is None or unsure or text_file.UNKNOWN in seen.facts:
        why = next((remark.what for remark in seen.remarks), seen.kind) if seen else "неизвестный файл"
        raise BadData(f"{name}: {why}; подробнее скажет lk-sync doctor")
    return msgspec.convert(seen.options, FileOptions)
