"""Visit: how do we call at the drop without trusting the network or waiting for ever?

One visit = connect, prove the server's key, log in, do one thing, leave; all of it under deadlines of its own on top
of SSH's keepalive. Neither the user's SSH settings nor an agent are consulted: what is not in our settings does not
count. Whatever goes wrong comes out as one of our errors, in a sentence.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, BinaryIO, Final, TypeVar

import asyncssh
from asyncssh import SFTPAttrs, SFTPClient
from asyncssh.packet import PacketDecodeError

from connectors.files import manifest as manifests
from connectors.sftp.settings import SftpSettings, checked, client_key, pinned_key
from lk_sync.errors import AccessDenied, BadData, LkError, SettingsError, Unprotected, Unreachable

T = TypeVar("T")

HOST_KEY_KINDS: Final = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("rsa-sha2-512", "rsa-sha2-256"),
)
KEEPALIVES: Final = 3
GOODBYE_SECONDS: Final = 5
READ_REQUESTS: Final = 64
LOOKS: Final = 5


class Call(asyncssh.SSHClient):
    """One call at the drop. `sftp` is there while `work` runs.

    Patience ends by cutting the connection, not by cancelling: whoever waits then fails at once, while a cancelled
    wait would politely close its files first, over the very line that has gone silent.
    """

    sftp: SFTPClient
    shown: asyncssh.SSHKey | None = None  # the server's key, if it was not the pinned one
    lost_patience = False

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.shown = key
        return False

    @contextmanager
    def patience(self, seconds: float) -> Iterator[Callable[[], None]]:
        """The block may last `seconds` from its start, or from the last call of what it is given."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds, self._give_up)

        def moved() -> None:
            nonlocal timer
            timer.cancel()
            timer = loop.call_later(seconds, self._give_up)

        try:
            yield moved
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        self.lost_patience = True
        self._connection.abort()


Work = Callable[[Call], Awaitable[T]]


def visit(settings: SftpSettings, work: Work[T]) -> T:
    """Do `work` at the drop. For a thread without an event loop. Raises Unprotected before a byte of ours goes out,
    SettingsError, Unreachable, AccessDenied or BadData."""
    checked(settings)
    pinned = pinned_key(settings)
    call = Call()
    try:
        return asyncio.run(_visit(settings, pinned, call, work))
    except (OSError, asyncssh.Error, PacketDecodeError) as error:
        raise _told(settings, pinned, call, error) from error


async def _visit(settings: SftpSettings, pinned: asyncssh.SSHKey, call: Call, work: Work[T]) -> T:
    # What matters comes out of `work`; asyncssh's own tasks that die with a connection would be told to stderr.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with _connected(settings, pinned, call) as connection:
        with call.patience(settings.deadline_seconds):
            async with connection.start_sftp_client(path_errors="surrogateescape") as call.sftp:
                return await work(call)


@asynccontextmanager
async def _connected(
    settings: SftpSettings, pinned: asyncssh.SSHKey, call: Call
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    connection = await asyncssh.connect(
        settings.host,
        settings.port,
        config=None,
        agent_path=None,
        client_factory=lambda: call,
        known_hosts=([pinned], [], []),
        server_host_key_algs=_key_kinds(pinned),
        username=settings.username,
        connect_timeout=settings.connect_seconds,
        login_timeout=settings.connect_seconds,
        keepalive_interval=settings.keepalive_seconds,
        keepalive_count_max=KEEPALIVES,
        **_login(settings),
    )
    try:
        yield connection
        connection.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(connection.wait_closed(), GOODBYE_SECONDS)
    finally:
        connection.abort()


def _key_kinds(pinned: asyncssh.SSHKey) -> list[str]:
    """The pinned kind first; then the rest, so that a server without it shows what it has and we can say so."""
    own = [algorithm.decode() for algorithm in pinned.sig_algorithms if algorithm != b"ssh-rsa"]
    return list(dict.fromkeys((*own, *HOST_KEY_KINDS)))


def _login(settings: SftpSettings) -> dict[str, Any]:
    if (key := client_key(settings)) is not None:
        return {"client_keys": [key], "preferred_auth": "publickey"}
    password = settings.password.value().reveal() if settings.password else None
    return {"client_keys": None, "password": password, "preferred_auth": "password,keyboard-interactive"}


def _told(settings: SftpSettings, pinned: asyncssh.SSHKey, call: Call, error: Exception) -> LkError:
    """The fault as one of our errors."""
    peer = settings.peer
    if call.lost_patience:
        return Unreachable(f"{peer}: сервер не ответил вовремя; попытка будет повторена")
    match error:
        case asyncssh.HostKeyNotVerifiable():
            shown = f"{call.shown.get_algorithm()} {call.shown.get_fingerprint()}" if call.shown else "другой ключ"
            return Unprotected(
                f"{peer}: сервер предъявил {shown}, а в host_key записан {pinned.get_algorithm()} "
                f"{pinned.get_fingerprint()}; соединение разорвано. Выясните у администратора сервера, менялся ли "
                "ключ, и только тогда исправьте host_key"
            )
        case asyncssh.KeyExchangeFailed():
            return Unprotected(f"{peer}: защищённый канал не установлен ({error.reason}); соединение разорвано")
        case asyncssh.PermissionDenied():
            return AccessDenied(f"{peer}: сервер не принял имя или {_credential(settings)}")
        case asyncssh.SFTPPermissionDenied():
            return AccessDenied(f"{peer}: сервер не разрешает действие с файлом ({error.reason})")
        case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath():
            return SettingsError(f"{peer}: на сервере нет такой папки или файла ({error.reason})")
        case TimeoutError():
            return Unreachable(f"{peer}: сервер не ответил вовремя; попытка будет повторена")
        case asyncssh.Error():
            return Unreachable(f"{peer}: {error.reason or type(error).__name__}; попытка будет повторена")
        case OSError():
            return Unreachable(f"{peer}: нет связи ({error.strerror or error}); попытка будет повторена")
    return Unreachable(f"{peer}: сервер говорит не по правилам SSH ({error}); попытка будет повторена")


def _credential(settings: SftpSettings) -> str:
    return "ключ (key_file)" if settings.key_file else "пароль (password)"


@asynccontextmanager
async def at(path: str, sftp: SFTPClient, settings: SftpSettings) -> AsyncIterator[None]:
    """Faults inside speak of the folder `path`. Where it stands, only a file in it can have gone meanwhile."""
    try:
        yield
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
        if await is_there(sftp, path):
            raise Unreachable(
                f"{settings.peer}: {path}: файлы убирают, пока мы их ищем; попытка будет повторена"
            ) from error
        raise SettingsError(f"{settings.peer}: на сервере нет {path}") from error
    except asyncssh.SFTPPermissionDenied as error:
        raise AccessDenied(f"{settings.peer}: сервер не даёт доступа к {path}") from error


async def regular_files(sftp: SFTPClient, folder: str, *, moved: Callable[[], object] = object) -> dict[str, SFTPAttrs]:
    """The regular files of a folder; links, folders and names that lead elsewhere do not exist for us.

    `moved` is called at each sign of life. A server may break a listing off when one of the files goes away meanwhile.
    """
    for _ in range(LOOKS - 1):
        with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return await _regular_files(sftp, folder, moved)
    return await _regular_files(sftp, folder, moved)


async def _regular_files(sftp: SFTPClient, folder: str, moved: Callable[[], object]) -> dict[str, SFTPAttrs]:
    files = {}
    async for entry in sftp.scandir(folder):
        moved()
        name = str(entry.filename)
        if entry.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR and manifests.is_safe(name):
            files[name] = entry.attrs
    return files


async def is_there(sftp: SFTPClient, path: str) -> bool:
    """Whether a file, folder or link stands at `path`; links are not followed."""
    try:
        await sftp.lstat(path)
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        return False
    return True


async def read_small(sftp: SFTPClient, path: str, *, limit: int) -> bytes:
    """A file of at most `limit` bytes. Raises BadData for a larger one."""
    async with sftp.open(path, "rb") as remote:
        size = (await remote.stat()).size or 0
        if size > limit:
            raise BadData(f"{path}: файл больше {limit} байт, такого здесь быть не может")
        data: Any = await remote.read(size)
    return bytes(data)


async def rename(sftp: SFTPClient, old: str, new: str) -> None:
    try:
        await sftp.posix_rename(old, new)
    except asyncssh.SFTPOpUnsupported:
        # The plain rename does not overwrite. Nothing is offered yet, or the same bytes are.
        if await is_there(sftp, new):
            await sftp.remove(new)
        await sftp.rename(old, new)


async def fetch(call: Call, path: str, into: BinaryIO, *, settings: SftpSettings) -> None:
    """Copy a remote file. Raises Unreachable unless it arrived whole and stood still meanwhile."""
    before = await call.sftp.lstat(path)
    if before.type != asyncssh.FILEXFER_TYPE_REGULAR:
        raise Unreachable(f"{path}: это уже не обычный файл; попытка будет повторена")
    copied = 0
    with call.patience(settings.silence_seconds) as moved:
        async with call.sftp.open(path, "rb", max_requests=READ_REQUESTS) as remote:
            async for offset, block in await remote.read_parallel(before.size or 0, 0):
                moved()
                _write(into, block, offset)
                copied += len(block)
        after = await call.sftp.lstat(path)
    if (copied, before.size, before.mtime) != (after.size, after.size, after.mtime):
        raise Unreachable(f"{path}: файл менялся, пока его читали; попытка будет повторена")


def _write(into: BinaryIO, block: bytes, offset: int) -> None:
    try:
        if os.pwrite(into.fileno(), block, offset) < len(block):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise Unreachable(f"временный файл не записать ({error.strerror}); попытка будет повторена") from error
