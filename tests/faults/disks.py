"""Disks: a disk that is full at the very moment a test wants it to be, and has room again when it wants that.

`SmallDisk` is a real file system of a few megabytes, which takes root to mount. `short_files` needs no rights: the
kernel refuses this process whatever lies beyond a length of a file, with an error of another kind.
"""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A mounted tmpfs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Until nothing but `leave` bytes fits any more."""
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self._folder).free - leave)

    @contextmanager
    def without_room(self, database: Path) -> Iterator[None]:
        """Not even a page of the database fits: what its log had in reserve is given back first."""
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.fill()
        try:
            yield
        finally:
            self.clear()

    def clear(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def mounted(folder: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    """A small disk at `folder`. Skips the test where it may not be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    size = f"size={megabytes}m,mode=700"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "lk-test", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting a small disk takes root")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def short_files(*, most: int) -> Iterator[None]:
    """No file of this process may grow beyond `most` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
