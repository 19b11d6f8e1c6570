"""Registry: which format is a file of, and who reads it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO, Final

from connectors.formats.client_bank import Statement
from connectors.formats.contract import Opened
from connectors.formats.csv import Table
from connectors.formats.dbf import DbfTable
from connectors.formats.options import FileOptions, Format, settled
from connectors.formats.xlsx import Workbook
from connectors.formats.xml import Document

Open = Callable[[BinaryIO, str, FileOptions], Opened]
_OPEN: Final[Mapping[Format, Open]] = {
    "csv": Table,
    "dbf": DbfTable,
    "xlsx": Workbook,
    "xml": Document,
    "client_bank": Statement,
}


def open_file(file: BinaryIO, *, name: str, options: FileOptions) -> Opened:
    """The file, which has been looked at to its last byte. `name` is for its suffix and for people. Raises BadData when
    it is not what its options say, SettingsError when options do not fit its format."""
    chosen = settled(options, name)
    assert chosen.format is not None  # noqa: S101 - settled has set it
    return _OPEN[chosen.format](file, name, chosen)
