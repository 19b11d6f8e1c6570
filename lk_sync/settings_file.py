"""Settings file: what does a YAML file say, and if it is not understood, which line is it and what should stand there?

Refused with file, line and the nearest right word: what is no YAML, a key that stands twice, an unknown key, a value
of another kind. Relative paths in a file start at the folder of that file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import yaml

from lk_sync.errors import SettingsError
from lk_sync.settings_fault import Fault, Step

S = TypeVar("S")


class ZoneName(str):
    """The name of a time zone that exists on this machine."""

    __slots__ = ()


def read(path: Path, kind: type[S]) -> S:
    """The file as `kind`. Raises SettingsError with file, line and what to write instead."""
    return convert(load(path), kind, path=path)


def load(path: Path) -> Any:
    """The file as YAML sees it. Raises SettingsError when it is no YAML or a key stands twice."""
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{path}, строка {line}: это не YAML ({error.problem})") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: это не YAML ({' '.join(str(error).split())})") from error
    if twice := _key_twice(node):
        raise SettingsError(f"{path}, строка {_line_of(twice)}: ключ «{twice.value}» задан дважды")
    return tree


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: нет такого файла настроек") from error
    except OSError as error:
        raise SettingsError(f"{path}: файл настроек не читается ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: файл настроек не в кодировке UTF-8 (байт {error.start})") from error


def _key_twice(node: Any) -> Any:
    """The node of a key that stands in its mapping for the second time."""
    children = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                return key
            seen.add(key.value)
            children.append(value)
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    return next(filter(None, map(_key_twice, children)), None)


def convert(
    tree: Any,
    kind: type[S],
    *,
    path: Path,
    at: Sequence[Step] = (),
    variables: Mapping[tuple[Step, ...], str] | None = None,
) -> S:
    """`tree`, which stands in the file at `at`, as `kind`.

    `variables`: places whose value came from an environment variable, which an error names instead of the file.
    """
    try:
        return _convert(tree, kind, path)
    except msgspec.ValidationError as error:
        steps, sentence = Fault(tree, kind, str(error), lambda part: _convert(part, kind, path)).told()
        variable = (variables or {}).get((*at, *steps))
        place = variable or where(path, *at, *steps)
        raise SettingsError(f"{place}: {sentence}") from error


def where(path: Path, *steps: Step) -> str:
    """The place in the file for people: `config/lk.yaml, строка 12: portal.port`."""
    try:
        line = _line(yaml.compose(_text(path), Loader=yaml.SafeLoader), steps)
    except (SettingsError, yaml.YAMLError):
        line = None
    place = ".".join(str(step) for step in steps)
    return f"{path}{f', строка {line}' if line else ''}{': ' if place else ''}{place}"


def _line(node: Any, steps: Sequence[Step]) -> int | None:
    """The line of the innermost step that the file has."""
    found = node
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                break
            found, node = pair
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node = node.value[step]
        else:
            break
    return _line_of(found) if found is not None else None


def _line_of(node: Any) -> int:
    line: int = node.start_mark.line + 1
    return line


def _convert(tree: Any, kind: type[S], path: Path) -> S:
    return msgspec.convert(tree, kind, strict=False, dec_hook=_values_beside(path))


def _values_beside(file: Path) -> Callable[[type, Any], Any]:
    """Values of kinds that YAML does not know."""

    def decode(kind: type, value: Any) -> Any:
        if kind is Path and isinstance(value, str):
            return (file.parent / value).absolute()
        if kind is ZoneName and isinstance(value, str):
            return _zone(value)
        raise ValueError("нужен текст" if kind in (Path, ZoneName) else f"{kind} не читается")

    return decode


def _zone(name: str) -> ZoneName:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"неизвестный часовой пояс «{name}»; пример: Europe/Moscow") from None
    return ZoneName(name)
