"""Letters: in which encoding is a text that says nothing of it, and is it one encoding all through?"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from connectors.formats import encodings
from lk_sync.contracts import Remark

SAMPLE_BYTES: Final = 1 << 16
MAX_LINE: Final = 1 << 20
EVERY_BYTES: Final = 1 << 14  # so often it is looked whether the encoding is still the same
ENOUGH_BYTES: Final = 1 << 10  # and so many are enough to see it
SHOWN: Final = 5
LETTERS_OF_UTF8: Final = 3  # fewer may come together by chance in another encoding
_PAIR: Final = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
FIX: Final = "выгружайте весь файл в одной кодировке, лучше всего UTF-8"


class Letters(msgspec.Struct):
    """`encoding`: None when it is not certain. `likely`: what it may be then."""

    encoding: str | None
    proof: str
    likely: str | None = None
    remarks: list[Remark] = []


class _Seen(msgspec.Struct):
    """What the lines of a text are: their first numbers, and how many."""

    utf8: list[int] = []
    utf8_lines: int = 0
    other: list[int] = []
    other_lines: int = 0
    sample: bytearray = msgspec.field(default_factory=bytearray)
    zeros: int = 0
    cut: int = 0
    found: dict[str, int] = msgspec.field(default_factory=dict)


def letters(file: BinaryIO) -> Letters:
    file.seek(0)
    head = file.read(SAMPLE_BYTES)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Letters("utf-16", "по метке в начале файла (BOM)")
    if head.count(0) * 5 > len(head):
        advice = "выгружайте в UTF-8 или добавьте метку в начало файла"
        return Letters(None, "", "utf-16", [Remark(what="похоже на UTF-16 без метки (BOM)", advice=advice)])
    seen = _seen(file)
    found = _judged(seen)
    if seen.zeros:
        found.remarks.append(
            Remark(what="в файле есть нулевые байты; он повреждён", advice="выгрузите файл заново", rows=(seen.zeros,))
        )
    if seen.cut:
        what = "файл обрывается посреди буквы; он обрезан"
        found.remarks.append(Remark(what=what, advice="выгрузите и передайте файл заново", rows=(seen.cut,)))
    if head.startswith(codecs.BOM_UTF8) and found.encoding == "utf-8":
        found.proof = "по метке в начале файла (BOM)"
    return found


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    file.seek(0)
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        yield number, line


def _seen(file: BinaryIO) -> _Seen:
    seen, block, start, passed = _Seen(), bytearray(), 1, 0
    for number, line in _lines(file):
        if b"\0" in line and not seen.zeros:
            seen.zeros = number
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data" and error.end == len(line) and seen.utf8_lines:
                seen.cut = number
                continue
            _other(seen, number, line)
            passed += len(line)
            if len(block) < ENOUGH_BYTES:
                block += line
            if passed > EVERY_BYTES:
                _block(seen, bytes(block), start)
                block, start, passed = bytearray(), number + 1, 0
        else:
            if len(_PAIR.findall(line)) >= LETTERS_OF_UTF8:
                seen.utf8_lines += 1
                seen.utf8 = [*seen.utf8, number][:SHOWN]
    _block(seen, bytes(block), start)
    return seen


def _other(seen: _Seen, number: int, line: bytes) -> None:
    seen.other_lines += 1
    seen.other = [*seen.other, number][:SHOWN]
    if len(seen.sample) < SAMPLE_BYTES:
        seen.sample += line


def _block(seen: _Seen, block: bytes, start: int) -> None:
    """Whether a part of the text is for certain in another encoding than its beginning."""
    if (found := encodings.certain(block)) is not None and block:
        seen.found.setdefault(found, start)


def _judged(seen: _Seen) -> Letters:
    if not seen.other_lines:
        words = "русские буквы читаются только в ней" if seen.utf8_lines else "букв кроме латинских нет"
        return Letters("utf-8", words)
    if seen.utf8_lines > seen.other_lines:
        return Letters("utf-8", "в ней большинство строк", remarks=[_mixed(seen.other, "не UTF-8", seen.other_lines)])
    found = _one_byte(seen)
    if seen.utf8_lines:
        found.remarks.append(_mixed(seen.utf8, "UTF-8, а остальные нет", seen.utf8_lines))
    if len(seen.found) > 1:
        parts = ", ".join(f"{encoding} со строки {line}" for encoding, line in seen.found.items())
        found.remarks.append(Remark(what=f"в файле несколько кодировок: {parts}", advice=FIX))
    return found


def _mixed(rows: list[int], what: str, count: int) -> Remark:
    return Remark(what=f"кодировки смешаны: строк {count} — {what}", advice=FIX, rows=tuple(rows))


def _one_byte(seen: _Seen) -> Letters:
    sample = bytes(seen.sample)
    likely, certain = encodings.likely(sample), encodings.certain(sample)
    if certain is not None and certain in encodings.ONE_BYTE:
        return Letters(certain, "русские слова получаются только в ней")
    if seen.other_lines == 1 and not seen.utf8_lines and likely is None:
        what = (
            "кодировка не узнаётся: байты не UTF-8, а русских слов не получается ни в cp1251, ни в cp866, ни в koi8-r"
        )
        return Letters(None, "", None, [Remark(what=what, advice=FIX, rows=tuple(seen.other))])
    maybe = f"; скорее всего {likely}" if likely else ""
    what = f"кодировку не узнать наверняка: букв слишком мало{maybe}"
    advice = "узнайте у того, кто настраивал выгрузку, и укажите encoding; лучше выгружайте в UTF-8"
    return Letters(None, "", likely, [Remark(what=what, advice=advice, rows=tuple(seen.other))])
