"""DBF cells: what does a field of a record say, as text?

What does not read as its type is given as it stands, for the validation to refuse; an overflown number (`****`) too.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

Read = Callable[[bytes], str | None]
MEMO: Final = frozenset("MGP")
BLANK: Final = b" \0"
_YES, _NO = frozenset(b"TtYy1"), frozenset(b"FfNn0")
_INT, _LONG, _DOUBLE, _MOMENT = (struct.Struct(form) for form in ("<i", "<q", "<d", "<ii"))
_JULIAN: Final = 1_721_426  # the day number of 0001-01-01
_MONEY_DIGITS: Final = 4


def reader(kind: str, encoding: str) -> Read:
    """How a field of the type is read."""
    if kind == "C":
        return lambda raw: raw.rstrip(BLANK).decode(encoding) or None
    return READ[kind]


def _number(raw: bytes) -> str | None:
    """FoxPro writes a lone point where there is no number."""
    text = raw.strip(BLANK).decode("latin-1")
    return None if text in ("", ".") else text


def _day(raw: bytes) -> str | None:
    text = raw.strip(BLANK).decode("latin-1")
    if not text.strip("0"):
        return None
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


def _flag(raw: bytes) -> str | None:
    if raw[:1] in (b"?", b" ", b"\0"):
        return None
    return "1" if raw[0] in _YES else "0" if raw[0] in _NO else raw.decode("latin-1")


def _integer(raw: bytes) -> str:
    return str(_INT.unpack(raw)[0]) if len(raw) == _INT.size else _hex(raw)


def _money(raw: bytes) -> str:
    if len(raw) != _LONG.size:
        return _hex(raw)
    return format(Decimal(_LONG.unpack(raw)[0]).scaleb(-_MONEY_DIGITS), "f")


def _double(raw: bytes) -> str:
    """The shortest text that is this number; one with a tail (0.30000000000000004) is refused where money is wanted."""
    return repr(_DOUBLE.unpack(raw)[0]) if len(raw) == _DOUBLE.size else _hex(raw)


def _moment(raw: bytes) -> str | None:
    if not raw.strip(BLANK):
        return None
    days, milliseconds = _MOMENT.unpack(raw) if len(raw) == _MOMENT.size else (-1, 0)
    try:
        day = date.min + timedelta(days=days - _JULIAN)
    except OverflowError:
        return _hex(raw)
    if not 0 <= milliseconds < 86_400_000:
        return _hex(raw)
    seconds = (milliseconds + 500) // 1000
    return f"{day.isoformat()}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _hex(raw: bytes) -> str:
    return f"0x{raw.hex()}"


READ: Final[Mapping[str, Read]] = {
    "C": lambda raw: raw.decode("ascii"),  # `reader` knows the encoding
    "N": _number,
    "F": _number,
    "D": _day,
    "L": _flag,
    "I": _integer,
    "+": _integer,
    "Y": _money,
    "B": _double,
    "T": _moment,
}
