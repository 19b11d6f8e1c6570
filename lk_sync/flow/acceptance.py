"""Acceptance: may this reading be taken, for which month, and what has to be asked first?

Pure rules of ПП 354 and of the device (window of days, verification, digits, rollover, plausible consumption). Every
outcome has a stable code, which goes into the export file as a flag, to the page as a question or a refusal.

A calculated value in the books is no reading: it stops nobody from handing in what the meter shows.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import msgspec

from lk_sync.config import Window
from lk_sync.records import Day, Micro, Month, next_month

MICRO: Final = 1_000_000
CALCULATED: Final = "calculated"
OWN: Final = "subscriber"
SPACES: Final = re.compile("[ \t\N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}]")
NUMBER: Final = re.compile(r"([0-9]{1,30})(?:[.,]([0-9]{1,30}))?")
LONGEST_TYPED: Final = 60
MONTHS_OF_AVERAGE: Final = 12
FEWEST_MONTHS_OF_AVERAGE: Final = 3

RefusalCode = Literal[
    "empty", "not_number", "too_long", "too_precise", "automatic", "removed", "closed", "expired", "less"
]
QuestionCode = Literal["rollover", "same", "high"]
Flag = Literal["closed", "expired", "rollover", "same", "confirmed_same", "confirmed_high"]


class Dial(msgspec.Struct, frozen=True, kw_only=True):
    """What a meter can show, and whether a person may say so."""

    digits_int: int
    digits_frac: int
    unit: str
    automatic: bool = False
    removed: bool = False
    verification_due_on: Day | None = None

    @property
    def full_turn_micro(self) -> Micro:
        """The value at which the meter shows zero again."""
        return int(10**self.digits_int) * MICRO


class Known(NamedTuple):
    """A reading that was taken from the meter and used for (or handed in for) a month."""

    period: Month
    value_micro: Micro


class Booked(NamedTuple):
    """A value in the accounting system's books; `source` is one of `records.ReadingSource`."""

    period: Month
    value_micro: Micro
    source: str


class Past(msgspec.Struct, frozen=True):
    """What is known of a meter, newest first. `handed_in`: readings that were handed in here and not refused."""

    books: Sequence[Booked] = ()
    handed_in: Sequence[Known] = ()


class Span(msgspec.Struct, frozen=True):
    """The window that is open, or the next one: readings of `period` are taken from `first` to `last`."""

    period: Month
    first: date
    last: date
    open: bool


class Refused(msgspec.Struct, frozen=True):
    code: RefusalCode


class Question(msgspec.Struct, frozen=True):
    """To be asked again with `code` among the confirmed ones."""

    code: QuestionCode
    value_micro: Micro
    consumption_micro: Micro


class Accepted(msgspec.Struct, frozen=True):
    value_micro: Micro
    period: Month
    taken_on: Day
    flags: tuple[Flag, ...]


def decide(
    typed: str,
    *,
    dial: Dial,
    past: Past,
    today: date,
    window: Window,
    confirmed: frozenset[str] = frozenset(),
) -> Accepted | Question | Refused:
    """What becomes of a typed reading. `confirmed`: codes of questions that were answered with yes.

    When nothing is known of the past, any value that fits the dial is taken.
    """
    value = parse(typed, dial)
    if isinstance(value, Refused):
        return value
    span = window_of(today, window)
    if refusal := unacceptable(dial, span, today, window):
        return refusal
    comparison = _compare(value, dial, past, span.period, window, confirmed)
    if not isinstance(comparison, tuple):
        return comparison
    return Accepted(value, span.period, today.isoformat(), (*_circumstances(dial, span, today), *comparison))


def parse(typed: str, dial: Dial) -> Micro | Refused:
    """«1 234,5» or «1234.5» as millionths, if the meter can show it. Nothing is rounded."""
    bare = SPACES.sub("", typed[: LONGEST_TYPED + 1])
    if not bare:
        return Refused("empty")
    match = NUMBER.fullmatch(bare)
    if match is None or len(typed) > LONGEST_TYPED:
        return Refused("not_number")
    whole, decimals = match[1].lstrip("0"), (match[2] or "").rstrip("0")
    if len(whole) > dial.digits_int:
        return Refused("too_long")
    if len(decimals) > min(dial.digits_frac, 6):
        return Refused("too_precise")
    return int(whole or "0") * MICRO + int(decimals.ljust(6, "0"))


def window_of(today: date, window: Window) -> Span:
    """The window around `today`, else the next one. Days beyond the end of a month mean its last day.

    `first_day` > `last_day`: the window runs over the end of the month it belongs to.
    """
    return _window_of(today, window.first_day, window.last_day)


@lru_cache(maxsize=64)
def _window_of(today: date, first_day: int, last_day: int) -> Span:
    this = today.year * 100 + today.month
    spans = (_span(period, first_day, last_day) for period in (next_month(this, -1), this, next_month(this)))
    first, last, period = next(span for span in spans if span[1] >= today)
    return Span(period, first, last, first <= today)


def _span(period: Month, first_day: int, last_day: int) -> tuple[date, date, Month]:
    ends = period if first_day <= last_day else next_month(period)
    return _date(period, first_day), _date(ends, last_day), period


def _date(period: Month, day: int) -> date:
    year, month = divmod(period, 100)
    return date(year, month, min(day, monthrange(year, month)[1]))


def before(past: Past, period: Month) -> Known | None:
    """The last reading that one for `period` has to continue.

    The subscriber's own for the same month is what a correction replaces, so it does not count.
    """
    booked = next(
        (
            Known(value.period, value.value_micro)
            for value in past.books
            if value.source != CALCULATED and not (value.source == OWN and value.period >= period)
        ),
        None,
    )
    handed_in = next((known for known in past.handed_in if known.period < period), None)
    if booked is None or handed_in is None:
        return booked or handed_in
    return handed_in if handed_in.period > booked.period else booked


def average(books: Sequence[Booked]) -> Micro | None:
    """Mean consumption a month over the last year of readings, newest first.

    Stops where the meter was changed or went through zero. None: fewer than three months are known (п. 59).
    """
    taken = [value for value in books if value.source != CALCULATED]
    if not taken:
        return None
    newest = oldest = taken[0]
    for value in taken[1:]:
        if value.value_micro > oldest.value_micro or months_between(value.period, newest.period) > MONTHS_OF_AVERAGE:
            break
        oldest = value
    months = months_between(oldest.period, newest.period)
    if months < FEWEST_MONTHS_OF_AVERAGE:
        return None
    return (newest.value_micro - oldest.value_micro) // months


def months_between(first: Month, last: Month) -> int:
    return (last // 100 - first // 100) * 12 + last % 100 - first % 100


def plausible_micro(average_micro: Micro | None, months: int, unit: str, window: Window) -> Micro | None:
    """The greatest consumption of `months` months that is taken without a question. None: there is no measure."""
    cap = window.cap_micro.get(unit)
    measures = [] if cap is None else [cap]
    if average_micro is not None:
        measures.append(average_micro * window.high_times_average)
    return max(measures) * max(1, months) if measures else None


def unacceptable(dial: Dial, span: Span, today: date, window: Window) -> Refused | None:
    """Why nothing can be handed in today, whatever one would type."""
    if dial.automatic:
        return Refused("automatic")
    if dial.removed:
        return Refused("removed")
    if not span.open and window.late == "refuse":
        return Refused("closed")
    if expired(dial, today) and window.expired_verification == "refuse":
        return Refused("expired")
    return None


def expired(dial: Dial, today: date) -> bool:
    """Has the verification run out? The reading may then be unusable for charging (п. 81(12))."""
    return dial.verification_due_on is not None and dial.verification_due_on < today.isoformat()


def _circumstances(dial: Dial, span: Span, today: date) -> tuple[Flag, ...]:
    flags: tuple[Flag, ...] = () if span.open else ("closed",)
    return (*flags, "expired") if expired(dial, today) else flags


def _compare(
    value: Micro, dial: Dial, past: Past, period: Month, window: Window, confirmed: frozenset[str]
) -> tuple[Flag, ...] | Question | Refused:
    """The flags of a value for `period`, or what has to be asked."""
    known = before(past, period)
    if known is None:
        return ()
    consumption = value - known.value_micro
    plausible = plausible_micro(average(past.books), months_between(known.period, period), dial.unit, window)
    if consumption < 0:
        turned = consumption + dial.full_turn_micro
        if plausible is None or turned > plausible:
            return Refused("less")
        return ("rollover",) if "rollover" in confirmed else Question("rollover", value, turned)
    if consumption == 0:
        return _same(value, period, window, confirmed)
    if plausible is not None and consumption > plausible:
        return ("confirmed_high",) if "high" in confirmed else Question("high", value, consumption)
    return ()


def _same(value: Micro, period: Month, window: Window, confirmed: frozenset[str]) -> tuple[Flag, ...] | Question:
    if period % 100 not in window.season_months:
        return ("same",)
    return ("confirmed_same",) if "same" in confirmed else Question("same", value, 0)
