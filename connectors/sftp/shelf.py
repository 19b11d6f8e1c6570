"""Shelf: how are files of a drop listed, copied, and put aside when they have been taken?"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from typing import BinaryIO

from asyncssh import FILEXFER_TYPE_REGULAR, SFTPAttrs, SFTPClient, SFTPNoSuchFile, SFTPNoSuchPath

from connectors.files import sidecar
from connectors.files.shelf import DONE, REPORT, Entry, Listing, Move, aside_name
from connectors.sftp.settings import SourceSettings
from connectors.sftp.visit import Call, at, fetch, is_there, read_small, regular_files, rename, visit
from lk_sync.errors import Unreachable

PART = ".part"


class SftpShelf:
    """`files.shelf.Shelf` over the drop; every call is a visit of its own."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings

    @property
    def where(self) -> str:
        return f"{self._settings.peer}{self._settings.folder}"

    def listing(self) -> Listing:
        return visit(self._settings, self._look)

    def read_small(self, name: str, limit: int) -> bytes:
        async def work(call: Call) -> bytes:
            try:
                return await read_small(call.sftp, self._path(name), limit=limit)
            except SFTPNoSuchFile as error:
                raise self._vanished(name) from error

        return visit(self._settings, work)

    def fetch(self, name: str, entry: Entry, into: BinaryIO) -> None:
        async def work(call: Call) -> None:
            try:
                await fetch(call, self._path(name), into, settings=self._settings)
            except SFTPNoSuchFile as error:
                raise self._vanished(name) from error

        visit(self._settings, work)

    def put_aside(self, moves: Iterable[Move]) -> None:
        async def work(call: Call) -> None:
            for move in moves:
                await self._put_aside(call.sftp, move)

        visit(self._settings, work)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _path(self, name: str) -> str:
        return f"{self._settings.folder}/{name}"

    def _vanished(self, name: str) -> Unreachable:
        return Unreachable(f"{self._path(name)}: файл исчез, пока его читали; попытка будет повторена")

    async def _look(self, call: Call) -> Listing:
        """The folder; of files without a sidecar only those that stood still for `settle_seconds`."""
        listing = await self._listing(call, "")
        if self._settings.settle_seconds is not None:
            await asyncio.sleep(self._settings.settle_seconds)
            again = await self._listing(call, "")
            listing = {name: entry for name, entry in again.items() if listing.get(name) == entry}
        if await is_there(call.sftp, self._path(DONE)):
            listing |= await self._listing(call, f"{DONE}/")
        return listing

    async def _listing(self, call: Call, below: str) -> dict[str, Entry]:
        folder = self._path(below).rstrip("/")
        async with at(folder, call.sftp, self._settings):
            with call.patience(self._settings.silence_seconds) as moved:
                files = await regular_files(call.sftp, folder, moved=moved)
        return {f"{below}{name}": Entry(attrs.size or 0, _version(attrs)) for name, attrs in files.items()}

    async def _put_aside(self, sftp: SFTPClient, move: Move) -> None:
        """The report first, so that a file that lies aside has it; then the file, then what lies beside it."""
        try:
            there = await sftp.lstat(self._path(move.name))
        except (SFTPNoSuchFile, SFTPNoSuchPath):
            return
        if there.type != FILEXFER_TYPE_REGULAR or _version(there) != move.version:
            return
        folder = self._path(move.aside)
        async with at(folder, sftp, self._settings):
            await sftp.makedirs(folder, exist_ok=True)
            name = aside_name(move, [move.name] if await is_there(sftp, f"{folder}/{move.name}") else [])
            if move.report is not None:
                await _put(sftp, f"{folder}/{name}{REPORT}", move.report.encode("utf-8-sig", "backslashreplace"))
            if move.stays:
                return
            await rename(sftp, self._path(move.name), f"{folder}/{name}")
            for suffix in sidecar.SUFFIXES:
                if await is_there(sftp, self._path(move.name + suffix)):
                    await rename(sftp, self._path(move.name + suffix), f"{folder}/{name}{suffix}")


def _version(attrs: SFTPAttrs) -> str:
    return f"{attrs.size or 0}-{attrs.mtime or 0}"


async def _put(sftp: SFTPClient, path: str, body: bytes) -> None:
    part = f"{path}.{secrets.token_hex(4)}{PART}"
    async with sftp.open(part, "xb") as remote:
        await remote.write(body)
    await rename(sftp, part, path)
