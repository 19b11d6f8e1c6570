"""Sink: how does a file get to the accounting system whole or not at all, and its answer back?

Body first, manifest last, each written under a `.part` name of this visit, flushed to the server's disk where the
server can (`fsync@openssh.com`) and renamed over the final name. The accounting system takes nothing without a
manifest. So a file is offered exactly when its manifest stands there, and a delivery that was cut short is simply
done again; one that was taken meanwhile is found in `done/` or `error/` and left alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from contextlib import suppress
from typing import Any, ClassVar, Final

import asyncssh
import msgspec
from asyncssh import SFTPClient

from connectors.files import manifest as manifests
from connectors.sftp import settings as reach
from connectors.sftp.settings import SinkSettings
from connectors.sftp.visit import at, is_there, read_small, regular_files, rename, visit
from lk_sync.contracts import AnswerFile, Channel, ExportFile
from lk_sync.errors import BadData

DONE: Final = "done"
ERROR: Final = "error"
PART: Final = ".part"
FORGOTTEN_SECONDS: Final = 3600
_OUR_PART: Final = re.compile(r".+\.(csv|zip)(\.ok)?\.[0-9a-f]{8}\.part")


class SftpSink:
    """`contracts.Sink` over the drop."""

    settings_type: ClassVar[type[msgspec.Struct]] = SinkSettings

    def __init__(self, settings: SinkSettings) -> None:
        self._settings = settings

    def channel(self) -> Channel:
        return reach.channel(self._settings)

    def probe(self) -> None:
        """Writes, renames and removes a file of its own in both folders."""
        visit(self._settings, lambda call: self._probe(call.sftp))

    def deliver(self, file: ExportFile) -> None:
        """Raises BadData when other bytes lie under the same name: a number was used twice."""
        visit(self._settings, lambda call: self._deliver(call.sftp, file))

    def answers(self) -> list[AnswerFile]:
        return visit(self._settings, lambda call: self._answers(call.sftp))

    def put_aside(self, answer: AnswerFile, *, taken: bool, report: str | None = None) -> None:
        visit(self._settings, lambda call: self._put_aside(call.sftp, answer, DONE if taken else ERROR, report))

    async def _probe(self, sftp: SFTPClient) -> None:
        for folder in (self._settings.folder, self._settings.answers):
            async with at(folder, sftp, self._settings):
                path = f"{folder}/probe-{secrets.token_hex(4)}{PART}"
                await _write(sftp, path, b"")
                await rename(sftp, path, f"{path}{PART}")
                await sftp.remove(f"{path}{PART}")

    async def _deliver(self, sftp: SFTPClient, file: ExportFile) -> None:
        folder = self._settings.folder
        async with at(folder, sftp, self._settings):
            if await self._is_offered(sftp, file) or await self._is_taken(sftp, file):
                return
            await _put(sftp, folder, file.name, file.body)
            await _put(sftp, folder, file.manifest_name, file.manifest)
            await _sweep(sftp, folder)

    async def _is_offered(self, sftp: SFTPClient, file: ExportFile) -> bool:
        """Looked at before `_is_taken`: between the two a file can only move from here to there."""
        path = f"{self._settings.folder}/{file.name}"
        manifest = f"{self._settings.folder}/{file.manifest_name}"
        if not (await is_there(sftp, path) and await is_there(sftp, manifest)):
            return False
        return await self._holds(sftp, path, file.body) and await self._holds(sftp, manifest, file.manifest)

    async def _is_taken(self, sftp: SFTPClient, file: ExportFile) -> bool:
        for aside in (DONE, ERROR):
            for name, body in ((file.name, file.body), (file.manifest_name, file.manifest)):
                if await self._holds(sftp, f"{self._settings.folder}/{aside}/{name}", body):
                    return True
        return False

    async def _holds(self, sftp: SFTPClient, path: str, body: bytes) -> bool:
        """Whether `path` holds these bytes; False if it is not there. Raises BadData for other bytes."""
        try:
            async with sftp.open(path, "rb") as remote:
                found: Any = await remote.read(len(body) + 1)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return False
        if found != body:
            raise BadData(
                f"{self._settings.peer}: {path} — под этим именем уже лежит другой файл, наш не отправлен. Номера "
                "выгрузки не повторяются: вероятно, хранилище восстановлено из старой копии или в эту же папку "
                "выгружает ещё одна программа"
            )
        return True

    async def _answers(self, sftp: SFTPClient) -> list[AnswerFile]:
        waiting = await self._waiting(sftp)
        found = {name: await self._answer(sftp, name) for name in waiting}
        if any(answer.fault for answer in found.values() if answer):
            await asyncio.sleep(self._settings.settle_seconds)
            found = {name: await self._settled(sftp, answer) for name, answer in found.items()}
        return [answer for answer in found.values() if answer]

    async def _settled(self, sftp: SFTPClient, answer: AnswerFile | None) -> AnswerFile | None:
        """The second look at an answer with a fault; None while somebody is still writing it."""
        if answer is None or answer.fault is None:
            return answer
        again = await self._answer(sftp, answer.name)
        return again if again is None or again.fault is None or again == answer else None

    async def _waiting(self, sftp: SFTPClient) -> list[str]:
        """Names of files with a manifest, oldest first."""
        folder = self._settings.answers
        async with at(folder, sftp, self._settings):
            times = {name: attrs.mtime or 0 for name, attrs in (await regular_files(sftp, folder)).items()}
        manifested = {name.removesuffix(manifests.SUFFIX) for name in times if name.endswith(manifests.SUFFIX)}
        for name in manifested - times.keys():  # its body was put aside just before a crash
            await _move(sftp, folder, name + manifests.SUFFIX, f"{DONE}/{name}{manifests.SUFFIX}")
        return sorted(manifested & times.keys(), key=lambda name: (times[name], name))

    async def _answer(self, sftp: SFTPClient, name: str) -> AnswerFile | None:
        """The answer as it lies there; None if it is gone."""
        path = f"{self._settings.answers}/{name}"
        body = b""
        try:
            said = await read_small(sftp, path + manifests.SUFFIX, limit=manifests.MAX_BYTES)
            body = await read_small(sftp, path, limit=self._settings.max_answer_bytes)
            promised = manifests.read(said, file=name)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return None
        except BadData as fault:
            return AnswerFile(name=name, body=body, fault=str(fault))
        if _digest(body) != promised.sha256.lower():
            return AnswerFile(name=name, body=body, fault="содержимое не то, что в манифесте (SHA-256 не сходится)")
        return AnswerFile(name=name, body=body)

    async def _put_aside(self, sftp: SFTPClient, answer: AnswerFile, aside: str, report: str | None) -> None:
        folder = self._settings.answers
        async with at(f"{folder}/{aside}", sftp, self._settings):
            await sftp.makedirs(f"{folder}/{aside}", exist_ok=True)
            name = await self._free_name(sftp, f"{folder}/{aside}", answer)
            if report is not None:
                await _put(sftp, f"{folder}/{aside}", f"{name}.err.csv", report.encode())
            await _move(sftp, folder, answer.name, f"{aside}/{name}")
            await _move(sftp, folder, answer.name + manifests.SUFFIX, f"{aside}/{name}{manifests.SUFFIX}")

    async def _free_name(self, sftp: SFTPClient, folder: str, answer: AnswerFile) -> str:
        """The answer's own name, or one with its digest if an earlier answer of that name lies there."""
        try:
            await self._holds(sftp, f"{folder}/{answer.name}", answer.body)
        except BadData:
            return f"{answer.name.removesuffix('.csv')}.{_digest(answer.body)[:8]}.csv"
        return answer.name


async def _put(sftp: SFTPClient, folder: str, name: str, body: bytes) -> None:
    """The file stands whole under its name, or nothing has changed but a `.part` of this visit."""
    part = f"{folder}/{name}.{secrets.token_hex(4)}{PART}"
    await _write(sftp, part, body)
    await rename(sftp, part, f"{folder}/{name}")


async def _write(sftp: SFTPClient, path: str, body: bytes) -> None:
    async with sftp.open(path, "xb") as remote:
        await remote.write(body)
        with suppress(asyncssh.SFTPOpUnsupported):  # then the check of the sum at the other end stands alone
            await remote.fsync()


async def _move(sftp: SFTPClient, folder: str, name: str, to: str) -> None:
    """Within `folder`; a file that has been moved already is fine."""
    try:
        await rename(sftp, f"{folder}/{name}", f"{folder}/{to}")
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        return


async def _sweep(sftp: SFTPClient, folder: str) -> None:
    """Removes what deliveries left behind that were cut off long ago, by the server's own clock."""
    times = {name: attrs.mtime or 0 for name, attrs in (await regular_files(sftp, folder)).items()}
    newest = max(times.values(), default=0)
    for name, time in times.items():
        if _OUR_PART.fullmatch(name) and newest - time > FORGOTTEN_SECONDS:
            with suppress(asyncssh.SFTPNoSuchFile):
                await sftp.remove(f"{folder}/{name}")


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
