"""Options: what can be said of a file in `options:`, and which of it has a meaning in its format?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Final, Literal

import msgspec

from lk_sync.errors import SettingsError
from lk_sync.setting import Strict

Format = Literal["csv", "dbf", "xlsx", "xml", "register", "client_bank"]
Encoding = Literal["utf-8", "utf-16", "cp1251", "cp866", "koi8-r"]
FORMATS: Final[Mapping[str, Format]] = {
    "csv": "csv",
    "txt": "csv",
    "tsv": "csv",
    "dbf": "dbf",
    "xlsx": "xlsx",
    "xlsm": "xlsx",
    "xml": "xml",
}
Count = Annotated[int, msgspec.Meta(ge=0)]
Place = Annotated[int, msgspec.Meta(ge=1)]


Delimiter = Annotated[str, msgspec.Meta(pattern=r"^[^\r\n\\]{1,8}\Z")]  # `;`, a tabulator, `||`; a written `\t` is none


class TotalLine(Strict, frozen=True, kw_only=True):
    """The last line, which says what there should be. Its fields are counted from 1: where the number of rows stands,
    and of which column the sums are."""

    starts: Annotated[str, msgspec.Meta(min_length=1)]
    rows: Place | None = None
    sums: Mapping[str, Place] = {}


class FileOptions(Strict, frozen=True, kw_only=True):
    """How a file is written. It is never guessed: a wrong guess of the encoding gives names without a fault."""

    format: Format | None = None  # None: by the end of the name, csv if that says nothing
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    quote: Literal['"', "'", "none"] | None = None
    backslash: bool = False  # a quote within quotes is \" and not ""
    header: bool = True  # False: columns are called 1, 2, …
    header_rows: Place = 1  # of a sheet whose names stand in several rows, groups of columns above
    skip_lines: Count = 0
    comment: tuple[str, ...] = ()
    skip_blank: bool = False
    closing_delimiter: bool = False  # a row ends with a delimiter that no column follows
    total: TotalLine | None = None
    sheet: str | Place | None = None  # its name, or its number from 1
    row: str | None = None  # the element of an XML document that is a row
    namespaces: Mapping[str, str] = {}
    profile: str | None = None  # the file that describes a bank's register
    account_pattern: str | None = None  # how the purpose of a payment names the account: a pattern with one group
    partial: bool = False  # documents of a statement were chosen on purpose and need not add up to its totals
    open_end: bool = False  # the last line need not be closed by a line break


_TEXT: Final = ("encoding", "delimiter", "quote", "backslash", "header", "skip_lines", "comment", "skip_blank")
_BOOK: Final = ("sheet", "header", "header_rows", "skip_lines", "total")
KEYS: Final[Mapping[Format, tuple[str, ...]]] = {
    "csv": (*_TEXT, "closing_delimiter", "total", "open_end"),
    "dbf": ("encoding",),
    "xlsx": _BOOK,
    "register": ("profile",),
    "client_bank": ("encoding", "account_pattern", "partial"),
    "xml": ("encoding", "row", "namespaces"),
}


_USUAL: Final = FileOptions()


def settled(options: FileOptions, name: str) -> FileOptions:
    """The options with their format. Raises SettingsError for a key that says nothing in it."""
    kind = options.format or FORMATS.get(PurePath(name).suffix.lstrip(".").lower(), "csv")
    for key in options.__struct_fields__:
        if key not in ("format", *KEYS[kind]) and getattr(options, key) != getattr(_USUAL, key):
            raise SettingsError(
                f"{name}: options.{key} не бывает у формата {kind} (бывает: {', '.join(KEYS[kind])}); "
                "формат задаёт options.format, а без него — окончание имени файла"
            )
    return msgspec.structs.replace(options, format=kind)
