"""Daemon: how does a server program run under its own account and go down with whoever started it?"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from demo.certificates import Authority

STOP_SECONDS = 30


def words_as(user: str, *, end_with: str = "TERM") -> list[str]:
    """Words before a server program: not as root, and ended by this signal when the parent is gone."""
    words = ["setpriv", "--pdeathsig", end_with]
    if os.geteuid() == 0:
        words += [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return [*words, "--"]


def give_to(user: str, *paths: Path) -> None:
    if os.geteuid() == 0:
        account = pwd.getpwnam(user)
        for path in paths:
            os.chown(path, account.pw_uid, account.pw_gid)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Send the signal and wait; a server that does not hear is killed."""
    process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Server(Protocol):
    """One that lives in a folder and shows certificates of an authority."""

    def __init__(self, folder: Path, authority: Authority) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


S = TypeVar("S", bound=Server)


@contextmanager
def thrown_away(kind: Callable[[Path, Authority], S], name: str) -> Iterator[S]:
    """A running server in a folder of its own, with an authority of its own; all are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"lk-{name}-"))
    trust = Path(tempfile.mkdtemp(prefix="lk-authority-"))
    try:
        server = kind(folder, Authority(trust))
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(trust)
