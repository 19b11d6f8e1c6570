"""Printing: who prints the bills of a month for whoever asks at the command line?

The portal's package does, and is found by entry point (group `lk_sync.printers`), because the core knows no pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, cast

import msgspec

from lk_sync.config import Config
from lk_sync.errors import SettingsError
from lk_sync.records import Kopecks, Month

GROUP = "lk_sync.printers"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Bills of `period` into `out`, a folder or a file `….zip`. No `accounts`: of all that have one."""

    period: Month
    out: Path
    workers: int
    accounts: Sequence[str] = ()


class Far(msgspec.Struct, frozen=True):
    """How far it is: `done` of `whole`, of which `kept` were there from an earlier run; after so many seconds."""

    done: int
    whole: int
    kept: int
    seconds: float


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """What lies there in the end. `due_kopecks` of those that ask for money; `unknown`: accounts without such a bill;
    `failed`: those that could not be printed, another run tries them again."""

    period: str
    out: str
    bills: int
    payable: int
    due_kopecks: Kopecks
    bytes: int
    kept: int
    seconds: float
    unknown: Sequence[str] = ()
    failed: Sequence[str] = ()


class Printer(Protocol):
    def examined(self, config: Config) -> str:
        """What an operator wants to know of the template. Raises SettingsError, naming file, line and column."""

    def preview(self, config: Config) -> bytes:
        """The bill of somebody invented. Raises SettingsError."""

    def month(self, config: Config, order: Order, far: Callable[[Far], None]) -> Printed:
        """Prints what is not printed yet. Raises SettingsError."""


def printer() -> Printer:
    """Raises SettingsError: none is installed."""
    for point in entry_points(group=GROUP):
        return cast("Printer", point.load()())
    raise SettingsError("печатать квитанции некому: пакет кабинета не установлен")
