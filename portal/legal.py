"""Legal: which rules and which consent are in force, word for word?

`config/legal/<kind>/<version>.<language>.md`. The hash is that of the file, so that what somebody accepted can be
laid beside what is in the folder today. Old versions stay readable for ever.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

import msgspec
from markdown_it import MarkdownIt
from markupsafe import Markup

from lk_sync import config
from lk_sync.errors import SettingsError
from lk_sync.store.consents import Kind
from portal.language import LANGUAGES

KINDS: Final[tuple[Kind, ...]] = ("rules", "personal_data")
_VERSION: Final = re.compile(r"[0-9A-Za-z_-]+")


class Text(msgspec.Struct, frozen=True):
    """One version in one language. `title` is the first heading, `body` the rest as HTML."""

    kind: Kind
    version: str
    language: str
    sha256: str
    title: str
    body: Markup


def markdown(source: str) -> Markup:
    """HTML of a Markdown text; HTML inside it is shown, not obeyed."""
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(source)
    return Markup(html)  # noqa: S704 - the renderer has escaped what is not Markdown


class Legal:
    """Every version in the folder, read once. Raises SettingsError when one in force is missing or empty."""

    def __init__(self, folder: Path, in_force: config.Legal) -> None:
        self._in_force: dict[Kind, str] = {"rules": in_force.rules, "personal_data": in_force.personal_data}
        self._texts: dict[tuple[Kind, str, str], Text] = {}
        for kind in KINDS:
            for path in sorted((folder / kind).glob("*.md")):
                text = _read(path, kind)
                self._texts[kind, text.version, text.language] = text
            for language in LANGUAGES:
                if self.find(kind, self._in_force[kind], language) is None:
                    missing = folder / kind / f"{self._in_force[kind]}.{language}.md"
                    raise SettingsError(f"{missing}: нет текста, который объявлен действующим (legal.{kind})")

    def current(self, kind: Kind, language: str) -> Text:
        return self._texts[kind, self._in_force[kind], language]

    def find(self, kind: Kind, version: str, language: str) -> Text | None:
        return self._texts.get((kind, version, language))

    def versions(self, kind: Kind) -> list[str]:
        """Newest last."""
        return sorted(
            {version for found, version, _ in self._texts if found == kind}, key=lambda each: (len(each), each)
        )


def _read(path: Path, kind: Kind) -> Text:
    version, _, language = path.stem.rpartition(".")
    if not _VERSION.fullmatch(version) or language not in LANGUAGES:
        raise SettingsError(f"{path}: имя файла должно быть вида 1.ru.md (версия и язык)")
    try:
        content = path.read_bytes()
        source = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: текст не читается ({error})") from error
    heading, _, body = source.partition("\n")
    if not heading.startswith("# ") or not body.strip():
        raise SettingsError(f"{path}, строка 1: текст начинается с заголовка «# …»")
    return Text(kind, version, language, hashlib.sha256(content).hexdigest(), heading[2:].strip(), markdown(body))
