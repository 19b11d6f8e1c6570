"""Packing: what is in an archive that came over the network, and may it be opened?

Nothing is written under a name that an archive gives. Members whose names lead elsewhere, that are links, stand twice,
or are archives themselves make the whole archive refused: its writer did not mean it.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from typing import BinaryIO, Final

from connectors.files import manifest as manifests
from connectors.formats import archive
from lk_sync.errors import BadData

BLOCK_BYTES: Final = 1 << 20
MAX_TIMES: Final = archive.MAX_TIMES
_NESTED: Final = (".zip", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".tar")


def members(file: BinaryIO, name: str, most: int) -> dict[str, zipfile.ZipInfo]:
    """The files of a ZIP by their plain names. Raises BadData for one that may not be opened."""
    with archive.opened(file, name) as opened:
        files = [each for each in opened.infolist() if not each.is_dir()]
    if len(files) > most:
        raise BadData(f"{name}: в архиве {len(files)} файлов, больше max_members ({most}); не открывается")
    found: dict[str, zipfile.ZipInfo] = {}
    for each in files:
        plain = _plain(each, name)
        if plain in found:
            raise BadData(f"{name}: файл «{plain}» лежит в архиве дважды; неясно, какой из них читать")
        found[plain] = each
    return found


def _plain(member: zipfile.ZipInfo, name: str) -> str:
    """The name without its folders, none of which may lead elsewhere."""
    shown, kind = member.filename[:120], member.external_attr >> 16
    if stat.S_IFMT(kind) not in (0, stat.S_IFREG):
        raise BadData(f"{name}: «{shown}» в архиве — не файл, а ссылка или устройство; архив не принят")
    parts = member.filename.split("/")
    if member.filename != member.orig_filename.split("\0")[0] or not all(map(manifests.is_safe, parts)):
        raise BadData(f"{name}: имя «{shown}» в архиве ведёт в другую папку или необычно; архив не принят")
    if parts[-1].lower().endswith(_NESTED):
        raise BadData(f"{name}: в архиве лежит ещё один архив, «{shown}»; вложенные архивы не открываются")
    return parts[-1]


def unpack(file: BinaryIO, member: zipfile.ZipInfo, name: str, into: BinaryIO) -> None:
    """Raises BadData when the member is damaged or longer than the archive says."""
    with archive.opened(file, name) as opened, archive.member(opened, member.filename, name) as stream:
        while block := stream.read(BLOCK_BYTES):
            into.write(block)
    into.flush()


def gunzip(file: BinaryIO, name: str, into: BinaryIO, limit: int) -> int:
    """The length of what was packed by gzip. Raises BadData when it is damaged, cut, or a bomb."""
    file.seek(0)
    packed = unpacked = 0
    machine = zlib.decompressobj(wbits=31)
    try:
        while block := file.read(1 << 16):
            packed += len(block)
            while block:
                part = machine.decompress(block, BLOCK_BYTES)
                unpacked += len(part)
                _check(name, packed, unpacked, limit)
                into.write(part)
                block = machine.unconsumed_tail
                if machine.eof and (rest := machine.unused_data or file.read(1)):
                    raise BadData(
                        f"{name}: после конца сжатых данных есть что-то ещё ({len(rest)} байт); файл повреждён"
                    )
    except zlib.error as error:
        raise BadData(f"{name}: сжатый файл не читается ({error}); он повреждён") from error
    if not machine.eof:
        raise BadData(f"{name}: сжатый файл обрывается; он обрезан")
    into.flush()
    return unpacked


def _check(name: str, packed: int, unpacked: int, limit: int) -> None:
    if unpacked > limit:
        raise BadData(f"{name}: раскрывается больше чем в {limit} байт (max_file_bytes); не принят")
    if unpacked > max(archive.HARMLESS, MAX_TIMES * packed):
        raise BadData(f"{name}: раскрывается больше чем в {MAX_TIMES} раз; похоже на архивную бомбу, не принят")
