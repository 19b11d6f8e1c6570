"""Drop: where do the demo supplier's accounting system and we lay files for each other?

An SFTP server with a host key of its own, on the loopback address, that shows its visitors one folder and nothing
above it:

    /out      from the accounting system to us: `<dataset>-<stamp>.csv` with its manifest `….csv.ok`
    /in       from us to the accounting system: `readings-000001.csv` with its manifest
    /answers  from the accounting system to us: `readings-000001.answer.csv` with its manifest

each with `done/` and `error/` for what has been taken or could not be. `serving` runs in the caller's event loop,
`running` in a thread of its own.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import asyncssh

from demo import aside

FOLDERS: Final = tuple(f"{folder}{part}" for folder in ("out", "in", "answers") for part in ("", "/done", "/error"))


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who may come in: by `password`, by the private key of the public key line `key`, or by either."""

    name: str
    password: str | None = None
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Drop:
    """A drop that is being served. `host_key` is the public key line that its clients pin."""

    root: Path
    host: str
    port: int
    host_key: str


def prepare(root: Path) -> None:
    """The folders of the drop, private to the user who runs it."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    root.chmod(0o700)


def host_key(file: Path) -> asyncssh.SSHKey:
    """The server's key kept in `file`, made at the first call, so that clients may pin it once and for all."""
    if not file.exists():
        new = file.with_name(file.name + ".new")
        new.touch(mode=0o600)
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(new)
        new.replace(file)
    return asyncssh.read_private_key(file)


def public_line(key: asyncssh.SSHKey) -> str:
    """The public half as one line: `ssh-ed25519 AAAA…`."""
    algorithm, data = key.export_public_key("openssh").decode().split()[:2]
    return f"{algorithm} {data}"


@asynccontextmanager
async def serving(
    root: Path, *, key: asyncssh.SSHKey, visitor: Visitor, port: int = 0, folders: type[Folders] | None = None
) -> AsyncIterator[Drop]:
    """Serve `root` in this event loop (0 = any free port); visitors still inside are shown out at the end."""
    prepare(root)
    inside: set[asyncssh.SSHServerConnection] = set()
    server = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[key],
        server_factory=partial(_Door, visitor, inside),
        sftp_factory=partial(folders or Folders, chroot=str(root).encode()),
        allow_scp=False,
        reuse_address=True,
    )
    try:
        yield Drop(root=root, host="127.0.0.1", port=server.get_port(), host_key=public_line(key))
    finally:
        server.close()
        still_here = tuple(inside)
        for connection in still_here:
            connection.abort()
        await asyncio.gather(server.wait_closed(), *(connection.wait_closed() for connection in still_here))


def running(
    root: Path, *, key: asyncssh.SSHKey, visitor: Visitor, port: int = 0, folders: type[Folders] | None = None
) -> AbstractContextManager[Drop]:
    """Serve `root` from a thread of its own until the block ends."""
    return aside.running(serving(root, key=key, visitor=visitor, port=port, folders=folders), "drop")


class _Door(asyncssh.SSHServer):
    """Lets in the one visitor and nobody else."""

    def __init__(self, visitor: Visitor, inside: set[asyncssh.SSHServerConnection]) -> None:
        self._visitor = visitor
        self._inside = inside

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._inside.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inside.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return self._visitor.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        return self._is_visitor(username) and _same(password, self._visitor.password)

    def public_key_auth_supported(self) -> bool:
        return self._visitor.key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._is_visitor(username) and _same(public_line(key), self._visitor.key)

    def _is_visitor(self, username: str) -> bool:
        return _same(username, self._visitor.name)


def _same(offered: str, expected: str | None) -> bool:
    return expected is not None and hmac.compare_digest(offered.encode(), expected.encode())


class Folders(asyncssh.SFTPServer):
    """The folders as a visitor may use them: no links, which could lead out of the drop."""

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no links here")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("no links here")
