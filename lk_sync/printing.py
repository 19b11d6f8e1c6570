"""Printing: who prints the bills of a month for whoever asks at the command line?

The portal's package does, and is found by entry point (group `lk_sync.printers`), because the core knows no pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Final, Protocol, cast

import msgspec

from lk_sync.config import Config
from lk_sync.errors import SettingsError
from lk_sync.records import Kopecks, Month

GROUP: Final = "lk_sync.printers"
NOTE: Final = "bill_template.json"


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


def own_template(config: Path) -> Path | None:
    """Where in a folder of settings the supplier keeps his template of bills; None: he keeps none."""
    folder = config / "templates" / "bill"
    return folder if folder.is_dir() else None


class _Note(msgspec.Struct, frozen=True):
    """What was found of a template, so that it is tried again only when it has changed."""

    template: str
    fault: str


def template_fault(config: Config) -> str:
    """What is wrong with the supplier's template of bills; empty: nothing, or he keeps none."""
    folder = own_template(config.folder)
    if folder is None:
        return ""
    template, path = _seen(folder, config), config.lk.data_dir / NOTE
    with suppress(OSError, msgspec.DecodeError):
        note = msgspec.json.decode(path.read_bytes(), type=_Note)
        if note.template == template:
            return note.fault
    fault = _tried(config)
    with suppress(OSError):  # then it is tried again the next time
        path.write_bytes(msgspec.json.encode(_Note(template, fault)))
    return fault


def _seen(folder: Path, config: Config) -> str:
    """Changes when a file of the template does, or the program, or what the supplier says of himself."""
    files = [(path.name, path.lstat().st_mtime_ns, path.lstat().st_size) for path in sorted(folder.iterdir())]
    return sha256(repr((files, version("lk-sync"), config.lk.supplier)).encode()).hexdigest()


def _tried(config: Config) -> str:
    """In a thread of its own, for whoever asks may have an event loop in his."""
    with ThreadPoolExecutor(1) as thread:
        try:
            thread.submit(printer().examined, config).result()
        except SettingsError as error:
            return str(error)
    return ""
