"""Draft: how does the description of a source begin, made of what was found in it?

YAML that is loaded as it is; what is unsure or missing stands in comments beside it, with what might be written there.
Names of tables and columns go into it, values never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import yaml

from lk_sync.config import SourceSetting
from lk_sync.contracts import Found, FoundColumn
from lk_sync.discovery.matching import Guess, Match, guesses
from lk_sync.discovery.words import SURE_CONSTANTS
from lk_sync.records import DATASETS, Dataset, Field, Kind

WIDE: Final = 10**9
MOST_OTHERS: Final = 60
_TYPES: Final[Mapping[Kind, str]] = {"account": "text", "code": "text"}


class Draft(msgspec.Struct, frozen=True):
    """The text of the file, and what is missing in it: a sentence for each dataset."""

    text: str
    missing: tuple[str, ...]


def draft(setting: SourceSetting, tables: Sequence[Found], *, today: str) -> Draft:
    """`setting`: where the source is; its datasets are left out of account."""
    found = guesses(tables)
    lines: list[str] = []
    missing: list[str] = []
    for name, dataset in DATASETS.items():
        told, gaps = _dataset(dataset, found.get(name))
        lines += ["", *told]
        missing += gaps
    text = "\n".join([*_head(setting, missing, today), *lines, *_others(tables, found), ""])
    return Draft(text, tuple(missing))


def _head(setting: SourceSetting, missing: Sequence[str], today: str) -> Iterator[str]:
    yield f"# Набросок описания, lk-sync discover, {today}. По именам таблиц и столбцов, без взгляда на данные."
    yield "# Проверьте каждую строку; что в комментариях — неуверенно или не найдено. Потом: lk-sync check --connect."
    yield from (f"# Не хватает: {_comment(each)}" for each in missing)
    yield ""
    yield f"source: {_shown(setting.source)}"
    yield f"connection: {_shown(dict(setting.connection))}"
    yield f"time_zone: {_shown(str(setting.time_zone))}"
    yield "datasets:"


def _dataset(dataset: Dataset, guess: Guess | None) -> tuple[list[str], list[str]]:
    """Lines of the file, and what is missing."""
    if guess is None:
        return [f"  # {dataset.name}: подходящей таблицы не нашлось"], [
            f"{dataset.name}: подходящей таблицы не нашлось"
        ]
    live, lines = [], []
    for field in _wished(dataset):
        match = guess.fields.get(field.name)
        sure = match is not None and match.sure
        if sure:
            live.append(field.name)
        lines += list(_field(field, match, sure=sure))
    gaps = [field.name for field in _wished(dataset) if field.required and field.name not in live]
    made = [*_opening(dataset, guess), *lines]
    if not live:  # a mapping without a field is none
        made = [f"  # {line.strip().removeprefix('# ')}" for line in made]
    return made, [f"{dataset.name}: {', '.join(gaps)}"] if gaps else []


def _wished(dataset: Dataset) -> Iterator[Field]:
    """What a mapping has to describe: the number on the bill is the account's unless said otherwise."""
    return (field for field in dataset.fields if (dataset.name, field.name) != ("accounts", "number"))


def _opening(dataset: Dataset, guess: Guess) -> Iterator[str]:
    found = guess.found
    yield f"  {dataset.name}:" + ("" if guess.by_name else "  # выбрано только по столбцам")
    yield f"    {found.how}: {_shown(found.origin)}"
    if found.options:
        yield f"    options: {_shown(dict(found.options))}"
    if guess.changed:
        yield f"    watermark: {_shown(guess.changed)}"
    if guess.deleted:
        yield f"    deletes: {_shown({'flag': {'column': guess.deleted}})}"
    yield "    fields:"


def _field(field: Field, match: Match | None, *, sure: bool) -> Iterator[str]:
    if match is None:
        yield from _absent(field)
        return
    line = f"{field.name}: {_shown(_described(field, match))}"
    notes = [_comment(_seen(match.column))]
    if field.words:
        notes.append(f"впишите слова вашей системы: values: {{слово: {'|'.join(field.words)}}}")
    if not sure:
        notes.insert(0, "не уверены")
    yield f"      {'' if sure else '# '}{line}  # {'; '.join(notes)}"


def _absent(field: Field) -> Iterator[str]:
    if not field.required:
        return
    usual = SURE_CONSTANTS.get(field.name)
    instead = _shown({"constant": usual}) if usual is not None else "{column: …}"
    why = "не найдено; constant — если во всех строках одно и то же" if usual is not None else "не найдено"
    yield f"      # {field.name}: {instead}  # {why}"


def _described(field: Field, match: Match) -> dict[str, Any]:
    if match.through:
        table, key, value = match.through
        of = {"column": match.column.name, table.how: table.origin, "key": key, "value": value}
        column = next(each for each in table.columns if each.name == value)
        return {"lookup": of, "type": _type(field, column)}
    return {"column": match.column.name, "type": _type(field, match.column)}


def _type(field: Field, column: FoundColumn) -> str:
    if field.kind in ("date", "month") and column.kinds[:1] == ("datetime",):
        return "datetime"
    return "enum" if field.words else _TYPES.get(field.kind, field.kind)


def _seen(column: FoundColumn) -> str:
    return f"{column.type}, ссылка на {column.refers}" if column.refers else column.type


def _others(tables: Iterable[Found], found: Mapping[str, Guess]) -> Iterator[str]:
    used = {guess.found.origin for guess in found.values()}
    others = [each.origin for each in tables if each.origin not in used]
    if others:
        shown = ", ".join(others[:MOST_OTHERS])
        more = f" и ещё {len(others) - MOST_OTHERS}" if len(others) > MOST_OTHERS else ""
        yield ""
        yield f"# Есть ещё: {_comment(shown)}{more}"


def _shown(value: Any) -> str:
    """On one line, as YAML reads it back."""
    text: str = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, sort_keys=False, width=WIDE)
    return text.strip().removeprefix("[").removesuffix("]")


def _comment(text: str) -> str:
    """What a source wrote cannot end a comment."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
