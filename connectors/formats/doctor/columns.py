"""Columns: what is written in each column of a file, and what has happened to it on the way?

Counted in one pass and bounded memory. Only forms of values are kept, and the values themselves of what is at fault.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from connectors.formats.contract import Cell
from connectors.formats.csv import KOPECK_DIGITS
from lk_sync.contracts import Remark
from lk_sync.flow.validate import Unfit, scaled
from lk_sync.records import Kind

SHOWN: Final = 5
FEW_MONTHS: Final = 3
_SHORT_MONTH: Final = re.compile(r"(?:0?[1-9]|1[0-2])(?:1[5-9]|[2-4]\d)", re.ASCII)
FEW_ROWS: Final = 3
SAME: Final = 0.8
RARELY: Final = 0.02
_FORMS: Final = {
    "digits": r"\d+",
    "iso": r"\d{4}-\d\d-\d\d(?:[T ]\d.*)?",
    "ru": r"\d\d\.\d\d\.\d{4}(?: \d.*)?",
    "short": r"\d{1,2}\.\d{1,2}\.\d\d",
    "slash": r"\d{1,2}/\d{1,2}/\d{2,4}(?: \d.*)?",
    "month": r"\d{4}-\d{1,2}|\d{1,2}\.\d{4}",
    "exponent": r"\d(?:[.,]\d+)?[Ee]\+?\d+",
    "point": r"[+-]?\d+\.\d+",
    "comma": r"[+-]?\d+,\d+",
    "integer": r"[+-]\d+",
    "spaced": r"[+-]?\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?:[.,]\d+)?",
    "european": r"[+-]?\d{1,3}(?:\.\d{3})+,\d+",
    "english": r"[+-]?\d{1,3}(?:,\d{3})+\.\d+",
    "rubles": r"[+-]?[\d \u00a0]+(?:[.,]\d+)?\s*(?:руб|р|₽).*",
}
_FORM: Final = re.compile("|".join(f"(?P<{form}>{pattern})" for form, pattern in _FORMS.items()), re.ASCII)
_BEGINNINGS: Final = frozenset("0123456789+-")
DATES: Final = ("iso", "ru", "short", "slash")
NUMBERS: Final = ("point", "comma", "integer", "spaced", "european", "english", "rubles")
WATCHED: Final = frozenset({"digits", "slash", "spoilt"})  # forms of which every value is looked at
MOST_KNOWN: Final = 20_000
SUMMED: Final = ("digits", "point", "comma", "integer", "spaced")
SHOW: Final = {
    "iso": "ГГГГ-ММ-ДД", "ru": "ДД.ММ.ГГГГ", "short": "Д.М.ГГ", "slash": "через /", "point": "с точкой",
    "comma": "с запятой", "spaced": "с пробелами между тысячами", "european": "вида 1.234,50",
    "english": "вида 1,234.50", "rubles": "со словом «руб»",
}  # fmt: skip
ACCOUNT: Final = re.compile(
    r"^(лс|л/с|л\.?с\.?|ls|lc|licsch\w*|account\w*|acc|лиц\S*сч[её]т\w*|лицевой.*сч[её]т.*|лицевой|счет|счёт)$",
    re.IGNORECASE,
)
DAY: Final = re.compile(r"(дата|день|date|day)", re.IGNORECASE)
REMEMBERED: Final = 1_000_000
PERIOD: Final = re.compile(r"(период|period|месяц|month)\w{0,8}", re.IGNORECASE)
_MOJIBAKE: Final = re.compile(r"[РС][\u0080-\u00bf°±Ђ-Џђ-џ‚-›\u00a0-\u00ff]|[ÐÑ][\u0080-\u00bf]|Ã.|[À-ÿ]{4,}")
_LOST: Final = re.compile(r"\ufffd|\?{3,}")


class Column:
    """What is known of one column."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = self.empty = self.zeros = self.padded = 0
        self.forms: Counter[str] = Counter()
        self.first: dict[str, int] = {}
        self.lengths: Counter[int] = Counter()
        self.of_length: dict[int, list[int]] = {}
        self.lost: list[int] = []
        self.garbled: list[int] = []
        self.day_first = self.month_first = self.short_years = 0
        self.kopecks = 0
        self.is_account = ACCOUNT.search(name.strip()) is not None
        self._known: dict[str, tuple[str, int]] = {}
        self.example: str | None = None
        self.months: set[str] = set()
        self.other_digits = False
        self._accounts_seen: set[int] = set()
        self.again = 0
        self.again_at: list[int] = []

    def add(self, numbers: Sequence[int], cells: Sequence[Cell]) -> None:
        self.count += len(cells)
        known = self._known
        for number, cell in zip(numbers, cells, strict=True):
            if not cell or not (text := cell.strip()):
                self.empty += 1
                continue
            form, kopecks = known.get(text) or self._learnt(text)
            self.forms[form] += 1
            self.kopecks += kopecks
            if form in WATCHED or form not in self.first:
                self._value(number, text, form)

    def _learnt(self, text: str) -> tuple[str, int]:
        """The form of a text, and what it adds to the sum."""
        found = _FORM.fullmatch(text) if text[0] in _BEGINNINGS else None
        form, kopecks = (found.lastgroup or "text") if found else "text", 0
        if form == "text" and (_LOST.search(text) or _MOJIBAKE.search(text)):
            form = "spoilt"
        if form in SUMMED:
            with suppress(Unfit):
                kopecks = scaled(text, KOPECK_DIGITS)
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        self._known[text] = form, kopecks
        return form, kopecks

    def _value(self, number: int, text: str, form: str) -> None:
        self.first.setdefault(form, number)
        if form not in ("text", "spoilt") and self.example is None:  # texts may be names of people
            self.example = text
        if form == "digits":
            self._digits(number, text)
        elif form == "slash":
            one, two, year = re.split("[/ ]", text)[:3]
            self.day_first += int(one) > 12
            self.month_first += int(two) > 12
            self.short_years += len(year) == len("ГГ")
        elif form == "spoilt" and _MOJIBAKE.search(text):
            self.garbled = [*self.garbled, number][:SHOWN]
        elif form == "spoilt":
            self.lost = [*self.lost, number][:SHOWN]

    def _digits(self, number: int, text: str) -> None:
        self.zeros += text[0] == "0" and len(text) > 1
        self.lengths[len(text)] += 1
        few = self.of_length.setdefault(len(text), [])
        if len(few) < SHOWN:
            few.append(number)
        self._month(text)
        if self.is_account:
            self._account(number, text)

    def _account(self, number: int, text: str) -> None:
        mark = hash(text)
        if mark in self._accounts_seen:
            self.again += 1
            self.again_at = [*self.again_at, number][:SHOWN]
        elif len(self._accounts_seen) < REMEMBERED:
            self._accounts_seen.add(mark)

    def _month(self, text: str) -> None:
        if self.other_digits:
            return
        if not _SHORT_MONTH.fullmatch(text):
            self.other_digits = True
        elif len(self.months) <= FEW_MONTHS:
            self.months.add(text)

    @property
    def filled(self) -> int:
        return self.count - self.empty

    @property
    def _first_text(self) -> list[int]:
        return sorted(self.first[form] for form in ("text", "spoilt") if form in self.first)[:1]

    @property
    def main_form(self) -> str:
        """What most of its values are, for a person."""
        if not self.forms:
            return "пусто"
        form, _ = self.forms.most_common(1)[0]
        return SHOW.get(form, {"digits": "цифры", "integer": "целые числа"}.get(form, "текст"))

    def share(self, *forms: str) -> float:
        return sum(self.forms[form] for form in forms) / self.filled if self.filled else 0.0

    def kinds(self) -> tuple[Kind, ...]:
        """What it could be a column of, the likeliest first."""
        if self.is_account:
            return ("account", "text", "code")
        if self.share(*DATES) > SAME:
            return ("date", "month", "datetime", "text")
        if self.share("month") > SAME:
            return ("month", "text")
        if self.share(*NUMBERS, "digits") > SAME and self.share(*NUMBERS) > 0:
            return ("money", "volume", "text")
        if self.share("digits") > SAME:
            return ("account", "int", "money", "volume", "code", "text") if self.zeros else (
                "int", "account", "money", "volume", "code", "text"
            )  # fmt: skip
        return ("text", "code", "account")

    def remarks(self) -> Iterator[Remark]:
        yield from self._accounts()
        yield from self._dates()
        yield from self._numbers()
        yield from self._texts()

    def _remark(self, what: str, advice: str, rows: Sequence[int] = (), *, grave: bool = True) -> Remark:
        return Remark(what=f"столбец «{self.name}»: {what}", advice=advice, rows=tuple(rows), grave=grave)

    def _accounts(self) -> Iterator[Remark]:
        if self.forms["exponent"]:
            what = f"числа вида 1,2E+11 ({self.forms['exponent']} шт.): последние цифры потеряны"
            yield self._remark(what, "сделайте столбец текстовым и выгрузите заново", [self.first["exponent"]])
        if 0 < self.again <= RARELY * self.filled:
            what = f"лицевой счёт повторяется, хотя почти все разные ({self.again})"
            yield self._remark(what, "если строка — счёт, одна из двух лишняя", self.again_at, grave=False)
        if not self.is_account or not self.lengths or self.share("digits") < SAME:
            return
        if self.filled < FEW_ROWS:
            return
        usual, count = max(self.lengths.items(), key=lambda item: (item[1], item[0]))
        longest = max(self.lengths)
        shorter = [length for length in self.lengths if length < (usual if self.zeros else longest)]
        short = sum(self.lengths[length] for length in shorter)
        if shorter and (not self.zeros or count > SAME * sum(self.lengths.values())):
            length = usual if self.zeros else longest
            rows = sorted(row for each in shorter for row in self.of_length[each])[:SHOWN]
            what = f"номера разной длины ({short} короче {length} знаков): похоже, потеряны ведущие нули"
            yield self._remark(what, "выгружайте номер лицевого счёта текстом, а не числом", rows)

    def _dates(self) -> Iterator[Remark]:
        yield from self._dates_as_numbers()
        forms = [form for form in DATES if self.forms[form]]
        if not forms or self.share(*DATES) < 0.5:
            return
        if len(forms) > 1:
            shown = ", ".join(f"{SHOW[form]} ({self.forms[form]})" for form in forms)
            rows = sorted(self.first[form] for form in forms)
            yield self._remark(f"даты записаны по-разному: {shown}", "выгружайте все даты как ГГГГ-ММ-ДД", rows)
        if self.forms["slash"]:
            yield from self._slashes()
        if self.forms["short"]:
            what = "год из двух цифр; полю нужен format: Д.М.ГГ"
            yield self._remark(what, "лучше выгружайте даты как ГГГГ-ММ-ДД или ДД.ММ.ГГГГ", grave=False)

    def _dates_as_numbers(self) -> Iterator[Remark]:
        if not DAY.match(self.name.strip()) or self.share("digits") <= SAME:
            return
        rows = [self.first["digits"]]
        if set(self.lengths) == {5}:
            yield self._remark("дни записаны числами Excel (46000)", "выгружайте даты как ГГГГ-ММ-ДД", rows)
        elif set(self.lengths) == {8}:
            what = "даты без разделителей; полю нужен format: ГГГГММДД (или ДДММГГГГ)"
            yield self._remark(what, "лучше выгружайте их как ГГГГ-ММ-ДД", rows, grave=False)

    def _slashes(self) -> Iterator[Remark]:
        advice = "выгружайте даты как ГГГГ-ММ-ДД или ДД.ММ.ГГГГ"
        year = "ГГ" if self.short_years else "ГГГГ"
        if self.day_first and self.month_first:
            yield self._remark("то день, то месяц стоит первым", advice, [self.first["slash"]])
        elif self.month_first:
            yield self._remark(f"первым стоит месяц; полю нужен format: М/Д/{year}", advice, grave=False)
        elif self.day_first:
            yield self._remark(f"даты через косую черту; полю нужен format: Д/М/{year}", advice, grave=False)
        else:
            yield self._remark(
                "не понять, где день, а где месяц: обе части не больше 12", advice, [self.first["slash"]]
            )

    def _numbers(self) -> Iterator[Remark]:
        for form in ("european", "english", "rubles"):
            if self.forms[form]:
                advice = "выгружайте числа без разделителя тысяч и слов, дробь через точку или запятую"
                yield self._remark(f"числа {SHOW[form]} ({self.forms[form]} шт.)", advice, [self.first[form]])
        if self.forms["point"] and self.forms["comma"]:
            rows = sorted((self.first["point"], self.first["comma"]))
            what = f"дробь то через точку ({self.forms['point']}), то через запятую ({self.forms['comma']})"
            yield self._remark(
                what, "читается и так, но проверьте, нет ли среди них разделителя тысяч", rows, grave=False
            )
        words = self.forms["text"] + self.forms["spoilt"]
        if words and self.share(*DATES) >= 0.5:
            what = f"среди дат есть не даты ({words} шт.)"
            yield self._remark(
                what, "исправьте строки; даты нет — пишите пусто", [self.first.get("text", self.first.get("spoilt", 0))]
            )
        if words and self.share(*NUMBERS) > SAME:
            yield self._remark(
                f"среди чисел есть не числа ({words} шт.)",
                "исправьте строки",
                [self.first.get("text", self.first.get("spoilt", 0))],
            )

    def _texts(self) -> Iterator[Remark]:
        if self.lost:
            what = "буквы потеряны при перекодировке (знаки вопроса вместо слов)"
            yield self._remark(what, "выгружайте сразу в UTF-8; эти буквы не вернуть", self.lost)
        if self.garbled:
            what = "текст перекодирован дважды, вместо слов бессмыслица"
            yield self._remark(what, "уберите лишнюю перекодировку между программой и файлом", self.garbled)
        if self._is_short_month():
            what = "похоже на месяц вида ММГГ без ведущего нуля"
            yield self._remark(what, "выгружайте месяц текстом: 0922 или, лучше, 2022-09", self.of_length[3])

    def _is_short_month(self) -> bool:
        """A column called so, or one without a name in which nothing else stands."""
        if self.forms["digits"] < self.filled or 3 not in self.lengths or max(self.lengths) > 4:
            return False
        named = PERIOD.fullmatch(self.name.strip()) is not None
        return named or (self.name.isdigit() and 0 < len(self.months) <= FEW_MONTHS and not self.other_digits)
