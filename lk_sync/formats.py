"""Formats: how does a number look to the person who reads it?

One object per language, made once. Every function takes what the cache stores (kopecks, millionths, YYYYMM, ISO
text) and gives text with non-breaking spaces, of digits and words that HTML need not escape. `None` is a dash: what
is unknown is never shown as zero.

Sums and volumes are made anew each time (0.3 µs; a cache that misses takes five times as long), months and days,
which repeat, are remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import get_month_names

from lk_sync import clock
from lk_sync.records import Day, Instant, Kopecks, Micro, Month

LANGUAGES: Final = ("ru", "en")
NBSP: Final = "\N{NO-BREAK SPACE}"
MINUS: Final = "\N{MINUS SIGN}"
UNKNOWN: Final = "\N{EM DASH}"
MICRO: Final = 1_000_000


class Formats:
    """How one language writes money, volumes, months, days and moments."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self.language = language
        self._zone = zone
        self._point, self._group = (",", NBSP) if language == "ru" else (".", ",")
        self._separator = "." if language == "ru" else "/"
        self._of_month = get_month_names("wide", context="format", locale=language)
        self._month_name = get_month_names("wide", context="stand-alone", locale=language)
        self.money = _money(self._point, self._group)
        self.dial = _decimal(self._point, self._group)
        self.tariff = lru_cache(maxsize=4096)(self._tariff)
        self.month = lru_cache(maxsize=1024)(self._month)
        self.day = lru_cache(maxsize=4096)(self._day)
        self.short_day = lru_cache(maxsize=4096)(self._short_day)
        self.moment = lru_cache(maxsize=1024)(self._moment)

    def volume(self, micro: Micro | None) -> str:
        """1500000 → «1,5»: as many decimals as the value has."""
        return self.dial(micro, 0)

    def _tariff(self, micro: Micro | None) -> str:
        """2104560000 → «2 104,56 ₽»: at least two decimals."""
        return UNKNOWN if micro is None else f"{self.dial(micro, 2)}{NBSP}₽"

    def _month(self, period: Month) -> str:
        """202610 → «октябрь 2026»."""
        return f"{self._month_name[period % 100]}{NBSP}{period // 100}"

    def _day(self, iso: Day | None) -> str:
        """`2026-11-05` → «5 ноября 2026»."""
        if iso is None:
            return UNKNOWN
        return f"{int(iso[8:10])}{NBSP}{self._of_month[int(iso[5:7])]}{NBSP}{iso[:4]}"

    def _short_day(self, iso: Day | None) -> str:
        """`2026-11-05` → «05.11.2026»."""
        return UNKNOWN if iso is None else self._separator.join((iso[8:10], iso[5:7], iso[:4]))

    def _moment(self, instant: Instant | None) -> str:
        """A stored instant on the supplier's wall clock: «23 ноября 2026, 05:10»."""
        if instant is None:
            return UNKNOWN
        local = clock.local(instant, self._zone)
        return f"{self._day(local.date().isoformat())}, {local:%H:%M}"


def _money(point: str, group: str) -> Callable[[Kopecks | None], str]:
    tails = tuple(f"{point}{kopecks:02d}{NBSP}₽" for kopecks in range(100))

    def money(kopecks: Kopecks | None) -> str:
        """123456 → «1 234,56 ₽»."""
        if kopecks is None:
            return UNKNOWN
        if kopecks < 0:
            return MINUS + money(-kopecks)
        rubles, rest = divmod(kopecks, 100)
        if rubles < 1000:
            return f"{rubles}{tails[rest]}"
        if rubles < 1_000_000:
            return f"{rubles // 1000}{group}{rubles % 1000:03d}{tails[rest]}"
        return f"{rubles:,}".replace(",", group) + tails[rest]

    return money


def _decimal(point: str, group: str) -> Callable[[Micro | None, int], str]:
    def decimal(micro: Micro | None, decimals: int) -> str:
        """92660000 with 3 → «92,660»: so many decimals at least, and all that the value has."""
        if micro is None:
            return UNKNOWN
        if micro < 0:
            return MINUS + decimal(-micro, decimals)
        whole, rest = divmod(micro, MICRO)
        text = f"{whole:,}".replace(",", group) if whole > 999 else f"{whole}"
        shown = f"{rest:06d}".rstrip("0").ljust(decimals, "0") if rest else "0" * decimals
        return f"{text}{point}{shown}" if shown else text

    return decimal
