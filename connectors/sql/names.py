"""Names: which parts has the name of a table that the mapping writes?

`Таблица`, `схема.Таблица`. A part is taken as it is written, case and spaces included; one that holds a dot or a quote
stands in quotes of any server's kind, doubled inside: `"a.b"`, `` `a.b` ``, `[a.b]`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from lk_sync.errors import SettingsError

_PART: Final = re.compile(
    r'"(?P<double>(?:[^"]|"")+)"|`(?P<back>(?:[^`]|``)+)`|\[(?P<square>(?:[^\]]|\]\])+)\]|(?P<plain>[^."`\[\]]+)'
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN: Final = re.compile(r"[^\s.\"`\[\]](?:[^.\"`\[\]]*[^\s.\"`\[\]])?")


def parts(name: str, *, most: int = 2) -> list[str]:
    """The parts without their quotes. Raises SettingsError for what cannot be a name."""
    found: list[str] = []
    at = 0
    while part := _PART.match(name, at):
        found.append(_unquoted(part))
        at = part.end()
        if at == len(name) or name[at] != ".":
            break
        at += 1
    if at != len(name) or not name or name.endswith(".") or len(found) > most or _CONTROL.search(name):
        raise SettingsError(
            f"«{name[:100]}» не может быть именем таблицы: нужно «Таблица» или «схема.Таблица»; часть с точкой или "
            'кавычкой внутри заключите в кавычки, кавычку в ней удвойте: "a.b"'
        )
    return found


def _unquoted(part: re.Match[str]) -> str:
    for kind, quote in (("double", '"'), ("back", "`"), ("square", "]")):
        if (text := part[kind]) is not None:
            return text.replace(quote * 2, quote)
    return part["plain"].strip()


def written(own_parts: Sequence[str]) -> str:
    """How the mapping writes the name that has these parts."""
    return ".".join(part if _PLAIN.fullmatch(part) else '"' + part.replace('"', '""') + '"' for part in own_parts)
