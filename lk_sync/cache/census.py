"""Census: what do so many accounts have in common that it proves nothing of any of them?

Sums due, payments, numbers of bills and serials of meters, counted over the whole cache. What is kept is small, a
sorted array of eight bytes for each common thing. Counting a million accounts takes a minute, so it is done beside the
pages, once for each edition of the data.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from functools import cache
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import aiosql
import msgspec

from lk_sync.cache.reader import View
from lk_sync.records import Day, Kopecks, Month, month_text, next_month

HERE: Final = Path(__file__).parent
MONTHS: Final = 2  # of an account, the latest with a bill: they are its evidence
PAYMENTS: Final = 2
LOOKED_BACK: Final = 12  # months; an older bill proves nothing
SAMPLE: Final = 2_000
SHORTEST_NUMBER: Final = 4
IN_ORDER_PERCENT: Final = 90


@cache
def statements() -> dict[str, str]:
    """Statement name → SQL text."""
    queries = aiosql.from_path(HERE / "census.sql", "sqlite3", mandatory_parameters=False)
    return {name: getattr(queries, name).sql for name in queries.available_queries if not name.endswith("_cursor")}


class Common(msgspec.Struct, frozen=True):
    """Things that several accounts have."""

    keys: array[int]

    def __contains__(self, thing: object) -> bool:
        key = _key(thing)
        at = bisect_left(self.keys, key)
        return at < len(self.keys) and self.keys[at] == key


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """`accounts` have a bill; `months`: the latest of all, newest first. `numbers_in_order`: the number of a bill can
    be computed from the number of the account or of a neighbour's bill, so whoever has seen one knows the others."""

    accounts: int
    months: tuple[Month, ...]
    sums: Common
    payments: Common
    numbers: Common
    serials: Common
    numbers_in_order: bool


def edition(view: View) -> Hashable:
    """Differs whenever what is counted may be another."""
    return tuple(_ask(view, "editions"))


def since(now: datetime) -> Month:
    """The oldest month whose bill is evidence of anything."""
    return next_month(now.year * 100 + now.month, -LOOKED_BACK)


def payment(amount: Kopecks, day: Day) -> str:
    """A payment as it is looked for among the common ones."""
    return f"{amount} {day}"


def plain(text: str) -> str:
    """A number of a bill or of a meter as it is compared: letters and digits, in one case."""
    return "".join(letter for letter in text.upper() if letter.isalnum())


def take(view: View, *, few: int, now: datetime) -> Census:
    """Counts. May take long: not on the event loop."""
    oldest = since(now)
    bills = {"since": oldest, "issued": view.code_id("issued")}
    ((accounts, newest),) = _ask(view, "billed", **bills)
    paid = _ask(view, "shared_payments", since=f"{month_text(oldest)}-01")
    numbered = _ask(view, "numbers_in_order", period=newest or 0, issued=bills["issued"], most=SAMPLE)
    return Census(
        accounts=accounts,
        months=tuple(month for (month,) in _ask(view, "months_billed", **bills)),
        sums=_common(total for (total,) in _ask(view, "shared_sums", few=few, **bills)),
        payments=_common(payment(*each) for each in paid),
        numbers=_common(plain(number) for (number,) in _ask(view, "shared_numbers", **bills)),
        serials=_common(plain(serial) for (serial,) in _ask(view, "shared_serials")),
        numbers_in_order=in_order([(account, number) for account, number in numbered]),
    )


def in_order(numbered: Sequence[tuple[str, str]]) -> bool:
    """Can the number of a bill be computed? `numbered`: account and bill, in the order of the accounts."""
    if not numbered:
        return False
    digits = [(_digits(account).lstrip("0"), _digits(number)) for account, number in numbered]
    holding = sum(len(account) >= SHORTEST_NUMBER and account in number for account, number in digits)
    rising = sum(_value(one) < _value(next_one) for (_, one), (_, next_one) in pairwise(digits))
    return 100 * holding > (100 - IN_ORDER_PERCENT) * len(digits) or (
        len(digits) > SHORTEST_NUMBER and 100 * rising >= IN_ORDER_PERCENT * (len(digits) - 1)
    )


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdecimal())


def _value(digits: str) -> int:
    return int(digits[:40] or 0)


def _common(things: Iterable[object]) -> Common:
    return Common(array("q", sorted(_key(thing) for thing in things)))


def _key(thing: object) -> int:
    """A sum is its own key; two texts that share one would make a rare thing count as common, which harms nobody."""
    if isinstance(thing, int):
        return thing
    return int.from_bytes(blake2b(str(thing).encode(), digest_size=8).digest(), "big", signed=True)


def _ask(view: View, name: str, **parameters: Any) -> Iterable[tuple[Any, ...]]:
    return view.each(statements()[name], parameters)
