"""Text: are the bytes of a file text in the encoding that its settings name, to the last of them?

One pass in bounded memory. A few bytes that are no letters are left to the rows they stand in; a file that is plainly
in another encoding, holds zero bytes or ends inside a letter is refused as a whole.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import BinaryIO, Final

import msgspec

from connectors.formats import encodings
from lk_sync.errors import BadData

BLOCK_BYTES: Final = 1 << 20
HEAD_BYTES: Final = 1 << 16
TORN_SHARE: Final = 0.1  # more wrong bytes than that among the letters: not torn, but another encoding
_TORN: Final = re.compile("[\udc80-\udcff]")
_FOREIGN: Final = re.compile("[^\x00-\x7f]")


class Seen(msgspec.Struct, frozen=True):
    """`ended`: the last line has its line break. `torn`: some bytes are no letters; read them by `surrogateescape`."""

    ended: bool
    torn: bool


def look(file: BinaryIO, *, name: str, encoding: str) -> Seen:
    """Reads the whole file once. Raises BadData when it is not text in `encoding`."""
    if encoding == "utf-16":
        _check_mark(file, name)
    torn, position = False, 0
    try:
        last = _walk(file, name, encoding, "strict")
    except UnicodeDecodeError as error:
        position = error.start
        if encoding == "utf-16" or not _few_are_torn(file, encoding):
            raise _wrong_bytes(file, name, encoding, position) from error
        last, torn = _walk(file, name, encoding, "surrogateescape"), True
    _check_letters(file, name, encoding)
    return Seen(ended=last in ("\n", "\r", ""), torn=torn)


def _check_mark(file: BinaryIO, name: str) -> None:
    """Without a mark nobody knows which of the two bytes of a letter comes first."""
    file.seek(0)
    if file.read(2) not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise BadData(f"{name}: это не utf-16: в начале нет метки (BOM); выгружайте в UTF-8 или добавьте метку")


def _walk(file: BinaryIO, name: str, encoding: str, errors: str) -> str:
    """The last character. The error of a wrong byte has its place in the file as `start`."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    file.seek(0)
    size, last = 0, ""
    while block := file.read(BLOCK_BYTES):
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            error.start += size - (len(error.object) - len(block))
            raise
        if "\0" in text:
            where = size + max(0, block.find(b"\0"))
            raise BadData(f"{name}, строка {_line_of(file, where)}: нулевой байт; файл повреждён")
        size, last = size + len(block), text[-1:] or last
    if decoder.getstate()[0]:
        raise BadData(f"{name}: последний знак файла не закончен; файл обрезан")
    return last


def _few_are_torn(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    file.seek(0)
    torn, foreign = 0, 0
    while block := file.read(BLOCK_BYTES):
        text = decoder.decode(block)
        torn += len(_TORN.findall(text))
        foreign += len(_FOREIGN.findall(text))
    return torn <= TORN_SHARE * foreign


def is_torn(text: str) -> bool:
    """Whether bytes that are no letters stand in a text that was read by `surrogateescape`."""
    return _TORN.search(text) is not None


def _wrong_bytes(file: BinaryIO, name: str, encoding: str, start: int) -> BadData:
    file.seek(max(0, start - HEAD_BYTES // 2))
    likely = encodings.likely(file.read(HEAD_BYTES))
    advice = f"похоже на {likely}" if likely else "на текст в других кодировках это тоже не похоже"
    return BadData(
        f"{name}, строка {_line_of(file, start)}, байт {start + 1} файла: это не {encoding}, {advice}; "
        f"укажите encoding в options этого набора или выгружайте файл в {encoding}"
    )


def _line_of(file: BinaryIO, position: int) -> int:
    """The line in which the byte at `position` stands, from 1."""
    file.seek(0)
    breaks, rest = 0, position
    while rest and (block := file.read(min(rest, BLOCK_BYTES))):
        breaks += block.count(b"\n")
        rest -= len(block)
    return breaks + 1


def _check_letters(file: BinaryIO, name: str, encoding: str) -> None:
    """One-byte encodings take any bytes; whether the letters make Russian is all that tells them apart."""
    file.seek(0)
    likely = encodings.surely_other(file.read(HEAD_BYTES), encoding)
    if likely:
        raise BadData(
            f"{name}: в кодировке {encoding} получаются не слова, а бессмыслица; похоже на {likely}: "
            "укажите encoding в options этого набора"
        )


def tail(file: BinaryIO, encoding: str) -> list[str]:
    """The last lines of the file, those of its last 64 KiB."""
    size = file.seek(0, 2)
    start = max(0, size - HEAD_BYTES) & ~1
    file.seek(start)
    lines = split(file.read().decode(encoding, "replace"))
    file.seek(0)
    return [line.rstrip("\r\n") for line in (lines[1:] if start else lines)]


def split(text: str) -> list[str]:
    """The lines with their ends. Unlike `splitlines` only CR and LF end one: a value may hold a form feed."""
    return list(io.StringIO(text, newline=""))
