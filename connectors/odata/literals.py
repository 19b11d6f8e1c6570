"""Literals: how are conditions, moments and names written in an address so that nothing can step out of its place?

Values come from settings and from the base itself. Every one is written by the type of the property that it is compared
with, or refused; addresses are percent-encoded here, with a literal `$` and `%20` for a space.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from connectors.odata.metadata import Property
from connectors.odata.settings import Condition
from lk_sync.errors import SettingsError

SIGNS: Final = ("eq", "ne", "gt", "ge", "lt", "le")
NO_REFERENCE: Final = "00000000-0000-0000-0000-000000000000"
_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,10})?", re.ASCII)
_TYPE: Final = re.compile(r"\w+")
_RELATIVE: Final = re.compile(r"(today|month|year)(?:-(\d{1,3}))?")


def guid(value: str) -> str:
    if not _GUID.fullmatch(value):
        raise SettingsError(f"«{value[:60]}» — не уникальный идентификатор (8-4-4-4-12 шестнадцатеричных цифр)")
    return f"guid'{value.lower()}'"


def moment(value: datetime) -> str:
    """1C knows no parts of a second, and no time zones."""
    return f"datetime'{value.replace(microsecond=0, tzinfo=None).isoformat()}'"


def text(value: str) -> str:
    if any(ord(letter) < ord(" ") for letter in value):
        raise SettingsError("управляющий знак в условии; уберите его")
    return "'" + value.replace("'", "''") + "'"


def told_moment(value: str, today: datetime) -> datetime:
    """`2026-03-01`, `2026-03-01T10:00:00`, `today`, `month-2`. `today`: now on the supplier's clock."""
    if match := _RELATIVE.fullmatch(value):
        return _begun(today.replace(hour=0, minute=0, second=0, microsecond=0), match[1], int(match[2] or 0))
    try:
        return datetime.fromisoformat(value).replace(tzinfo=None)
    except ValueError as error:
        raise SettingsError(f"«{value[:60]}» — не дата; нужно 2026-03-01, today, month, month-1 или year") from error


def _begun(today: datetime, unit: str, ago: int) -> datetime:
    if unit == "today":
        return today - timedelta(days=ago)
    if unit == "year":
        return today.replace(year=today.year - ago, month=1, day=1)
    return month_begun(today.year * 12 + today.month - 1 - ago)


def month_begun(count: int) -> datetime:
    """The beginning of a month that is counted from the year 0."""
    return datetime(count // 12, count % 12 + 1, 1)  # noqa: DTZ001 - 1C knows no time zones


def condition(of: Condition, found: Property, today: datetime) -> str:
    """`Сумма gt 10`. Raises SettingsError for a value that the property cannot have."""
    given = {sign: value for sign in SIGNS if (value := getattr(of, sign)) is not None}
    if len(given) != 1:
        raise SettingsError(f"условие на «{of.column}»: нужен ровно один из ключей {', '.join(SIGNS)}")
    ((sign, value),) = given.items()
    try:
        return f"{of.column} {sign} {_value(of, found, value, today)}"
    except SettingsError as error:
        raise SettingsError(f"условие на «{of.column}»: {error}") from None


def _value(of: Condition, found: Property, value: str | int | bool, today: datetime) -> str:
    told = str(value).lower() if isinstance(value, bool) else str(value)
    if of.type is not None or found.composite:
        if of.type is None or not _TYPE.fullmatch(of.type):
            raise SettingsError("реквизит составного типа; добавьте type: Document_Имя (на что он ссылается)")
        return f"cast({guid(told)},'{of.type}')"
    match found.family:
        case "guid":
            return guid(told)
        case "bool" if told in ("true", "false"):
            return told
        case "moment":
            return moment(told_moment(told, today))
        case "whole" | "number" if _NUMBER.fullmatch(told):
            return told
        case "text" | "word":
            return text(told)
    raise SettingsError(f"«{told[:60]}» не бывает значением типа {found.type}")


def all_of(conditions: Iterable[str]) -> str:
    return " and ".join(f"({each})" if " or " in each else each for each in conditions)


def address(path: str, query: Mapping[str, str]) -> str:
    """What stands after the root, encoded."""
    asked = "&".join(f"{quote(name, safe='$')}={quote(value, safe=_PLAIN)}" for name, value in query.items())
    return f"{quote(path, safe=_PLAIN + '/$')}{'?' if asked else ''}{asked}"


_PLAIN: Final = "(),':*"
