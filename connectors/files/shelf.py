"""Shelf: what must a place with files offer, so that datasets can be read from it?

However the place is reached: a folder, a drop, a web server. Names are plain (`manifest.is_safe`); what has been put
aside before is listed as `done/NAME`, where the place keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import BinaryIO, Final, Literal, Protocol

import msgspec

DONE: Final = "done"
ERROR: Final = "error"
REPORT: Final = ".err.csv"
Aside = Literal["done", "error"]


class Entry(msgspec.Struct, frozen=True):
    """A regular file as the shelf shows it. `version`: another one whenever the bytes are others."""

    size: int
    version: str


Listing = Mapping[str, Entry]


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be put aside, with all that lies beside it under `name` and a suffix. If `version` is not the one that
    lies there now, somebody has laid another file under the name, and it stays. `stays`: only the report is laid."""

    name: str
    version: str | None
    sha256: str
    aside: Aside
    report: str | None = None
    stays: bool = False


class Shelf(Protocol):
    """Every call may raise Unreachable, AccessDenied, SettingsError and BadData, in a sentence that names the place."""

    @property
    def where(self) -> str:
        """The place, for people."""

    def listing(self) -> Listing:
        """Regular files with plain names; links, folders and names that lead elsewhere do not exist."""

    def read_small(self, name: str, limit: int) -> bytes:
        """A sidecar. Raises BadData for a larger one."""

    def fetch(self, name: str, entry: Entry, into: BinaryIO) -> None:
        """Copy a file that was listed. Raises Unreachable unless it arrives whole and stands still meanwhile."""

    def put_aside(self, moves: Iterable[Move]) -> None:
        """Safe to repeat."""

    def close(self) -> None:
        """Lets go of what it holds for `fetch`."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings of every source of files say. `one_set`: all snapshots of a session have the same stamp.
    `unsigned`: files without a sidecar are whole, for the shelf has seen them stand still or knows their length.
    `put_aside`: files that are taken leave the folder."""

    one_set: bool
    unsigned: bool
    max_file_bytes: int
    put_aside: bool


class Tidy(Protocol):
    """Settings of a folder that files are taken out of."""

    @property
    def one_set(self) -> bool: ...

    @property
    def settle_seconds(self) -> int | None: ...

    @property
    def max_file_bytes(self) -> int: ...

    @property
    def put_aside(self) -> bool: ...


def rules_of(settings: Tidy) -> Rules:
    return Rules(
        one_set=settings.one_set,
        unsigned=settings.settle_seconds is not None,
        max_file_bytes=settings.max_file_bytes,
        put_aside=settings.put_aside,
    )


def aside_name(move: Move, taken: Iterable[str]) -> str:
    """The name under which a file goes aside: with its digest when another one lies there under its own."""
    if move.name not in taken:
        return move.name
    stem, dot, suffix = move.name.rpartition(".")
    return f"{stem or suffix}.{(move.sha256 or 'older')[:8]}{dot}{suffix if stem else ''}"
