"""Filters: for which rows is a `$filter` true, and in which order does `$orderby` put them?

What the interface of 1C understands, and with its traps: an equality of a composite reference with a plain guid holds
for no row, a property that does not exist holds for no row, guids may not be comparable by size. Raises `Misread`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from demo.onec.model import GUID, MOMENT, NAMESPACE, NUMBER, SETS, WHOLE, EntitySet

Cells = Mapping[str, Any]
Value = Callable[[Cells], Any]
MISSING: Final = object()  # what a property that does not exist has
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<moment>datetime'[^']*')|(?P<guid>guid'[^']*')|(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>\w+(?:/\w+)*)|(?P<sign>[(),:]))"
)
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}
_COUNT: Final[Mapping[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
}
_STEPS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class Misread(ValueError):
    """The query cannot be understood; `code` of 1C's errors."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Guid:
    value: str


@dataclass(frozen=True)
class Reference:
    """A guid together with the type of what it leads to."""

    kind: str
    value: str


class Reading:
    """How one entity set is read. `guid_order`: guids can be compared by size."""

    def __init__(self, entity_set: EntitySet, *, guid_order: bool, strict: bool, variable: str = "") -> None:
        self._set, self._variable = entity_set, variable
        self._types = {each.name: each.type for each in entity_set.properties}
        self._guid_order, self._strict = guid_order, strict

    def of_lines(self, part: str, variable: str) -> Reading:
        """How the lines of a tabular part are read, under the name of a variable."""
        if part not in self._set.tabular:
            raise Misread(10, f"Запрошенное свойство не найдено: {part}")
        lines = SETS[f"{self._set.name}_{part}"]
        return Reading(lines, guid_order=self._guid_order, strict=self._strict, variable=f"{variable}/")

    def where(self, text: str) -> Callable[[Cells], bool]:
        parser = _Parser(text, self)
        test = parser.any_of()
        parser.end()
        return lambda row: test(row) is True

    def order(self, text: str) -> list[tuple[str, bool]]:
        """(property, descending)."""
        parts = [each.split() for each in text.split(",")]
        if not all(parts) or any(len(part) > 2 or part[1:] not in ([], ["asc"], ["desc"]) for part in parts):
            raise Misread(14, f"Ошибка разбора опций запроса: $orderby={text}")
        for name, *_ in parts:
            self.known(name)
        return [(part[0], part[1:] == ["desc"]) for part in parts]

    def known(self, name: str) -> bool:
        if name not in self._types and self._strict:
            raise Misread(10, f"Запрошенное свойство не найдено: {name}")
        return name in self._types

    def cell(self, name: str) -> Value:
        name = name.removeprefix(self._variable)
        if not self.known(name):
            return lambda row: MISSING
        if f"{name}_Type" in self._types:
            return lambda row: Reference(row[f"{name}_Type"].removeprefix(f"{NAMESPACE}."), row[name])
        kind = self._types[name]
        if kind == GUID:
            return lambda row: Guid(row[name])
        if kind in (NUMBER, WHOLE):
            return lambda row: None if row[name] is None else Decimal(row[name])
        return lambda row: row[name]

    def compared(self, word: str, one: Any, other: Any) -> bool:
        if MISSING in (one, other):
            return False
        if word not in ("eq", "ne") and Guid in (type(one), type(other)) and not self._guid_order:
            raise Misread(0, f"Операция {word} не поддерживается для уникальных идентификаторов")
        if {type(one), type(other)} == {Reference, Guid}:
            return False  # the trap: without cast() nothing is found, and nothing is said
        if isinstance(one, Guid) and isinstance(other, Guid):
            one, other = one.value, other.value
        try:
            return _COMPARE[word](one, other)
        except TypeError:
            raise Misread(14, f"Несравнимые значения в {word}") from None


class _Parser:
    def __init__(self, text: str, reading: Reading) -> None:
        self._tokens = _tokens(text)
        self._reading = reading
        self._at = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _word(self, *words: str) -> str | None:
        kind, text = self._peek()
        if kind in ("name", "sign") and text in words:
            self._at += 1
            return text
        return None

    def _need(self, sign: str) -> None:
        if self._word(sign) is None:
            raise Misread(14, f"Ошибка разбора опций запроса: ожидается «{sign}», а стоит «{self._peek()[1]}»")

    def end(self) -> None:
        if self._peek()[0] != "end":
            raise Misread(14, f"Ошибка разбора опций запроса: лишнее «{self._peek()[1]}»")

    def any_of(self) -> Value:
        parts = [self._all_of()]
        while self._word("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) is True for part in parts)

    def _all_of(self) -> Value:
        parts = [self._negated()]
        while self._word("and"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) is True for part in parts)

    def _negated(self) -> Value:
        if self._word("not"):
            inner = self._negated()
            return lambda row: inner(row) is not True
        return self._comparison()

    def _comparison(self) -> Value:
        left = self._sum()
        if word := self._word(*_COMPARE):
            right, compared = self._sum(), self._reading.compared
            return lambda row: compared(word, left(row), right(row))
        return left

    def _sum(self) -> Value:
        return self._chain(self._product, "add", "sub")

    def _product(self) -> Value:
        return self._chain(self._primary, "mul", "div")

    def _chain(self, part: Callable[[], Value], *words: str) -> Value:
        value = part()
        while word := self._word(*words):
            value = _counted(_COUNT[word], value, part())
        return value

    def _primary(self) -> Value:
        kind, text = self._take()
        if kind == "sign" and text == "(":
            inner = self.any_of()
            self._need(")")
            return inner
        if kind == "name" and self._peek() == ("sign", "("):
            part, _, how = text.rpartition("/")
            return self._over_lines(part, all_of=how == "all") if how in ("any", "all") and part else self._call(text)
        if kind == "name":
            literal = {"true": True, "false": False, "null": None}
            return _fixed(literal[text]) if text in literal else self._reading.cell(text)
        if kind in _LITERALS:
            return _fixed(_LITERALS[kind](text))
        raise Misread(14, f"Ошибка разбора опций запроса рядом с «{text}»")

    def _over_lines(self, part: str, *, all_of: bool) -> Value:
        """`Строки/any(d: d/Сумма gt 10)`."""
        self._need("(")
        _, variable = self._take()
        self._need(":")
        outside, self._reading = self._reading, self._reading.of_lines(part, variable)
        test = self.any_of()
        self._reading = outside
        self._need(")")
        over = all if all_of else any
        return lambda row: over(test(line) is True for line in row[part])

    def _call(self, name: str) -> Value:
        self._need("(")
        arguments = [self.any_of()]
        while self._word(","):
            arguments.append(self.any_of())
        self._need(")")
        if name not in _FUNCTIONS or len(arguments) not in _FUNCTIONS[name][0]:
            raise Misread(21, f"Вызов нереализованной функции {name}")
        do = _FUNCTIONS[name][1]
        return lambda row: _called(do, [argument(row) for argument in arguments])


def _called(do: Callable[..., Any], values: list[Any]) -> Any:
    return MISSING if MISSING in values else do(*values)


def _counted(do: Callable[[Decimal, Decimal], Decimal], one: Value, other: Value) -> Value:
    return lambda row: _called(do, [one(row), other(row)])


def _fixed(value: Any) -> Value:
    return lambda row: value


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise Misread(14, f"Ошибка разбора опций запроса рядом с «{text[at : at + 20]}»")
        found.append((str(match.lastgroup), match[0].strip()))
        at = match.end()
    return found


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text[9:-1]).isoformat(timespec="seconds")
    except ValueError:
        raise Misread(14, f"Неверная дата {text}") from None


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Misread(14, f"Неверное число {text}") from None


_LITERALS: Final[Mapping[str, Callable[[str], Any]]] = {
    "moment": _moment,
    "guid": lambda text: Guid(text[5:-1].lower()),
    "text": lambda text: text[1:-1].replace("''", "'"),
    "number": _number,
}


def _cast(value: Any, kind: str) -> Any:
    if isinstance(value, Guid):
        return Reference(kind, value.value)
    if isinstance(value, Reference):
        return value if value.kind == kind else None
    return value


def _like(text: str, template: str) -> bool:
    pattern = re.escape(template).replace("%", ".*").replace("_", ".")
    return re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) is not None


def _date_added(moment: str, unit: str, count: Decimal) -> str:
    if unit not in _STEPS:
        raise Misread(21, f"dateadd: единица {unit}")
    return (datetime.fromisoformat(moment) + timedelta(seconds=int(count) * _STEPS[unit])).isoformat()


def _difference(one: str, other: str, unit: str) -> Decimal:
    if unit not in _STEPS:
        raise Misread(21, f"datedifference: единица {unit}")
    seconds = int((datetime.fromisoformat(other) - datetime.fromisoformat(one)).total_seconds())
    return Decimal(seconds // _STEPS[unit])


_FUNCTIONS: Final[Mapping[str, tuple[tuple[int, ...], Callable[..., Any]]]] = {
    "startswith": ((2,), lambda text, part: text.startswith(part)),
    "endswith": ((2,), lambda text, part: text.endswith(part)),
    "substringof": ((2,), lambda part, text: part in text),
    "like": ((2,), _like),
    "concat": ((2,), lambda one, other: one + other),
    "year": ((1,), lambda moment: Decimal(moment[:4])),
    "month": ((1,), lambda moment: Decimal(moment[5:7])),
    "day": ((1,), lambda moment: Decimal(moment[8:10])),
    "dateadd": ((3,), _date_added),
    "datedifference": ((3,), _difference),
    "cast": ((2,), _cast),
    "isof": ((2,), lambda value, kind: isinstance(value, Reference) and value.kind == kind),
}


def ordering(entity_set: EntitySet, name: str) -> Callable[[Cells], Any]:
    """The cell by which rows are put in order."""
    kind = entity_set.by_name[name].type
    if kind in (NUMBER, WHOLE):
        return lambda row: Decimal(row[name] or 0)
    return (lambda row: row[name]) if kind == MOMENT else (lambda row: str(row[name]))
