"""Locks: who alone may do a thing now, and does he still hold it?"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lk_sync.errors import Busy


class Hold(Protocol):
    """A lock in our hands. What is written under it is written only while we hold it."""

    name: str

    def is_lost(self) -> bool:
        """Whether somebody else may have it by now. Asks; does not wait for long."""


class FileHold:
    """The kernel frees it when this process dies, and not before."""

    def __init__(self, name: str) -> None:
        self.name = name

    def is_lost(self) -> bool:
        return False


@contextmanager
def of_this_machine(data_dir: Path, name: str) -> Iterator[FileHold]:
    """One holder at a time over all processes of this machine. Raises Busy."""
    folder = data_dir / "locks"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"«{name}» уже выполняется другим процессом; дождитесь его конца") from error
        yield FileHold(name)
