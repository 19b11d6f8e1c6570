"""Archive: may this ZIP be opened, however it was made?

Nothing is unpacked to a name that an archive gives. What it would unpack to is bounded before the first byte of it is
read, and again while it is read: an archive that says less than it holds ends as a damaged one.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, Final

from lk_sync.errors import BadData

MAX_MEMBERS: Final = 2_000
MAX_UNPACKED: Final = 4 << 30
MAX_TIMES: Final = 200  # a member that grows more often than that is no table
HARMLESS: Final = 8 << 20  # however often it grows
ENCRYPTED: Final = 1
BLOCK_BYTES: Final = 1 << 20
SIGNATURE: Final = b"PK\x03\x04"


def is_zip(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(len(SIGNATURE)) == SIGNATURE


def opened(file: BinaryIO, name: str) -> zipfile.ZipFile:
    """The archive. Raises BadData when it is damaged, locked or a bomb."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadData(f"{name}: архив не читается ({error}); файл обрезан или повреждён") from error
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise BadData(f"{name}: в архиве {len(members)} файлов, это больше {MAX_MEMBERS}; так выгрузки не выглядят")
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise BadData(f"{name}: архив раскрывается больше чем в {MAX_UNPACKED >> 30} ГиБ; он не открывается")
    for member in members:
        if member.flag_bits & ENCRYPTED:
            raise BadData(f"{name}: архив закрыт паролем; выгружайте без пароля")
        if member.file_size > max(HARMLESS, MAX_TIMES * member.compress_size):
            raise BadData(
                f"{name}: «{member.filename[:80]}» раскрывается больше чем в {MAX_TIMES} раз; похоже на архивную "
                "бомбу, файл не открывается"
            )
    return archive


@contextmanager
def member(archive: zipfile.ZipFile, inside: str, name: str) -> Iterator[IO[bytes]]:
    """A file of the archive, to be read. Whatever is wrong with it while it is read is BadData."""
    try:
        with archive.open(inside) as stream:
            yield stream
    except KeyError:
        raise BadData(f"{name}: внутри нет «{inside}»; файл повреждён или это не таблица") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise BadData(f"{name}: «{inside}» в архиве не читается ({error}); файл обрезан или повреждён") from error


def unpack_only(file: BinaryIO, name: str, into: BinaryIO) -> str:
    """Copies the only file that the archive has; its own name, without folders."""
    with opened(file, name) as archive:
        files = [each for each in archive.infolist() if not each.is_dir()]
        if len(files) != 1:
            raise BadData(f"{name}: в архиве файлов {len(files)}, а читается только архив с одним файлом")
        with member(archive, files[0].filename, name) as stream:
            while block := stream.read(BLOCK_BYTES):
                into.write(block)
    into.seek(0)
    return files[0].filename.replace("\\", "/").rpartition("/")[2] or name
