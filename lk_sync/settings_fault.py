"""Settings fault: what is wrong with a settings tree, in which place, and what is the right word?

msgspec says it in English and leaves out which key of a mapping it was. Here the key is found and the sentence is
made for the operator.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec

Step = str | int
ANY_KEY: Final = "..."  # where msgspec leaves a key out
FEW: Final = 12  # so many right words are listed, more are not


class Wrong(Exception):
    """What is wrong with an understood part of a file; `steps` lead on to the key, from where it is caught."""

    def __init__(self, text: str, *steps: Step) -> None:
        super().__init__(text)
        self.steps = steps


def hint(word: str, known: Iterable[str]) -> str:
    """What the word was perhaps meant to be; or all right words, if they are few."""
    words = list(known)
    if near := difflib.get_close_matches(word, words, n=1, cutoff=0.5):
        return f"; может быть, «{near[0]}»?"
    return f"; есть: {', '.join(words) or 'ни одного'}" if len(words) <= FEW else ""


class Fault:
    """What msgspec says of a tree, in the words and places of the file."""

    def __init__(self, tree: Any, kind: Any, said: str, convert: Callable[[Any], object]) -> None:
        """`said`: what `convert(tree)`, a conversion to `kind`, was refused with."""
        self._tree, self._kind, self._convert = tree, kind, convert
        self._said, self._steps, self._of_key = _parsed(said)

    def told(self) -> tuple[list[Step], str]:
        self._name_keys()
        kinds = list(_kinds_at([self._kind], self._steps, of_key=self._of_key))
        if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", self._said, re.DOTALL):
            return [*self._steps, unknown[1]], f"неизвестный ключ{hint(unknown[1], _keys(kinds))}"
        return self._steps, _in_russian(self._said, kinds)

    def _name_keys(self) -> None:
        """Put the right key for every step that is unknown: the one that is refused even when it is alone."""
        for i, step in enumerate(self._steps):
            if step == ANY_KEY:
                mapping = _part(self._tree, self._steps[:i])
                self._steps[i] = next((key for key in mapping if self._is_refused(i, key, mapping)), ANY_KEY)

    def _is_refused(self, i: int, key: Any, mapping: Mapping[Any, Any]) -> bool:
        alone = _with_part(self._tree, self._steps[:i], {key: mapping[key]})
        try:
            self._convert(alone)
        except msgspec.ValidationError as error:
            if _parsed(str(error))[0] == self._said:
                self._tree = alone
                return True
        return False


_PLACE: Final = re.compile(r"(?P<said>.*?)(?: - at `(?P<key>key` in `)?\$?(?P<place>.*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


def _parsed(error: str) -> tuple[str, list[Step], bool]:
    """What is said, of which place, and whether it is said of a key there."""
    match = _PLACE.fullmatch(error)
    assert match is not None  # noqa: S101 - the pattern matches any text
    steps: list[Step] = [
        int(m[2]) if (m[2] or "").isdigit() else (m[1] or m[2]) for m in _STEP.finditer(match["place"] or "")
    ]
    of_key = match["key"] is not None
    return match["said"], [*steps, ANY_KEY] if of_key else steps, of_key


def _part(tree: Any, steps: Sequence[Step]) -> Any:
    for step in steps:
        tree = tree[step]
    return tree


def _with_part(tree: Any, steps: Sequence[Step], part: Any) -> Any:
    """A copy of the tree with another part at the place."""
    if not steps:
        return part
    step, *rest = steps
    changed = _with_part(tree[step], rest, part)
    if isinstance(tree, dict):
        return tree | {step: changed}
    return [changed if i == step else item for i, item in enumerate(tree)]


def _kinds_at(kinds: Iterable[Any], steps: Sequence[Step], *, of_key: bool) -> Iterator[Any]:
    """The kinds that the place may be of; of its key, if that is what is refused."""
    plain = [part for kind in kinds for part in _parts(kind)]
    if not steps:
        yield from plain
    elif of_key and len(steps) == 1:
        yield from (part for kind in plain if get_args(kind) for part in _parts(get_args(kind)[0]))
    else:
        inside = [part for kind in plain for part in _inside(kind, steps[0])]
        yield from _kinds_at(inside, steps[1:], of_key=of_key)


def _parts(kind: Any) -> Iterator[Any]:
    """The kind without its marks, or the kinds that it is a choice of."""
    if get_origin(kind) is Annotated:
        yield from _parts(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for part in get_args(kind):
            yield from _parts(part)
    else:
        yield kind


def _inside(kind: Any, step: Step) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from (field.type for field in msgspec.structs.fields(kind) if field.encode_name == step)
    elif arguments := get_args(kind):
        yield arguments[0] if isinstance(step, int) else arguments[-1]


def _keys(kinds: Iterable[Any]) -> list[str]:
    structs = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    return [field.encode_name for kind in structs for field in msgspec.structs.fields(kind)]


_NAMES: Final = {
    "str": "текст",
    "int": "целое число",
    "float": "число",
    "bool": "true или false",
    "array": "список",
    "object": "раздел из ключей и значений",
    "null": "пусто",
    "date": "дата",
    "datetime": "дата со временем",
}


def _in_russian(said: str, kinds: list[Any]) -> str:
    for pattern, say in _SENTENCES:
        if match := re.fullmatch(pattern, said, re.DOTALL):
            return say(match, kinds)
    return said


def _named(kind: str) -> str:
    return _NAMES.get(kind.removesuffix(" | null"), kind)


def _other_kind(match: re.Match[str], kinds: list[Any]) -> str:
    expected, got = match[1], match[2]
    quotes = "; возьмите значение в кавычки" if "str" in expected and got in ("int", "float", "bool", "date") else ""
    keys = _inside_of(_keys(kinds)) if expected.startswith("object") else ""
    return f"нужно: {_named(expected)}, а здесь: {_named(got)}{quotes}{keys}"


def _inside_of(keys: Sequence[str]) -> str:
    """What is to stand in a section that has been written as a plain value."""
    if list(keys) == ["secret"]:
        return "; пишется {secret: ИМЯ}, само значение — в переменной LK_ИМЯ или в файле, названном в LK_ИМЯ_FILE"
    return f"; ключи: {', '.join(keys[:FEW])}{'…' if len(keys) > FEW else ''}" if keys else ""


def _no_such_word(match: re.Match[str], kinds: list[Any]) -> str:
    known = [str(word) for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    return f"«{match[1]}» не подходит{hint(match[1], known)}"


_BOUNDS: Final = {"<=": "не больше", ">=": "не меньше", "<": "меньше", ">": "больше"}
_SENTENCES: Final[tuple[tuple[str, Callable[[re.Match[str], list[Any]], str]], ...]] = (
    (r"Object missing required field `(.*)`", lambda m, _: f"нет обязательного ключа «{m[1]}»"),
    (r"Invalid enum value '?(.*?)'?", _no_such_word),
    (r"Expected `(.*)`, got `(.*)`", _other_kind),
    (r"Expected `(.*)` ([<>]=?) (.*)", lambda m, _: f"нужно: {_named(m[1])} {_BOUNDS[m[2]]} {m[3]}"),
    (r"Expected `str` of length ([<>]=?) (.*)", lambda m, _: f"нужно: текст, знаков {_BOUNDS[m[1]]} {m[2]}"),
    (r"Expected `str` matching regex '(.*)'", lambda m, _: f"значение не подходит под образец {m[1]}"),
    (r"Expected `(.*)`", lambda m, _: f"нужно: {_named(m[1])}"),
)
