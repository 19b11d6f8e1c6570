"""Settings: how is the drop reached, and by which key do we know that it is the right one?

The server's public key line stands in the settings (`host_key`). There is no trust on first use: without it, or with
another key at the other end, not a byte of ours goes out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import asyncssh
import msgspec

from lk_sync.contracts import Channel
from lk_sync.errors import SettingsError, Unprotected
from lk_sync.setting import Port, Positive, Secret, Strict

_KEY_LINE: Final = re.compile(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+(?: .*)?")
READABLE_BY_OTHERS: Final = 0o077

Folder = Annotated[str, msgspec.Meta(pattern="^/")]


class SftpSettings(Strict, frozen=True, kw_only=True):
    """What source and sink have in common. Exactly one of `password` and `key_file` is set.

    `silence_seconds`: how long the server may keep silent; `deadline_seconds`: how long one visit may last in all.
    """

    host: str
    port: Port = 22
    username: str
    password: Secret | None = None
    key_file: Path | None = None
    host_key: str = ""
    connect_seconds: Positive = 20
    keepalive_seconds: Positive = 10
    silence_seconds: Positive = 60
    deadline_seconds: Positive = 3600

    @property
    def peer(self) -> str:
        return f"sftp://{self.username}@{self.host}:{self.port}"


class SourceSettings(SftpSettings, frozen=True, kw_only=True):
    """`one_set`: all datasets of a session come from files with the same stamp.

    `settle_seconds`: take files without a manifest too, once their size and time stood still for so long; absent =
    only files with a manifest are taken. `put_aside`: files that were taken are moved to `done/` or `error/`; false for
    an account that may only read.
    """

    folder: Folder = "/out"
    one_set: bool = True
    settle_seconds: Positive | None = None
    max_file_bytes: Positive = 16 * 1024**3
    put_aside: bool = True


class SinkSettings(SftpSettings, frozen=True, kw_only=True):
    """Where files for the accounting system go, and where its answers lie.

    `settle_seconds`: an answer that does not fit its manifest is looked at again after this time before it is called
    torn.
    """

    folder: Folder = "/in"
    answers: Folder = "/answers"
    deadline_seconds: Positive = 600
    settle_seconds: Positive = 5
    max_answer_bytes: Positive = 64 * 1024**2


def channel(settings: SftpSettings) -> Channel:
    """What protects the way there. Raises Unprotected when nothing would prove who is at the other end."""
    key = pinned_key(settings)
    return Channel(
        peer=settings.peer, protection=f"SSH 2, ключ сервера {key.get_algorithm()} {key.get_fingerprint()} (host_key)"
    )


def pinned_key(settings: SftpSettings) -> asyncssh.SSHKey:
    line = settings.host_key.strip()
    how = (
        f"выполните «ssh-keyscan -t ed25519 -p {settings.port} {settings.host}», сверьте отпечаток с администратором "
        "сервера и впишите строку «ssh-ed25519 AAAA…» в connection.host_key"
    )
    if not line:
        raise Unprotected(f"{settings.peer}: не задан ключ сервера, соединение не устанавливается; {how}")
    if not _KEY_LINE.fullmatch(line):
        raise Unprotected(f"{settings.peer}: connection.host_key — не строка открытого ключа; {how}")
    try:
        return asyncssh.import_public_key(line)
    except asyncssh.KeyImportError as error:
        raise Unprotected(f"{settings.peer}: connection.host_key не читается ({error}); {how}") from error


def client_key(settings: SftpSettings) -> asyncssh.SSHKey | None:
    """Our own key. Raises SettingsError when it cannot be read, or others could read it."""
    if settings.key_file is None:
        return None
    try:
        if settings.key_file.stat().st_mode & READABLE_BY_OTHERS:
            raise SettingsError(f"{settings.key_file}: ключ могут читать посторонние; выполните chmod 600")
        return asyncssh.read_private_key(settings.key_file)
    except OSError as error:
        raise SettingsError(f"{settings.key_file}: ключ не читается ({error.strerror})") from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise SettingsError(
            f"{settings.key_file}: это не закрытый ключ SSH, или он закрыт паролем; нужен ключ без пароля, "
            "который может читать только она"
        ) from error


def checked(settings: SftpSettings) -> None:
    """Raises SettingsError unless there is exactly one way to log in."""
    if (settings.password is None) == (settings.key_file is None):
        raise SettingsError(f"{settings.peer}: в connection нужен ровно один из ключей password и key_file")
