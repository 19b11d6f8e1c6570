"""Shelf: how are files of a folder listed, copied, and put aside when they have been taken?

Everything is done from the opened folder on, links are not followed, and what is read is what was opened: whoever may
write into the folder cannot lead us out of it.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

from connectors.files import manifest as manifests
from connectors.files import sidecar
from connectors.files.shelf import DONE, REPORT, Entry, Listing, Move, aside_name
from connectors.folder.settings import FolderSettings
from lk_sync.errors import AccessDenied, BadData, SettingsError, Unreachable

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BLOCK: Final = 1 << 20


class FolderShelf:
    """`files.shelf.Shelf` over a folder."""

    def __init__(self, settings: FolderSettings) -> None:
        self._settings = settings

    @property
    def where(self) -> str:
        return str(self._settings.folder)

    def listing(self) -> Listing:
        """Of files without a sidecar only those that stood still for `settle_seconds`."""
        with self._folder() as folder:
            listing = _listing(folder, "")
            if self._settings.settle_seconds is not None:
                time.sleep(self._settings.settle_seconds)
                again = _listing(folder, "")
                listing = {name: entry for name, entry in again.items() if listing.get(name) == entry}
            with suppress(FileNotFoundError, NotADirectoryError), _opened(DONE, folder) as done:
                listing |= _listing(done, f"{DONE}/")
            return listing

    def read_small(self, name: str, limit: int) -> bytes:
        with self._file(name) as file:
            body = os.read(file.fileno(), limit + 1)
        if len(body) > limit:
            raise BadData(f"{self.where}/{name}: файл больше {limit} байт, такого здесь быть не может")
        return body

    def fetch(self, name: str, entry: Entry, into: BinaryIO) -> None:
        with self._file(name) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise Unreachable(f"{self.where}/{name}: это уже не обычный файл; попытка будет повторена")
            self._copy(file, entry.size, into, name)
            after = os.fstat(file.fileno())
        if not entry.version == _version(before) == _version(after):
            raise Unreachable(f"{self.where}/{name}: файл менялся, пока его читали; попытка будет повторена")

    def _copy(self, file: BinaryIO, size: int, into: BinaryIO, name: str) -> None:
        left = size
        try:
            while left and (block := file.read(min(_BLOCK, left))):
                into.write(block)
                left -= len(block)
            into.flush()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise Unreachable(f"временный файл не записать ({error.strerror}); попытка будет повторена") from error
            raise Unreachable(f"{self.where}/{name}: чтение оборвалось ({error.strerror})") from error

    def put_aside(self, moves: Iterable[Move]) -> None:
        with self._folder() as folder:
            for move in moves:
                self._put_aside(folder, move)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _put_aside(self, folder: int, move: Move) -> None:
        """The report first, so that a file that lies aside has it; then the file, then what lies beside it."""
        try:
            there = os.stat(move.name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(there.st_mode) or _version(there) != move.version:
            return
        try:
            with suppress(FileExistsError):
                os.mkdir(move.aside, 0o750, dir_fd=folder)
            with _opened(move.aside, folder) as aside:
                name = aside_name(move, _names(aside))
                if move.report is not None:
                    _put(aside, f"{name}{REPORT}", move.report.encode("utf-8-sig", "backslashreplace"))
                for suffix in () if move.stays else ("", *sidecar.SUFFIXES):
                    with suppress(FileNotFoundError):
                        os.rename(move.name + suffix, name + suffix, src_dir_fd=folder, dst_dir_fd=aside)
        except PermissionError as error:
            raise AccessDenied(
                f"{self.where}: файл {move.name} не переместить в {move.aside}/ ({error.strerror}); дайте право записи "
                "или укажите в connection put_aside: false"
            ) from error
        except OSError as error:
            raise Unreachable(f"{self.where}: файл {move.name} не переместить ({error.strerror})") from error

    @contextmanager
    def _folder(self) -> Iterator[int]:
        try:
            folder = os.open(self._settings.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError as error:
            raise AccessDenied(f"{self.where}: папка не открывается ({error.strerror})") from error
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SettingsError(f"connection.folder: папки {self.where} нет") from error
        except OSError as error:
            raise Unreachable(
                f"{self.where}: папка не открывается ({error.strerror}); попытка будет повторена"
            ) from error
        try:
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def _file(self, name: str) -> Iterator[BinaryIO]:
        below, _, plain = name.rpartition("/")
        with self._folder() as folder:
            try:
                if below:
                    with _opened(below, folder) as inner:
                        opened = os.open(plain, _FILE, dir_fd=inner)
                else:
                    opened = os.open(plain, _FILE, dir_fd=folder)
            except PermissionError as error:
                raise AccessDenied(f"{self.where}/{name}: файл не открывается ({error.strerror})") from error
            except OSError as error:
                gone = "файл исчез, пока его читали" if error.errno == errno.ENOENT else "это уже не обычный файл"
                raise Unreachable(f"{self.where}/{name}: {gone}; попытка будет повторена") from error
        with os.fdopen(opened, "rb") as file:
            yield file


@contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    opened = os.open(name, _FOLDER, dir_fd=folder)
    try:
        yield opened
    finally:
        os.close(opened)


def _listing(folder: int, below: str) -> dict[str, Entry]:
    """Regular files with plain names; links, folders and names that lead elsewhere do not exist for us."""
    listing = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.is_file(follow_symlinks=False) and manifests.is_safe(entry.name):
                    found = entry.stat(follow_symlinks=False)
                    listing[f"{below}{entry.name}"] = Entry(found.st_size, _version(found))
    return listing


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _version(found: os.stat_result) -> str:
    return f"{found.st_size}-{found.st_mtime_ns}"


def _put(folder: int, name: str, body: bytes) -> None:
    part = f"{name}.{secrets.token_hex(4)}.part"
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640, dir_fd=folder)
    with os.fdopen(opened, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
