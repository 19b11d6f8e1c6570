"""Formats: how does a number look to the person who reads it?

One object per language, made once. Every function takes what the cache stores (kopecks, millionths, YYYYMM, ISO
text) and gives text with non-breaking spaces. `None` is a dash: what is unknown is never shown as zero.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import get_month_names

from lk_sync import clock

NBSP: Final = "\N{NO-BREAK SPACE}"
MINUS: Final = "\N{MINUS SIGN}"
UNKNOWN: Final = "\N{EM DASH}"
MICRO: Final = 1_000_000


class Formats:
    """How one language writes money, volumes, months, days and moments."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self.language = language
        self._zone = zone
        self._point = "," if language == "ru" else "."
        self._group = NBSP if language == "ru" else ","
        self._of_month = get_month_names("wide", context="format", locale=language)
        self._month_name = get_month_names("wide", context="stand-alone", locale=language)
        self.money = lru_cache(maxsize=65_536)(self._money)
        self.tariff = lru_cache(maxsize=4096)(self._tariff)
        self.volume = lru_cache(maxsize=65_536)(self._volume)
        self.month = lru_cache(maxsize=1024)(self._month)
        self.day = lru_cache(maxsize=8192)(self._day)
        self.short_day = lru_cache(maxsize=8192)(self._short_day)
        self.moment = lru_cache(maxsize=4096)(self._moment)

    def _money(self, kopecks: int | None) -> str:
        """123456 → «1 234,56 ₽»."""
        if kopecks is None:
            return UNKNOWN
        rubles, rest = divmod(abs(kopecks), 100)
        sign = MINUS if kopecks < 0 else ""
        return f"{sign}{self._grouped(rubles)}{self._point}{rest:02d}{NBSP}₽"

    def _volume(self, micro: int | None) -> str:
        """1500000 → «1,5»: as many decimals as the value has."""
        if micro is None:
            return UNKNOWN
        whole, rest = divmod(abs(micro), MICRO)
        sign = MINUS if micro < 0 else ""
        decimals = f"{self._point}{rest:06d}".rstrip("0") if rest else ""
        return f"{sign}{self._grouped(whole)}{decimals}"

    def dial(self, micro: int | None, decimals: int) -> str:
        """What a meter with so many decimals shows: 92660000 with 3 → «92,660»."""
        if micro is None:
            return UNKNOWN
        whole, rest = divmod(abs(micro), MICRO)
        sign = MINUS if micro < 0 else ""
        shown = max(decimals, len(f"{rest:06d}".rstrip("0")))
        return f"{sign}{self._grouped(whole)}" + (f"{self._point}{rest:06d}"[: shown + 1] if shown else "")

    def _tariff(self, micro: int | None) -> str:
        """2104560000 → «2 104,56»: rubles of a tariff, at least two decimals."""
        if micro is None:
            return UNKNOWN
        whole, rest = divmod(abs(micro), MICRO)
        sign = MINUS if micro < 0 else ""
        return f"{sign}{self._grouped(whole)}{self._point}{f'{rest:06d}'.rstrip('0'):0<2}{NBSP}₽"

    def _grouped(self, whole: int) -> str:
        return f"{whole:,}".replace(",", self._group) if whole > 999 else str(whole)

    def _month(self, period: int) -> str:
        """202610 → «октябрь 2026»."""
        return f"{self._month_name[period % 100]}{NBSP}{period // 100}"

    def _day(self, iso: str | None) -> str:
        """`2026-11-05` → «5 ноября 2026»."""
        if iso is None:
            return UNKNOWN
        return f"{int(iso[8:10])}{NBSP}{self._of_month[int(iso[5:7])]}{NBSP}{iso[:4]}"

    def _short_day(self, iso: str | None) -> str:
        """`2026-11-05` → «05.11.2026»."""
        if iso is None:
            return UNKNOWN
        if self.language == "ru":
            return f"{iso[8:10]}.{iso[5:7]}.{iso[:4]}"
        return f"{iso[8:10]}/{iso[5:7]}/{iso[:4]}"

    def _moment(self, instant: str | None) -> str:
        """A stored instant on the supplier's wall clock: «23 ноября 2026, 05:10»."""
        if instant is None:
            return UNKNOWN
        local = clock.local(instant, self._zone)
        return f"{self._day(local.date().isoformat())}, {local:%H:%M}"
