"""Written dates: how does an accounting system write a date as text, and which date is it?

A form is written as people write it: `ДД.ММ.ГГГГ`, `ГГГГММДД`, `Д/М/ГГ`, `ДД.ММ.ГГГГ чч:мм:сс`; `DD MM YYYY hh mm ss`
mean the same. `Д` and `М` are one or two digits, `ГГ` the last two of a year from 2000 on.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from lk_sync.records import Kind

_MARKS: Final = {
    "ГГГГ": ("year", r"\d{4}"),
    "ГГ": ("year", r"\d{2}"),
    "ДД": ("day", r"\d{2}"),
    "Д": ("day", r"\d{1,2}"),
    "ММ": ("month", r"\d{2}"),
    "М": ("month", r"\d{1,2}"),
    "чч": ("hour", r"\d{2}"),
    "ч": ("hour", r"\d{1,2}"),
    "мм": ("minute", r"\d{2}"),
    "сс": ("second", r"\d{2}"),
}
_LATIN: Final = str.maketrans("YDMhms", "ГДМчмс")
_NEEDED: Final[dict[Kind, tuple[str, ...]]] = {
    "date": ("year", "month", "day"),
    "month": ("year", "month"),
    "datetime": ("year", "month", "day", "hour", "minute"),
}
_NAMES: Final = {"year": "год (ГГГГ)", "month": "месяц (ММ)", "day": "день (ДД)", "hour": "час (чч)", "minute": "мм"}
_MARK: Final = re.compile("|".join(_MARKS))
CENTURY: Final = 2000


class DateForm:
    """A form that has been understood. Raises ValueError, in the operator's words, for one that is not."""

    def __init__(self, form: str, kind: Kind) -> None:
        self.form = form
        marks = [_MARKS[mark][0] for mark in _MARK.findall(form.translate(_LATIN))]
        if twice := next((mark for mark in marks if marks.count(mark) > 1), None):
            raise ValueError(f"в format «{form}» {_NAMES.get(twice, twice)} стоит дважды; пример: ДД.ММ.ГГГГ")
        if missing := [_NAMES[part] for part in _NEEDED[kind] if part not in marks]:
            raise ValueError(f"в format «{form}» нет того, что нужно полю: {', '.join(missing)}; пример: ДД.ММ.ГГГГ")
        self._pattern = re.compile(self._expression(form.translate(_LATIN)), re.ASCII)

    @staticmethod
    def _expression(form: str) -> str:
        pieces, at = [], 0
        for found in _MARK.finditer(form):
            name, digits = _MARKS[found[0]]
            pieces += [re.escape(form[at : found.start()]), f"(?P<{name}>{digits})"]
            at = found.end()
        return "".join(pieces) + re.escape(form[at:])

    def read(self, text: str) -> datetime:
        """Raises ValueError when the text is not of this form, or there is no such day."""
        found = self._pattern.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"не подходит под format «{self.form}»")
        parts = {name: int(digits) for name, digits in found.groupdict().items()}
        if len(found["year"]) == len("ГГ"):
            parts["year"] += CENTURY
        try:
            return datetime(**{"day": 1, **parts})  # type: ignore[arg-type]  # noqa: DTZ001 - the caller knows the zone
        except ValueError:
            raise ValueError("такой даты нет в календаре") from None
