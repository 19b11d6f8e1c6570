"""Answers: which rows does a query of the interface give, in which order and which part of them?"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from demo.onec import virtual
from demo.onec.base import Base, Cells, guid
from demo.onec.filters import Misread, Reading, ordering
from demo.onec.model import NUMBER, SETS, EntitySet, Property, answers
from demo.onec.traps import Traps

JSON: Final = "application/json;odata=minimalmetadata;charset=utf-8"
PRESENTATION: Final = "____Presentation"
_OPTIONS: Final = {
    "$filter", "$select", "$orderby", "$top", "$skip", "$format", "$inlinecount", "allowedOnly", "$allowedOnly",
}  # fmt: skip
_PATH: Final = re.compile(r"(\w+)(?:/(\w+)(?:\((.*)\))?)?(/\$count)?", re.DOTALL)
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class Asked(msgspec.Struct, frozen=True):
    """A request: `Catalog_X`, `Register_X/Balance(…)`, with or without `/$count`."""

    entity_set: EntitySet
    function: str | None
    parameters: str
    count: bool
    options: Mapping[str, str]

    @classmethod
    def of(cls, path: str, query: str) -> Asked:
        match = _PATH.fullmatch(path)
        if match is None:
            raise Misread(6, f"Неверный URL: {path}")
        name, function, parameters, count = match.groups()
        if name not in SETS:
            raise Misread(8, f'Тип сущности "{name}" не найден')
        if function is not None and function not in SETS[name].functions:
            raise Misread(11, f"Метод не найден: {function}")
        return cls(SETS[name], function, parameters or "", count is not None, _options(query))


def _options(query: str) -> Mapping[str, str]:
    """Names are taken as they are written: `%24filter` is no option, and no complaint either."""
    pairs = [each.partition("=") for each in query.split("&") if each]
    if any("+" in value for _, _, value in pairs):
        raise Misread(14, "Ошибка разбора опций запроса: «+»")
    return {name: unquote(value) for name, _, value in pairs if name in _OPTIONS}


class Answers:
    """Answers from the base, with its traps."""

    def __init__(self, base: Base, traps: Traps) -> None:
        self._base, self._traps = base, traps
        self._chance = random.Random(17)

    def __call__(self, asked: Asked) -> tuple[bytes, str]:
        """Body and content type. Raises Misread."""
        rows = self._kept(asked)
        if asked.count:
            mark = "\ufeff" if self._traps.mark_before_count else ""
            return f"{mark}{len(rows)}".encode(), "text/plain;charset=utf-8"
        part = self._part(asked, self._ordered(asked, rows))
        shown = self._shown(asked, part)
        body: Cells = {"odata.metadata": f"$metadata#{asked.entity_set.name}"}
        if asked.options.get("$inlinecount") == "allpages":
            body["odata.count"] = str(len(rows))
        if self._traps.next_link:
            body["odata.nextLink"] = self._traps.next_link
        self._change(asked)
        return _encode(body | {"value": shown}), JSON

    def _option(self, asked: Asked, name: str) -> str | None:
        return None if name in self._traps.ignores else asked.options.get(name)

    def _reading(self, entity_set: EntitySet) -> Reading:
        return Reading(entity_set, guid_order=self._traps.guids_compare, strict=not self._traps.mistyped_is_empty)

    def _kept(self, asked: Asked) -> list[Cells]:
        entity_set, rows = asked.entity_set, self._base.rows[asked.entity_set.name]
        if asked.function is not None:
            rows, entity_set = self._virtual(asked)
        if text := self._option(asked, "$filter"):
            test = self._reading(entity_set).where(text)
            rows = [row for row in rows if test(row)]
        forbidden = [row for row in rows if self._is_forbidden(row)]
        if asked.count and self._traps.counts_all and "allowedOnly" not in asked.options:
            return list(rows)
        if forbidden and "true" not in (asked.options.get("allowedOnly"), asked.options.get("$allowedOnly")):
            raise Misread(20, "Ошибка прав доступа")
        return [row for row in rows if not self._is_forbidden(row)] if forbidden else list(rows)

    def _virtual(self, asked: Asked) -> tuple[list[Cells], EntitySet]:
        function = str(asked.function)
        told = virtual.parameters(asked.parameters, function, doubled=self._traps.doubled_quotes)
        name = asked.entity_set.name
        records = self._base.rows[f"{name}_RecordType" if f"{name}_RecordType" in SETS else name]
        rows = virtual.rows(function, asked.entity_set, records, told, self._reading(asked.entity_set))
        return rows, EntitySet(name, answers(asked.entity_set, function), ())

    def _is_forbidden(self, row: Cells) -> bool:
        return any(cell in self._traps.forbidden for name, cell in row.items() if name.endswith("_Key"))

    def _ordered(self, asked: Asked, rows: list[Cells]) -> list[Cells]:
        wished = self._option(asked, "$orderby")
        if not wished:
            return self._chance.sample(rows, len(rows)) if self._traps.unstable_order else rows
        for name, descending in reversed(self._reading(asked.entity_set).order(wished)):
            if self._has(asked.entity_set, name):
                rows = sorted(rows, key=ordering(asked.entity_set, name), reverse=descending)
        return rows

    @staticmethod
    def _has(entity_set: EntitySet, name: str) -> bool:
        return name in entity_set.by_name

    def _part(self, asked: Asked, rows: list[Cells]) -> list[Cells]:
        if asked.options.get("$inlinecount") == "allpages" and self._traps.inlinecount_takes_all:
            return rows
        skip, top = (self._number(asked, name) for name in ("$skip", "$top"))
        rows = rows[skip or 0 :]
        limits = [each for each in (top, self._traps.page_limit) if each is not None]
        return rows[: min(limits)] if limits else rows

    def _number(self, asked: Asked, name: str) -> int | None:
        text = self._option(asked, name)
        if text is not None and not text.isdecimal():
            raise Misread(14, f"Ошибка разбора опций запроса: {name}={text}")
        return None if text is None else int(text)

    def _shown(self, asked: Asked, rows: Iterable[Cells]) -> list[Cells]:
        inside = answers(asked.entity_set, asked.function) if asked.function else asked.entity_set.properties
        known, tabular = {each.name: each for each in inside}, asked.entity_set.tabular
        wished = asked.options.get("$select", "*").replace(" ", "").split(",")
        if any(not _selectable(name, known, tabular) for name in wished):
            if self._traps.mistyped_is_empty:
                return []
            raise Misread(10, f"Запрошенное свойство не найдено: {wished}")
        whole = ("*" in wished and list(known)) or ("**" in wished and [name for name in known if name not in tabular])
        names = list(dict.fromkeys([*(whole or ()), *(name.partition("/")[0] for name in wished if name[0] != "*")]))
        parts = {part: [name.partition("/")[2] for name in wished if name.startswith(f"{part}/")] for part in tabular}
        write = {name: self._writer(known.get(name)) for name in names}
        return [
            {name: _part_of(write[name](row.get(name, f"Представление {name}")), parts.get(name)) for name in names}
            for row in rows
        ]

    def _writer(self, of: Property | None) -> Callable[[Any], Any]:
        if of is not None and of.type == NUMBER and self._traps.numbers_as_text:
            return lambda cell: format(cell, "f") if isinstance(cell, Decimal) else cell
        return lambda cell: cell

    def _change(self, asked: Asked) -> None:
        """While somebody pages: the first row goes, and another one comes in the end."""
        rows = self._base.rows[asked.entity_set.name]
        if self._traps.changes > 0 and "$top" in asked.options and rows and "Ref_Key" in rows[0]:
            self._traps.changes -= 1
            first = min(rows, key=lambda row: str(row["Ref_Key"]))
            rows.remove(first)
            rows.append(first | {"Ref_Key": f"f{guid('changed', self._traps.changes)[1:]}"})


def _selectable(name: str, known: Mapping[str, Property], tabular: Iterable[str]) -> bool:
    """A property, all of them (`*`, without tabular parts `**`), a column of a tabular part, a presentation."""
    of, part = name.removesuffix(PRESENTATION), name.partition("/")[0]
    presents = name.endswith(PRESENTATION) and (of in known or f"{of}_Key" in known)
    return name in known or name in ("*", "**") or presents or ("/" in name and part in tabular)


def _part_of(cell: Any, columns: Iterable[str] | None) -> Any:
    """Of a tabular part, the wished columns."""
    return [{name: line.get(name) for name in columns} for line in cell] if columns else cell
