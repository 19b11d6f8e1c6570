"""Registry: which format is a file of, and who reads it?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import BinaryIO, Final, cast

from connectors.formats import archive
from connectors.formats.contract import ROWS_PER_BATCH, Opened, Portion, Stated
from connectors.formats.options import FileOptions, Format, settled

Open = Callable[[BinaryIO, str, FileOptions], Opened]
# Each is loaded when a file of its kind comes: those that need a library take as long to load as a small file to read.
_OPEN: Final[Mapping[Format, tuple[str, str]]] = {
    "csv": ("csv", "Table"),
    "dbf": ("dbf", "DbfTable"),
    "xlsx": ("xlsx", "Workbook"),
    "xml": ("xml", "Document"),
    "register": ("register", "Register"),
    "client_bank": ("client_bank", "Statement"),
}


def open_file(file: BinaryIO, *, name: str, options: FileOptions) -> Opened:
    """The file, which has been looked at to its last byte. `name` is for its suffix and for people. Raises BadData when
    it is not what its options say, SettingsError when options do not fit its format. Any file but a book may come
    packed alone in a ZIP."""
    kind = settled(options, name).format
    if kind != "xlsx" and archive.is_zip(file):
        return _Unpacked(file, name, options)
    return _open(file, name, options)


def _open(file: BinaryIO, name: str, options: FileOptions) -> Opened:
    chosen = settled(options, name)
    assert chosen.format is not None  # noqa: S101 - settled has set it
    module, reader = _OPEN[chosen.format]
    read: Open = getattr(import_module(f"connectors.formats.{module}"), reader)
    return read(file, name, chosen)


class _Unpacked:
    """`contract.Opened` of the only file of an archive."""

    def __init__(self, file: BinaryIO, name: str, options: FileOptions) -> None:
        self._file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed by close
        try:
            inside = archive.unpack_only(file, name, self._file)
            self._opened = _open(self._file, f"{name}/{inside}", options)
        except BaseException:
            self._file.close()
            raise
        self.columns, self.ended = self._opened.columns, self._opened.ended

    def require(self, columns: Sequence[str]) -> None:
        self._opened.require(columns)

    def stated(self) -> Stated | None:
        return self._opened.stated()

    def batches(self, columns: Sequence[str], size: int = ROWS_PER_BATCH) -> Iterator[Portion]:
        return self._opened.batches(columns, size)

    def close(self) -> None:
        self._opened.close()
        self._file.close()
