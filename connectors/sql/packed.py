"""Packed: how does a page of twenty thousand rows come through the driver as a dozen cells?

The server turns every column of a page into one JSON array of numbers or texts, already in the form of the cache:
kopecks, millionths, days, places in a list of known words. One C decoder makes the cells; Python touches no row.
A decoder takes nothing that is not exactly of its kind, so an odd cell anywhere (a fraction of a kopeck, NaN, an
account number that is no number, a word unknown so far) makes the page `Inexact`, and it is read again as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final, Protocol

import msgspec

from lk_sync.flow.validate import MAX_CODE, MAX_TEXT, Unfit
from lk_sync.records import MAX_PLAIN_DIGITS

ABSENT: Final = "null"
EPOCH: Final = date(2000, 1, 1)  # days are counted from here
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)
NO_DAY: Final = date.min  # how 1C writes that there is no date
MAX_WORDS: Final = 100

_NUMBERS: Final = msgspec.json.Decoder(list[int])
_MAYBE_NUMBERS: Final = msgspec.json.Decoder(list[int | None])
_TEXTS: Final = msgspec.json.Decoder(list[str])
_MAYBE_TEXTS: Final = msgspec.json.Decoder(list[str | None])
# What validation forbids in a text, or strips from its ends. The texts stand between line breaks.
_ODD: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ufffd]|\n[^\S\n]|[^\S\n]\n")


class Inexact(Exception):
    """The page holds a cell without an exact form."""


class PackedColumn(Protocol):
    """One field of a page."""

    @property
    def sql(self) -> str:
        """The text that stands for a cell inside the array; `null` for an absent one, no JSON for an odd one."""

    def cells(self, packed: str) -> list[Any]:
        """The cells of an array. Raises Inexact."""


def _decoded(decoder: msgspec.json.Decoder[list[Any]], packed: str) -> list[Any]:
    try:
        return decoder.decode(f"[{packed}]")
    except msgspec.DecodeError as error:
        raise Inexact(str(error)) from error


class Numbers:
    """Whole numbers within `limits`; None = the column's type keeps them."""

    def __init__(self, sql: str, *, required: bool, limits: tuple[int, int] | None) -> None:
        self.sql = sql
        self._decoder: Any = _NUMBERS if required else _MAYBE_NUMBERS
        self._limits = limits

    def cells(self, packed: str) -> list[Any]:
        cells = _decoded(self._decoder, packed)
        if self._limits is not None:
            self._hold(cells, *self._limits)
        return cells

    def _hold(self, cells: list[Any], low: int, high: int) -> None:
        there = cells if self._decoder is _NUMBERS else [cell for cell in cells if cell is not None]
        if there and not (low <= min(there) and max(there) <= high):
            raise Inexact("a number out of range")


class Accounts(Numbers):
    """Keys of accounts whose numbers are 1 to 18 digits: the number with a 1 before it."""

    def __init__(self, sql: str, *, required: bool) -> None:
        super().__init__(sql, required=required, limits=(10, 2 * 10**MAX_PLAIN_DIGITS - 1))

    def cells(self, packed: str) -> list[Any]:
        if any(blank in packed for blank in "\n\r\t"):  # white space to JSON, but no part of a number
            raise Inexact("an account number with a line break or a tab")
        return super().cells(packed)


class Days(Numbers):
    """Days since EPOCH, shown as `form` says; the form of a day is made once."""

    def __init__(self, sql: str, *, required: bool, form: Callable[[date], int | str]) -> None:
        super().__init__(sql, required=required, limits=None)
        self._form = form
        self._shown: dict[int | None, int | str | None] = {None: None}

    def cells(self, packed: str) -> list[Any]:
        days = super().cells(packed)
        try:
            return [*map(self._shown.__getitem__, days)]
        except KeyError:
            new = set(days) - self._shown.keys()
            self._shown |= {day: self._form(EPOCH + timedelta(days=day)) for day in new}
            return [*map(self._shown.__getitem__, days)]


def month_of(day: date) -> int:
    return day.year * 100 + day.month


class Texts:
    """Texts as validation would leave them: the server has taken spaces off their ends."""

    def __init__(self, sql: str, *, required: bool, code: bool = False) -> None:
        self.sql = sql
        self._decoder: Any = _TEXTS if required else _MAYBE_TEXTS
        self._limit = MAX_CODE if code else MAX_TEXT

    def cells(self, packed: str) -> list[Any]:
        cells = _decoded(self._decoder, packed)
        there = cells if self._decoder is _TEXTS else [cell for cell in cells if cell is not None]
        if there and (max(map(len, there)) > self._limit or _odd(there)):
            raise Inexact("a text that validation has to look at")
        return cells


def _odd(texts: list[str]) -> bool:
    run = "".join(texts)
    if run.isprintable() and "\ufffd" not in run:  # the one look that nearly all pages need
        return False
    lines = "\n".join(["", *texts, ""])
    return lines.count("\n") != len(texts) + 1 or _ODD.search(lines) is not None


class Words:
    """A column of few different words: the server sends the place of each in a list that we know. The list is empty
    at first, so the first pages come as texts and fill it; it only grows, so a page that was asked for with a shorter
    one is still read rightly.

    `convert`: validation's own converter for a cell of this field, so that a word means here what it means there.
    `place(words, null)` is the server's expression for the place; place 0 is an absent cell, if one is allowed.
    """

    def __init__(
        self,
        convert: Callable[[Any], Any],
        place: Callable[[Sequence[str], bool], str],
        text: str,
        known: Iterable[str],
    ) -> None:
        self._convert = convert
        self._place = place
        self.sql = text
        self._words: dict[str, Any] = {}
        self._refused: set[str] = set()
        self._absent_allowed = self._takes(None)
        self._cells: list[Any] = [None]
        self.learn(known)

    def _takes(self, word: str | None) -> bool:
        try:
            self._convert(word)
        except Unfit:
            return False
        return True

    def learn(self, words: Iterable[str]) -> None:
        """Words that do not fit are remembered as refused and never asked for."""
        before = len(self._words)
        for word in set(words) - self.known:
            if self._takes(word):
                self._words[word] = self._convert(word)
            else:
                self._refused.add(word)
        if len(self._words) > before:
            self._cells = [None, *self._words.values()]
            self.sql = self._place(list(self._words), self._absent_allowed)

    @property
    def known(self) -> frozenset[str]:
        return frozenset(self._words) | self._refused

    @property
    def size(self) -> int:
        """How many words of use there are."""
        return len(self._words)

    @property
    def too_many(self) -> bool:
        return len(self._words) + len(self._refused) > MAX_WORDS

    def cells(self, packed: str) -> list[Any]:
        if packed.startswith(('"', ABSENT)):
            return self._told(_decoded(_MAYBE_TEXTS, packed))
        return [*map(self._cells.__getitem__, _decoded(_NUMBERS, packed))]

    def _told(self, texts: list[str | None]) -> list[Any]:
        """The cells of a page that came as texts; its words are known from now on."""
        told = set(texts)
        absent = None in told
        words = {word for word in told if word is not None}
        self.learn(words)
        if not words <= self._words.keys() or (absent and not self._absent_allowed):
            raise Inexact("a word that does not fit")
        cells: dict[str | None, Any] = {None: None}
        cells.update(self._words)
        return [*map(cells.__getitem__, texts)]


def unpacked(columns: Sequence[PackedColumn], packed: Sequence[str | None], rows: int) -> list[list[Any]]:
    """The cells of a page, column by column. Raises Inexact."""
    if not rows:
        return [[] for _ in columns]
    found = [column.cells(text or "") for column, text in zip(columns, packed, strict=True)]
    if any(len(cells) != rows for cells in found):
        raise Inexact("a cell that broke its array")
    return found
