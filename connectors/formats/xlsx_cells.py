"""XLSX cells: what does a cell of a sheet show, as exact text?

A spreadsheet keeps numbers to 15 digits and dates as numbers. A number of more digits, an error and a formula without
a value are no cells: whoever needs them gets the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
from openpyxl.styles.numbers import is_date_format

DIGITS: Final = 15
_ZEROS: Final = re.compile(r"0{2,}")
_DAY_ZERO = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}  # noqa: DTZ001 - a sheet has no zone
FIRST_MARCH: Final = 61  # before it, 1900 is a leap year by mistake
SECONDS: Final = 86_400


class Bad(msgspec.Struct, frozen=True):
    """Why there is no cell."""

    reason: str


class Style(msgspec.Struct, frozen=True):
    """How numbers are shown: as a date, or filled with zeros to so many digits."""

    date: bool = False
    zeros: int = 0


def style(code: str) -> Style:
    if _ZEROS.fullmatch(code):
        return Style(zeros=len(code))
    return Style(date=is_date_format(code))


def number(raw: str, shown: Style, *, from_1904: bool) -> str | Bad:
    """A number as it is shown."""
    try:
        exact = Decimal(raw)
        rounded = Decimal(f"{exact:.{DIGITS - 1}e}")
    except InvalidOperation:
        return Bad(f"«{raw[:40]}» — не число")
    if not exact.is_finite():
        return Bad(f"«{raw[:40]}» — не число")
    if shown.date:
        return _date(rounded, from_1904=from_1904)
    if abs(exact) >= 10**DIGITS:
        return Bad(
            f"число длиннее {DIGITS} цифр, электронная таблица хранит его неточно; сделайте этот столбец текстовым"
        )
    text = format(rounded, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    text = "0" if text == "-0" else text
    return text.zfill(shown.zeros) if shown.zeros and text.isdigit() else text


def _date(serial: Decimal, *, from_1904: bool) -> str | Bad:
    if not 0 <= serial < 2_958_466 or (serial < FIRST_MARCH and not from_1904):
        return Bad(f"«{serial}» — не дата: столбец оформлен датой, а число в нём не из календаря")
    seconds = int((serial * SECONDS).to_integral_value())
    moment = _DAY_ZERO[from_1904] + timedelta(seconds=seconds)
    return moment.date().isoformat() if seconds % SECONDS == 0 else moment.isoformat()


def cell(
    kind: str, raw: str | None, shown: Style, shared: Sequence[str], *, formula: bool, from_1904: bool
) -> str | Bad | None:
    """`kind` is the type that the sheet names, `raw` what it holds."""
    if raw is None or (not raw.strip() and kind == "n"):
        return Bad("формула без значения: откройте книгу в Excel или LibreOffice и сохраните") if formula else None
    match kind:
        case "s":
            place = int(raw) if raw.isdigit() else -1
            return shared[place] if 0 <= place < len(shared) else Bad("текст ячейки потерян; файл повреждён")
        case "b":
            return raw
        case "e":
            return Bad(f"ошибка формулы {raw}")
        case "str" | "inlineStr":
            return raw
        case "d":
            return raw.removesuffix("T00:00:00")
    return number(raw.strip(), shown, from_1904=from_1904)
