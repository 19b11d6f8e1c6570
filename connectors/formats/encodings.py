"""Encodings: in which of the Russian encodings do these bytes make words?

Only for advice and for refusing what is plainly wrong; a file is read in the encoding that its settings name.
"""

from __future__ import annotations

import codecs
from itertools import pairwise
from typing import Final

ONE_BYTE: Final = ("cp1251", "cp866", "koi8-r")
# Single letters do not do: koi8-r reads the letters of cp1251 as other frequent ones of the other case. These pairs
# make half of any Russian text, and bytes of another encoding hit them by chance only.
_PAIRS: Final = (
    "ст но то на по не ни ра ов ко го ро ен ре ос ал пр ет ер ли ел та ка ор ва ти те ол ть ат ие ны ло ан ог от ес ой "
    "ом ит ла де ем он во ле ск ви да ед ив ви ин ки ма ме ми мо ул ус ум уч че ев ар ам ас ьн ич со са се си ру за до "
    "из об"
)
FREQUENT: Final = frozenset(_PAIRS.split())
CERTAIN_LETTERS: Final = 40
RUSSIAN_SHARE: Final = 0.3
FAR_BEHIND: Final = 0.75


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


def certain(sample: bytes) -> str | None:
    """The encoding that a text without any mark is in, if enough letters say so and no other comes near."""
    found = likely(sample)
    if found not in ONE_BYTE or found is None:
        return found
    shares = sorted(_share(sample, encoding) for encoding in ONE_BYTE)
    clear = _foreign_bytes(sample) >= CERTAIN_LETTERS and shares[-2] <= FAR_BEHIND * shares[-1]
    return found if clear else None


def _is_utf8(sample: bytes) -> bool:
    """Whether the sample is UTF-8 with something in it that ASCII has not; its ends may cut a character."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(sample.lstrip(bytes(range(0x80, 0xC0))))
    except UnicodeDecodeError:
        return False
    return not text.isascii()


def _share(sample: bytes, encoding: str) -> float:
    """The share of the most frequent Russian pairs of letters among all pairs of what is not ASCII."""
    text = sample.decode(encoding, "replace").lower()
    pairs = [first + second for first, second in pairwise(text) if first > "\x7f" and second > "\x7f"]
    return sum(pair in FREQUENT for pair in pairs) / len(pairs) if pairs else 0.0


def _foreign_bytes(sample: bytes) -> int:
    return sum(byte > 0x7F for byte in sample)
