"""Recipes: which cells must be asked for so that a field can be had as the mapping says, and how is it made of them?

A column that gives a field as it is becomes a field of the wish. Everything else is computed from operands: further
fields of the wish with a name of their own (`charged_kopecks#1`), brought by their kind like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from lk_sync.config import Expression, FieldSetting, FieldType, Lookup
from lk_sync.contracts import FieldMap, Wanted
from lk_sync.flow.validate import Unfit, converter
from lk_sync.records import Dataset, Field, Kind, Record
from lk_sync.settings_fault import Wrong, hint
from lk_sync.shaping import (
    Between,
    Cell,
    Computed,
    DayOf,
    First,
    Fixed,
    Found,
    Joined,
    Negated,
    Node,
    Read,
    Scaled,
    Sum,
)
from lk_sync.written_dates import DateForm

KEYS: Final = ("column", "constant", "sum", "negate", "concat", "coalesce", "lookup")
DEEPEST: Final = 2
_TYPE_KINDS: Final[dict[FieldType, tuple[Kind, ...]]] = {
    "text": ("text", "account", "code"),
    "int": ("int",),
    "bool": ("bool",),
    "money": ("money",),
    "volume": ("volume",),
    "date": ("date", "month"),
    "datetime": ("datetime", "date", "month"),
    "month": ("month",),
    "enum": ("code",),
}
_CALENDAR: Final[tuple[Kind, ...]] = ("date", "month", "datetime")
_FITS: Final[dict[str, tuple[Kind, ...]]] = {
    "sum": ("money", "volume", "int"),
    "negate": ("money", "volume"),
    "concat": ("text", "account", "code", *_CALENDAR),
    "scale": ("money", "volume"),
    "format": _CALENDAR,
}


class Recipes:
    """The fields of one wish. `title`: how the wish is named to a connector when it asks for lookups."""

    def __init__(self, title: str, time_zone: str) -> None:
        self._title, self._time_zone = title, time_zone
        self.operands: list[FieldMap] = []
        self.lookups: list[Wanted] = []

    def field(self, field: Field, ours: FieldSetting) -> FieldMap | Computed:
        """Raises Wrong, whose steps begin within the field."""
        _judge(field, ours)
        target = FieldMap(
            name=field.name,
            kind=field.kind,
            required=field.required,
            column=ours.column,
            constant=ours.constant,
            values=ours.values,
            words=field.words,
            any_case=ours.any_case,
        )
        if ours.constant is not None:
            self._fixed(target, ours.constant)
        if _is_plain(field, ours):
            return target
        maker = _Maker(self, msgspec.structs.replace(target, column=None), ours)
        return Computed(maker.target, maker.whole())

    def _fixed(self, target: FieldMap, constant: str, *steps: str | int) -> Fixed:
        try:
            return Fixed(converter(target, self._time_zone)(constant))
        except Unfit as error:
            raise Wrong(f"constant «{constant}»: {error}", *steps) from None

    def _operand(self, target: FieldMap, column: str, kind: Kind) -> Cell:
        """Asked for once, however many expressions need it."""
        coded = kind == "code" and target.kind == "code"
        found = FieldMap(
            name=f"{target.name}#{1 + sum(each.name.startswith(f'{target.name}#') for each in self.operands)}",
            kind=kind,
            required=False,
            column=column,
            values=target.values if coded else {},
            words=target.words if coded else (),
            any_case=coded and target.any_case,
        )
        for known in self.operands:
            if msgspec.structs.replace(known, name=found.name) == found:
                return Cell(known.name)
        self.operands.append(found)
        return Cell(found.name)

    def _lookup(self, target: FieldMap, lookup: Lookup, kind: Kind) -> int:
        key = Field(name="key", kind="text", required=True)
        value = Field(name="value", kind=kind, required=False, words=target.words)
        dataset = Dataset(
            name=f"{self._title}.{target.name}", record=Record, key=("key",), fields=(key, value), totals=()
        )
        self.lookups.append(
            Wanted(
                dataset=dataset,
                fields=(
                    FieldMap(name="key", kind="text", required=True, column=lookup.key),
                    msgspec.structs.replace(target, name="value", kind=kind, required=False, column=lookup.value),
                ),
                table=lookup.table,
                query=lookup.query,
                file=lookup.file,
                time_zone=self._time_zone,
                options=lookup.options,
            )
        )
        return len(self.lookups) - 1


class _Maker:
    """One field being made of an expression."""

    def __init__(self, recipes: Recipes, target: FieldMap, ours: FieldSetting) -> None:
        self._recipes, self._ours = recipes, ours
        self.target = msgspec.structs.replace(target, constant=None)

    def whole(self) -> Node:
        node = self._node(self._ours, 0, lenient=self._ours.default is not None)
        if self._ours.default is None:
            return node
        return First((node, self._recipes._fixed(self.target, self._ours.default, "default")))

    def _node(self, by: Expression, depth: int, *steps: str | int, lenient: bool = False) -> Node:
        word = _only_key(by, *steps)
        if depth >= DEEPEST and word not in ("column", "constant"):
            raise Wrong("выражения вкладываются не глубже одного раза", *steps, word)
        if word in _FITS and self.target.kind not in _FITS[word]:
            raise Wrong(f"{word} не подходит полю этого вида", *steps, word)
        match word:
            case "column":
                return self._leaf(str(by.column))
            case "constant":
                return self._recipes._fixed(self.target, str(by.constant), *steps, "constant")
            case "negate":
                return Negated(self._part(by.negate or "", depth, *steps, "negate"))
            case "sum":
                return Sum(tuple(self._parts(by.sum or (), depth, *steps, "sum")))
            case "coalesce":
                return First(tuple(self._parts(by.coalesce or (), depth, *steps, "coalesce", lenient=True)))
            case "concat":
                return self._joined(by.concat or (), depth, *steps, "concat")
        return self._found(by.lookup, *steps, "lookup", lenient=lenient)

    def _parts(
        self, parts: tuple[str | Expression, ...], depth: int, *steps: str | int, lenient: bool = False
    ) -> Iterator[Node]:
        if not parts:
            raise Wrong("пустой список", *steps)
        for i, part in enumerate(parts):
            yield self._part(part, depth, *steps, i, lenient=lenient)

    def _part(self, part: str | Expression, depth: int, *steps: str | int, lenient: bool = False) -> Node:
        return self._leaf(part) if isinstance(part, str) else self._node(part, depth + 1, *steps, lenient=lenient)

    def _leaf(self, column: str) -> Node:
        return self._made(self._recipes._operand(self.target, column, self._asked()))

    def _asked(self) -> Kind:
        """As what a cell of the source is asked for, of which `_made` makes one of the field."""
        if self._ours.format is not None:
            return "text"
        return "datetime" if _is_of_moment(self.target.kind, self._ours) else self.target.kind

    def _made(self, asked: Node) -> Node:
        if self._ours.format is not None:
            return Read(asked, msgspec.structs.replace(self.target, required=False), self._ours.format)
        if _is_of_moment(self.target.kind, self._ours):
            return DayOf(asked, month=self.target.kind == "month")
        return asked if self._ours.scale is None else Scaled(asked, self._ours.scale)

    def _joined(self, parts: tuple[str | Expression, ...], depth: int, *steps: str | int) -> Node:
        pieces: list[Node | Between] = []
        for i, part in enumerate(parts):
            if isinstance(part, str) and not any(letter.isalnum() for letter in part):
                pieces.append(Between(part))
            elif isinstance(part, str):
                pieces.append(self._recipes._operand(self.target, part, "text"))
            elif _only_key(part, *steps, i) == "column":
                pieces.append(self._recipes._operand(self.target, part.column or "", "text"))
            elif part.constant is not None:
                pieces.append(Fixed(part.constant))
            elif part.lookup is not None and depth + 1 < DEEPEST:
                pieces.append(self._found_text(part.lookup, *steps, i, "lookup"))
            else:
                raise Wrong("в concat бывают только столбцы, constant и lookup", *steps, i)
        if not any(isinstance(piece, Cell | Found) for piece in pieces):
            raise Wrong("в concat нет ни одного столбца", *steps)
        return Read(Joined(tuple(pieces)), msgspec.structs.replace(self.target, required=False), self._ours.format)

    def _found(self, lookup: Lookup | None, *steps: str | int, lenient: bool) -> Node:
        one = _of_one_origin(lookup, *steps)
        key = self._recipes._operand(self.target, one.column, "text")
        table = self._recipes._lookup(self.target, one, self._asked())
        return self._made(Found(key, table, absent_is_empty=lenient))

    def _found_text(self, lookup: Lookup, *steps: str | int) -> Found:
        """A part of a longer text; what the whole of it means is judged afterwards."""
        one = _of_one_origin(lookup, *steps)
        key = self._recipes._operand(self.target, one.column, "text")
        part = msgspec.structs.replace(self.target, values={}, words=(), any_case=False)
        table = self._recipes._lookup(part, one, "text")
        return Found(key, table, absent_is_empty=self._ours.default is not None)


def _of_one_origin(lookup: Lookup | None, *steps: str | int) -> Lookup:
    if lookup is None or sum(origin is not None for origin in (lookup.table, lookup.query, lookup.file)) != 1:
        raise Wrong("нужен ровно один из ключей from, query, file", *steps)
    return lookup


def _only_key(by: Expression, *steps: str | int) -> str:
    given = [key for key in KEYS if getattr(by, key) is not None]
    if len(given) != 1:
        raise Wrong(f"нужен ровно один из ключей {', '.join(KEYS[:-1])} и {KEYS[-1]}", *steps)
    return given[0]


def _is_plain(field: Field, ours: FieldSetting) -> bool:
    if ours.constant is not None:
        return True
    shaped = _is_of_moment(field.kind, ours) or any(
        each is not None for each in (ours.default, ours.format, ours.scale)
    )
    return ours.column is not None and not shaped


def _is_of_moment(kind: Kind, ours: FieldSetting) -> bool:
    """A day or month is wanted, and the column has a time of day as well."""
    return ours.type == "datetime" and kind in ("date", "month")


def _judge(field: Field, ours: FieldSetting) -> None:
    """Raises Wrong when a field cannot be had in this way."""
    _only_key(ours)
    if ours.type is not None and field.kind not in _TYPE_KINDS[ours.type]:
        right = next(word for word, kinds in _TYPE_KINDS.items() if field.kind in kinds)
        raise Wrong(f"тип {ours.type} не подходит, это поле типа {right}")
    if (ours.values or ours.any_case) and (field.kind != "code" or ours.constant is not None):
        word = "values бывает" if ours.values else "any_case бывает"
        raise Wrong(f"{word} только у столбцов типа enum и text с кодами")
    if ours.any_case and not ours.values and not field.words:
        raise Wrong("any_case бывает только рядом с values и у полей, коды которых перечислены")
    for code in (*ours.values.values(), *(each for each in (ours.constant, ours.default) if each is not None)):
        if field.words and code not in field.words:
            raise Wrong(f"неизвестный код «{code}»{hint(code, field.words)}")
    for word in ("scale", "format"):
        if getattr(ours, word) is not None and (field.kind not in _FITS[word] or ours.constant is not None):
            raise Wrong(f"{word} не подходит полю этого вида", word)
    if ours.format is not None:
        try:
            DateForm(ours.format, field.kind)
        except ValueError as error:
            raise Wrong(str(error), "format") from None
