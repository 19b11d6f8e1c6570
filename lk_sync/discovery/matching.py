"""Matching: which table is probably which dataset, and which column which field?

By names only, and by the kinds a column can hold; no value is looked at. What agrees with a word is `sure`, what merely
contains one is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

import msgspec

from lk_sync.contracts import Found, FoundColumn
from lk_sync.discovery.words import CHANGED, DELETED, FIELDS, TABLES
from lk_sync.records import DATASETS, Dataset, Field

WHOLE, BEGINS, HOLDS = 100, 50, 30
SHORTEST_PART: Final = 4
MOST_LOOKED_AT: Final = 40  # a big 1C has thousands of objects
ENOUGH_FIELDS: Final = 0.7  # of the required ones, where no name of a table says anything
BY_NAME_ONLY: Final = frozenset({"equipment"})  # any catalog of an account has a code and a title
PRESENTED: Final = frozenset({"Code", "Description"})
NAMES: Final = frozenset({"holder_name", "title", "address", "model", "place"})
OF_HEAD: Final = frozenset({"account", "period"})
OF_ANOTHER: Final = "holder_"  # fields of the subscriber, who may be an object of his own
_OBJECT: Final = re.compile(
    r"^(?:Catalog|Document|DocumentJournal|Constant|ExchangePlan|ChartOf[A-Za-z]+|[A-Za-z]+Register)_(.*?)(?:_RecordType)?$"
)
_TURNOVER: Final = "turnover"


class Match(msgspec.Struct, frozen=True):
    """A column that may be a field. `through`: the column is a reference, and this column of that table gives it."""

    column: FoundColumn
    score: int
    through: tuple[Found, str, str] | None = None  # table, its key, its value

    @property
    def sure(self) -> bool:
        return self.score >= WHOLE // 2


class Guess(msgspec.Struct, frozen=True):
    """A table that may hold a dataset. `by_name`: its name says so, not only its columns."""

    found: Found
    fields: Mapping[str, Match]
    by_name: bool
    changed: str | None = None
    deleted: str | None = None


class _Tables:
    """All tables: by origin, and by the one column that is their whole key."""

    def __init__(self, tables: Sequence[Found]) -> None:
        self.by_origin = {each.origin: each for each in tables if len(each.key) == 1}
        self.by_key: dict[str, list[Found]] = {}
        for each in self.by_origin.values():
            self.by_key.setdefault(each.key[0], []).append(each)


@cache
def plain(name: str) -> str:
    """`dbo.ЛицевыеСчёта` → `лицевыесчета`."""
    letters = "".join(letter for letter in name.lower().replace("ё", "е") if letter.isalnum())
    return letters.removesuffix(_TURNOVER) or letters


@cache
def _title(how: str, origin: str) -> str:
    """The name of a table without the schema, of a file without folder and ending, of an object of 1C without what it
    is."""
    if how == "file":
        return plain(origin.rpartition("/")[2].partition(".")[0])
    named = _OBJECT.match(origin.partition("/")[0])
    return plain(named[1] if named else origin.rpartition(".")[2].strip('"'))


@cache
def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@cache
def likeness(name: str, words: str) -> int:
    """How well a plain name agrees with some words, the first of which are the likeliest; 0 = not at all."""
    best = 0
    for place, word in enumerate(_words(words)):
        if name == word:
            return WHOLE - place
        if len(word) >= SHORTEST_PART:
            if name.startswith(word) or name.endswith(word):
                best = max(best, BEGINS - 1 - place - min(len(name) - len(word), 9))
            elif word in name:
                best = max(best, HOLDS - place)
    return best


def guesses(tables: Sequence[Found]) -> dict[str, Guess]:
    """The likeliest table for every dataset that has one."""
    made, known = {}, _Tables(tables)
    for name, dataset in DATASETS.items():
        candidates = _likely(name, tables)
        rated = [(_rating(score, guess, dataset), guess) for score, guess in _guessed(candidates, dataset, known)]
        best = max(rated, key=lambda pair: pair[0], default=None)
        if best is not None and best[0] > 0:
            made[name] = best[1]
    return made


def _likely(name: str, tables: Sequence[Found]) -> list[tuple[int, Found]]:
    """The tables to be looked at: those whose name says something, else those that surely have an account."""
    scored = [(likeness(_title(each.how, each.origin), TABLES[name]), each) for each in tables]
    named = sorted((pair for pair in scored if pair[0]), key=lambda pair: -pair[0])
    if named or name in BY_NAME_ONLY:
        return named[:MOST_LOOKED_AT]
    words = FIELDS[name].get("account", "")
    return [(0, each) for each in tables if _has_sure(each, words)][:MOST_LOOKED_AT]


def _has_sure(found: Found, words: str) -> bool:
    return any(likeness(_pointed(column), words) >= WHOLE // 2 for column in found.columns)


def _guessed(candidates: Sequence[tuple[int, Found]], dataset: Dataset, tables: _Tables) -> Iterator[tuple[int, Guess]]:
    for score, found in candidates:
        fields = {
            field.name: match
            for field in dataset.fields
            if (match := _match(dataset, field, found, tables)) is not None
        }
        yield (
            score,
            Guess(found, fields, by_name=score > 0, changed=_of_kind(found, CHANGED, "datetime"), deleted=_flag(found)),
        )


def _rating(score: int, guess: Guess, dataset: Dataset) -> float:
    """A name counts; then how many of the required fields are there."""
    required = [field.name for field in dataset.fields if field.required and field.name in FIELDS[dataset.name]]
    found = sum(guess.fields[name].score for name in required if name in guess.fields) / (WHOLE * len(required))
    sure = sum(name in guess.fields and guess.fields[name].sure for name in required)
    if guess.by_name:
        return score + WHOLE * found
    return found if sure >= ENOUGH_FIELDS * len(required) and "account" in guess.fields else 0


def _match(dataset: Dataset, field: Field, found: Found, tables: _Tables) -> Match | None:
    words = FIELDS[dataset.name].get(field.name)
    if words is None:
        return None
    matches = [match for column in found.columns if (match := _column(field, column, words, tables)) is not None]
    matches = matches or list(_by_key(field, found, tables)) or list(_of_another(field, found, words, tables))
    return max(matches, key=lambda match: (match.score, -len(match.column.name)), default=None)


def _column(field: Field, column: FoundColumn, words: str, tables: _Tables) -> Match | None:
    score = likeness(_pointed(column), words)
    if not score:
        return None
    if column.refers is not None or _is_reference(column):
        through = _through(field, column, words, tables)
        return Match(column, score, through) if through else None
    return Match(column, score) if field.kind in column.kinds else None


def _is_reference(column: FoundColumn) -> bool:
    return column.type == "Edm.Guid" and field_of_reference(column.name) != column.name


def field_of_reference(name: str) -> str:
    """`ЛицевойСчет_Key` → `ЛицевойСчет`."""
    return name.removesuffix("_Key")


def _pointed(column: FoundColumn) -> str:
    return plain(field_of_reference(column.name) if column.type == "Edm.Guid" else column.name)


def _through(field: Field, column: FoundColumn, words: str, tables: _Tables) -> tuple[Found, str, str] | None:
    """What the table that a reference leads to has to say: the field itself by name, else its code or its title."""
    target = tables.by_origin.get(column.refers or "")
    if target is None:
        return None
    plain_columns = [each for each in target.columns if field.kind in each.kinds and each.type != "Edm.Guid"]
    likely = [(likeness(plain(each.name), words), each.name) for each in plain_columns if each.name not in PRESENTED]
    score, name = max(likely, default=(0, ""))
    if score < WHOLE // 2:
        usual = "Description" if field.name in NAMES else "Code"
        name = next((each.name for each in plain_columns if each.name == usual), "")
    return (target, target.key[0], name) if name else None


def _by_key(field: Field, found: Found, tables: _Tables) -> Iterator[Match]:
    """The account and the month of a line stand in its head: a table whose only key is named as a column of ours."""
    if field.name not in OF_HEAD:
        return
    for column in found.columns:
        for table in tables.by_key.get(column.name, ()):
            if table is not found:
                yield from _of_head(field, column, table)


def _of_another(field: Field, found: Found, words: str, tables: _Tables) -> Iterator[Match]:
    """What the object says that a reference leads to."""
    if not field.name.startswith(OF_ANOTHER):
        return
    for column in found.columns:
        if table := tables.by_origin.get(column.refers or ""):
            yield from (
                Match(column, score, (table, table.key[0], each.name))
                for each in table.columns
                if field.kind in each.kinds and (score := likeness(plain(each.name), words)) >= WHOLE // 2
            )


def _of_head(field: Field, column: FoundColumn, table: Found) -> Iterator[Match]:
    for other in table.columns:
        score = likeness(plain(other.name), FIELDS["bills"][field.name])
        if score and field.kind in other.kinds and other.name not in (column.name, *PRESENTED):
            yield Match(column, score, (table, column.name, other.name))


def _of_kind(found: Found, words: str, kind: str) -> str | None:
    likely = [(likeness(plain(each.name), words), each.name) for each in found.columns if kind in each.kinds[:1]]
    score, name = max(likely, default=(0, ""))
    return name if score >= WHOLE // 2 else None


def _flag(found: Found) -> str | None:
    return _of_kind(found, DELETED, "bool")
