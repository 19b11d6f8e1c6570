"""Settings: which folder, and what protects the way from the accounting system into it?

A folder has no channel that we could verify. So we say what we can see: whether it lies on a disk of this machine, and
who may write there; and for what is mounted from elsewhere the operator has to say what protects it.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Annotated, Final

import msgspec

from lk_sync.contracts import Channel
from lk_sync.errors import AccessDenied, SettingsError, Unprotected
from lk_sync.setting import Positive, Strict

MOUNTS: Final = Path("/proc/self/mountinfo")
_FROM_ELSEWHERE: Final = ("nfs", "cifs", "smb", "fuse", "9p", "afs", "ceph", "glusterfs", "davfs", "vboxsf", "virtiofs")
_FEWEST_WORDS: Final = 3
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


class FolderSettings(Strict, frozen=True, kw_only=True):
    """`mounted`: what protects a folder that is mounted from another machine, in words; it is said wherever the channel
    is. The rest as with SFTP."""

    folder: Path
    mounted: Annotated[str, msgspec.Meta(max_length=300)] | None = None
    one_set: bool = True
    settle_seconds: Positive | None = None
    max_file_bytes: Positive = 16 * 1024**3
    put_aside: bool = True


def channel(settings: FolderSettings, mounts: Path = MOUNTS) -> Channel:
    """What protects the folder. Raises Unprotected when others could lay files there, or nobody says what protects a
    mounted one."""
    folder = settings.folder
    if not folder.is_absolute():
        raise SettingsError(f"connection.folder: «{folder}» — нужен полный путь, от /")
    _checked(folder)
    kind = _kind_of_mount(Path(os.path.realpath(folder)), mounts)
    if not kind.startswith(_FROM_ELSEWHERE):
        said = f"; {settings.mounted}" if settings.mounted else ""
        return Channel(
            peer=str(folder), protection=f"папка этого компьютера ({kind}), посторонним на запись закрыта{said}"
        )
    if settings.mounted is None or len(settings.mounted.split()) < _FEWEST_WORDS:
        raise Unprotected(
            f"{folder}: папка подключена с другого компьютера ({kind}), и чем защищён путь до неё, отсюда не видно. "
            "Узнайте у администратора и впишите словами, например connection.mounted: «SMB 3.1.1, seal, сервер "
            "files.example узнаётся по Kerberos»; если ничем — используйте SFTP"
        )
    return Channel(peer=str(folder), protection=f"подключена ({kind}); по словам администратора: {settings.mounted}")


def _checked(folder: Path) -> None:
    """The folder and every one above it: who may rename one of them may lay another in its place."""
    try:
        for each in (folder.resolve(strict=True), *folder.resolve().parents):
            mode = each.stat().st_mode
            if not stat.S_ISDIR(mode):
                raise SettingsError(f"connection.folder: {each} — не папка")
            if mode & stat.S_IWOTH and (each == folder.resolve() or not mode & stat.S_ISVTX):
                raise Unprotected(
                    f"{folder}: в папку {each} может писать любой пользователь этого компьютера, подложенный файл не "
                    f"отличить от настоящего; выполните chmod o-w {each}"
                )
    except FileNotFoundError:
        raise SettingsError(f"connection.folder: папки {folder} нет") from None
    except PermissionError as error:
        raise AccessDenied(
            f"{folder}: нет доступа ({error.strerror}) у пользователя, от имени которого идёт загрузка"
        ) from error


def _kind_of_mount(folder: Path, mounts: Path) -> str:
    """The file system that the folder lies on."""
    found, longest = "файловая система неизвестна", -1
    for line in mounts.read_text("utf-8", "surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        point = _plain(before.split()[4])
        if (point == "/" or folder == Path(point) or Path(point) in folder.parents) and len(point) >= longest:
            found, longest = after.split()[0], len(point)
    return found


def _plain(point: str) -> str:
    """Spaces and the like stand there as octal numbers."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), point)
