"""Attachments: where do the files of a request lie, and what is left of those that no request names?

In a private folder beside the store, each under the SHA-256 of its bytes: `ab/abcd…`. A file is written under another
name, flushed and renamed before any row names it, so a row never names a file that is not there. What a crash or an
unfinished request leaves behind is swept away when it is old enough for nobody to need it.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from lk_sync.durable import flush

FOLDER: Final = "attachments"
PART: Final = ".part"
UNNAMED_LASTS: Final = timedelta(days=2)
PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Attachment(msgspec.Struct, frozen=True):
    """A file of a request. `name` as its sender calls it, `media_type` as its bytes show, `size` in bytes."""

    name: str
    media_type: str
    size: int
    sha256: str


class Arriving:
    """A file that is being written. `keep` or `drop` ends it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / f"{secrets.token_hex(16)}{PART}"
        self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w+b")
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    @property
    def body(self) -> BinaryIO:
        """What has come so far, from its beginning."""
        self._file.flush()
        self._file.seek(0)
        return self._file

    def keep(self) -> str:
        """Its SHA-256, by which it is found from now on."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        sha256 = self._digest.hexdigest()
        place = _place(self._folder, sha256)
        place.parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        self.path.replace(place)
        os.utime(place)
        for folder in (place.parent, self._folder):
            flush(folder)
        return sha256

    def drop(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


class Attachments:
    """The folder. Safe for any number of processes at once."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER

    def arrive(self) -> Arriving:
        self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        return Arriving(self._folder)

    def path(self, sha256: str) -> Path:
        """Where the file with this hash lies, if it is there."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256")
        return _place(self._folder, sha256)

    def has(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def touch(self, sha256: str) -> bool:
        """Somebody needs it again: it stays for as long as if it had come just now. False: it is gone."""
        try:
            os.utime(self.path(sha256))
        except FileNotFoundError:
            return False
        return True

    def old(self) -> Iterator[str]:
        """Hashes of files that came too long ago to belong to a request that is still being written; what is left of
        unfinished ones is removed on the way."""
        for path in self._folder.glob(f"*{PART}"):
            if _is_old(path):
                path.unlink(missing_ok=True)
        for path in self._folder.glob("??/*"):
            if _SHA256.fullmatch(path.name) and _is_old(path):
                yield path.name

    def remove(self, hashes: Collection[str]) -> int:
        """How many were there, and had not been needed again meanwhile."""
        found = [path for path in map(self.path, hashes) if _is_old(path)]
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)


def _place(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - UNNAMED_LASTS.total_seconds()
    except FileNotFoundError:
        return False
