"""Ways to die in the middle of an exchange: where exactly, and what then stands where?

`Fate` counts the steps of one life and ends it at step `at`. `MortalStore` and `MortalSink` take a step before and
after every commit and every call of the sink; `cutting` makes folders of the drop that take one before and after every
SFTP request and cut the connection there, which leaves on the server what a killed engine leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncssh

from demo.drop import Folders
from lk_sync.contracts import AnswerFile, Channel, ExportFile, Sink
from lk_sync.store.database import Store, Tx

REQUESTS = ("open", "read", "write", "fsync", "close", "lstat", "posix_rename", "scandir", "remove", "mkdir")


class Killed(BaseException):
    """No `except Exception` helps."""


class Fate:
    """One life. `at` None: nothing happens but the counting."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.steps = 0

    def is_now(self) -> bool:
        self.steps += 1
        return self.at is not None and self.steps > self.at

    def step(self) -> None:
        if self.is_now():
            raise Killed


class MortalStore:
    def __init__(self, store: Store, fate: Fate) -> None:
        self._store = store
        self._fate = fate

    def write_now(self, work: Callable[[Tx], Any]) -> Any:
        self._fate.step()

        def mortal(tx: Tx) -> Any:
            result = work(tx)
            self._fate.step()  # everything is said, nothing is committed
            return result

        result = self._store.write_now(mortal)
        self._fate.step()
        return result

    def read(self, work: Callable[[Tx], Any]) -> Any:
        return self._store.read(work)


class MortalSink:
    def __init__(self, sink: Sink, fate: Fate) -> None:
        self._sink = sink
        self._fate = fate

    def channel(self) -> Channel:
        return self._sink.channel()

    def probe(self) -> None:
        self._sink.probe()

    def deliver(self, file: ExportFile) -> None:
        self._mortal(lambda: self._sink.deliver(file))

    def answers(self) -> list[AnswerFile]:
        return self._mortal(self._sink.answers)  # type: ignore[no-any-return]

    def put_aside(self, answer: AnswerFile, *, taken: bool, report: str | None = None) -> None:
        self._mortal(lambda: self._sink.put_aside(answer, taken=taken, report=report))

    def _mortal(self, work: Callable[[], Any]) -> Any:
        self._fate.step()
        result = work()
        self._fate.step()
        return result


class Line:
    """The line between the engine and the drop; `fate` is the life it leads now."""

    def __init__(self) -> None:
        self.fate = Fate()


def cutting(line: Line) -> type[Folders]:
    """Folders that cut the connection before or after the request that fate has chosen."""

    def request(name: str) -> Callable[..., Any]:
        def served(self: Folders, *arguments: Any) -> Any:
            if line.fate.is_now() and name != "close":  # a server closes its files whatever happens
                _cut(self)
            result = getattr(Folders, name)(self, *arguments)
            if line.fate.is_now():
                if name == "open":
                    result.close()
                _cut(self)
            return result

        return served

    return type("CuttingFolders", (Folders,), {name: request(name) for name in REQUESTS})


def _cut(folders: Folders) -> None:
    folders.connection.abort()
    raise asyncssh.SFTPConnectionLost("cut")
