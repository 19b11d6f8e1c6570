"""Shape: by which delimiter does a text fall into equal rows, and where do its header and its total stand?"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

SAMPLE_ROWS: Final = 400
SURE: Final = (";", "\t", "|")
DELIMITERS: Final = (*SURE, "^", "~", ",", ":", " ")  # a comma is in numbers, a colon in times: they come last
LONG: Final = ("||", ";;", "~~", "^^", "::", "|;|", "<|>", "|~|")  # as some programs write them
EQUAL_SHARE: Final = 0.6
UNEVEN: Final = 2  # a row of a register has more fields
COMMENTS: Final = ("#", "//", "--", "*")
_TOTAL: Final = re.compile(r'"?\s*(итого|всего|total|=)', re.IGNORECASE)
_PAIR: Final = re.compile(r"\s*[A-Za-z_]\w{2,40}:")
_NUMBER: Final = re.compile(r"[+-]?\d[\d \xa0]*(?:[.,]\d+)?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*")
_NAME: Final = re.compile(
    r"лс|л/с|лиц|сч[её]т|фио|абонент|адрес|сумм|дата|период|месяц|номер|услуг|тариф|начисл|сальдо|долг|показ|прибор|"
    r"account|name|address|sum|amount|date|period|number|id",
    re.IGNORECASE,
)


class Shape(msgspec.Struct, kw_only=True):
    """`before`: lines above the header, or above the first row. `total`: the last line, if it says what there is."""

    delimiter: str
    width: int
    share: float
    before: int = 0
    comments: tuple[str, ...] = ()
    header: list[str] | None = None
    certain: bool = True  # that the first row is a header, or is none
    total: list[str] | None = None
    blank: bool = False
    closing: bool = False
    uneven: bool = False
    pairs: bool = False
    other_header: int = 0  # so many fields has what looks like the header, unlike the rows


def shape(lines: Sequence[str], last: str) -> Shape | None:
    """`lines`: the first ones, whole. `last`: the last line of the file. None: it is no table."""
    comments = tuple(mark for mark in COMMENTS if _is_comment(mark, lines))
    plain = [line for line in lines if not line.startswith(comments)] if comments else list(lines)
    rows = [line for line in plain if line.strip()]
    with_total = _TOTAL.match(last) is not None and len(rows) > 1
    found = _delimiter(rows[:-1] if with_total and rows[-1].strip() == last.strip() else rows)
    if found is None:
        return None
    found.comments = comments
    found.blank = _has_blank(plain)
    parsed = _parsed(rows, found.delimiter)
    found.before = next((i for i, row in enumerate(parsed) if len(row) == found.width), 0)
    _header(found, parsed)
    _header_above(found, parsed)
    if with_total:
        (found.total,) = _parsed([last], found.delimiter) or [[]]
    return found


def of_rows(rows: Sequence[list[str]]) -> Shape:
    """The same for rows that are known to be rows."""
    width = max(map(len, rows), default=0)
    found = Shape(delimiter="", width=width, share=1.0)
    filled = [sum(bool(cell) for cell in row) for row in rows]
    usual = max(filled, default=0)
    found.before = next((i for i, count in enumerate(filled) if count * 2 > usual), 0)
    if rows:
        _header(found, [row + [""] * (width - len(row)) for row in rows])
    if len(rows) > 1 and _TOTAL.match(next(filter(None, rows[-1]), "")):
        found.total = rows[-1]
    return found


def _is_comment(mark: str, lines: Sequence[str]) -> bool:
    """A mark that begins some lines, the first or the last among them, but not most."""
    marked = [line.startswith(mark) for line in lines if line.strip()]
    return bool(marked) and any(marked) and (marked[0] or marked[-1]) and sum(marked) * 2 <= len(marked) + 6


def _has_blank(lines: Sequence[str]) -> bool:
    """Whether blank lines stand among the others."""
    text = [bool(line.strip()) for line in lines]
    while text and not text[-1]:
        text.pop()
    return not all(text)


def _delimiter(rows: Sequence[str]) -> Shape | None:
    best = _long(rows)
    if best is not None:
        return best
    for delimiter in DELIMITERS:
        parsed = _parsed(rows, delimiter)
        widths = Counter(len(row) for row in parsed if len(row) > 1)
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        share = count / len(parsed)
        if share >= EQUAL_SHARE and (best is None or share > best.share + 0.2):
            best = Shape(delimiter=delimiter, width=width, share=share)
    if best is None or best.delimiter not in SURE:
        return _uneven(rows) or best
    best.pairs = _has_pairs(rows, best.delimiter)
    best.uneven = best.pairs and best.share < 1
    return best


def _long(rows: Sequence[str]) -> Shape | None:
    """A delimiter of several characters: where one stands in every row, as often in each, it stands there for it."""
    for delimiter in LONG:
        widths = {len(row.split(delimiter)) for row in rows}
        if len(widths) == 1 and (width := widths.pop()) > UNEVEN and not _empty_columns(rows, delimiter):
            return Shape(delimiter=delimiter, width=width, share=1.0)
    return None


def _empty_columns(rows: Sequence[str], delimiter: str) -> bool:
    """Whether its characters stand alone, too: `1;;2;3` is a file with `;` and a column without values."""
    return len(rows) < UNEVEN or any(character in row.replace(delimiter, "") for row in rows for character in delimiter)


def _uneven(rows: Sequence[str]) -> Shape | None:
    """A delimiter that is in every row, though not as often."""
    for delimiter in SURE:
        widths = Counter(len(row) for row in _parsed(rows, delimiter))
        if widths and min(widths) > UNEVEN:
            width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
            pairs = _has_pairs(rows, delimiter)
            return Shape(delimiter=delimiter, width=width, share=count / len(rows), uneven=True, pairs=pairs)
    return None


def _has_pairs(rows: Sequence[str], delimiter: str) -> bool:
    return all(any(_PAIR.match(cell) for cell in row.split(delimiter)) for row in rows)


def _parsed(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    if len(delimiter) > 1:
        return [line.split(delimiter) for line in lines]
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def _header_above(found: Shape, rows: Sequence[list[str]]) -> None:
    """The line above the first row may be a header of another width: one delimiter more or fewer than the rows have."""
    if found.header is not None or not found.before:
        return
    above = [cell.strip() for cell in rows[found.before - 1]]
    words = [cell for cell in above if cell]
    if len(words) < 2 or any(_NUMBER.fullmatch(cell) for cell in words) or len(set(words)) != len(words):
        return
    if len(above) == found.width - 1 and not any(row[-1].strip() for row in rows[found.before :] if row):
        found.header, found.certain, found.closing, found.before = [*above, ""], True, True, found.before - 1
    else:
        found.other_header = len(above)


def _header(found: Shape, rows: Sequence[list[str]]) -> None:
    """The first row is a header when it is of words and what follows is not."""
    data = [row for row in rows[found.before + 1 :] if len(row) == found.width]
    first = [cell.strip() for cell in rows[found.before]]
    found.closing = not first[-1] and not any(row[-1].strip() for row in data)
    words = first[:-1] if found.closing else first
    named = sum(bool(_NAME.search(cell)) and len(cell) < 40 for cell in words)
    numeric = any(_NUMBER.fullmatch(cell) for cell in words)
    distinct = len(set(words)) == len(words) and all(words)
    numbers_below = any(_NUMBER.fullmatch(cell.strip()) for row in data[:50] for cell in row)
    if numeric or not any(words):
        found.header, found.certain = None, True
    elif named * 2 >= len(words) or (distinct and numbers_below):
        found.header, found.certain = first, True
    else:
        found.header, found.certain = first, named > 0 and distinct


def header_told(shaped: Shape) -> str:
    """Of the header, in words."""
    if shaped.header is None:
        return f'нет: столбцы называются по номерам, "1" … "{shaped.width}"'
    if not shaped.certain:
        return "возможно, первая строка"
    return ", ".join(filter(None, shaped.header))[:300]
