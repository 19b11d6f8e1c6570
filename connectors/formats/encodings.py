"""Encodings: in which of the Russian encodings do these bytes make words?

Only for advice and for refusing what is plainly wrong; a file is read in the encoding that its settings name.
"""

from __future__ import annotations

import codecs
from typing import Final

ONE_BYTE: Final = ("cp1251", "cp866", "koi8-r")
# Eleven letters make two thirds of any Russian text; bytes of another encoding hit them by chance only.
FREQUENT: Final = frozenset("оеаинтсрвлкОЕАИНТСРВЛК")
CERTAIN_LETTERS: Final = 40
RUSSIAN_SHARE: Final = 0.45
FAR_BEHIND: Final = 0.65


def likely(sample: bytes) -> str | None:
    """The encoding in which `sample` is most like Russian text; None if it is in none of them."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if _is_utf8(sample):
        return "utf-8"
    shares = {encoding: _share(sample, encoding) for encoding in ONE_BYTE}
    best = max(ONE_BYTE, key=shares.__getitem__)
    return best if shares[best] >= RUSSIAN_SHARE else None


def surely_other(sample: bytes, encoding: str) -> str | None:
    """The other encoding that `sample` is certainly in, though `encoding` could read it too."""
    if encoding not in ONE_BYTE or _foreign_bytes(sample) < CERTAIN_LETTERS:
        return None
    other = likely(sample)
    if other in ONE_BYTE and _share(sample, encoding) > FAR_BEHIND * _share(sample, other):
        return None
    return other


def _is_utf8(sample: bytes) -> bool:
    """Whether the sample is UTF-8 with something in it that ASCII has not; its ends may cut a character."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(sample.lstrip(bytes(range(0x80, 0xC0))))
    except UnicodeDecodeError:
        return False
    return not text.isascii()


def _share(sample: bytes, encoding: str) -> float:
    """The share of the most frequent Russian letters among all that is not ASCII."""
    text = [letter for letter in sample.decode(encoding, "replace") if letter > "\x7f"]
    return sum(letter in FREQUENT for letter in text) / len(text) if text else 0.0


def _foreign_bytes(sample: bytes) -> int:
    return sum(byte > 0x7F for byte in sample)
