"""Language: which words does a reader see, and where do they come from?

Russian is the language of the sources: a message without a translation is its own Russian text. `locale/ru.po`
holds only what Russian needs beyond that (the three plural forms); `locale/en.po` translates what pages share, and
`pages/<noun>/en.po` what one page says. A message that stands in two of them has one translation.
Catalogues are compiled in memory when the process starts; no compiled file is kept.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from lk_sync.formats import LANGUAGES as LANGUAGES

SOURCE: Final = LANGUAGES[0]
HERE: Final = Path(__file__).parent


def N_(message: str) -> str:  # noqa: N802 - the name that message extractors look for
    """Marks a message for the catalogue; it is translated where it is shown."""
    return message


def catalogues(language: str) -> list[Path]:
    """The files of a language: what pages share comes first."""
    return [HERE / "locale" / f"{language}.po", *sorted((HERE / "pages").glob(f"*/{language}.po"))]


def catalogue(language: str) -> Catalog:
    """All messages of a language in one."""
    shared, *of_pages = (_read(path, language) for path in catalogues(language))
    for page in of_pages:
        for message in page:
            if message.id:
                shared[message.id] = message
    return shared


def _read(path: Path, language: str) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language)


@cache
def translations(language: str) -> Translations:
    """The catalogue of one of LANGUAGES."""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return Translations(compiled, domain="messages")


def accepted(header: str) -> str:
    """The first of LANGUAGES that an Accept-Language header prefers; Russian when it names none of them."""
    wanted: list[tuple[float, str]] = []
    for part in header[:200].split(","):
        tag, _, quality = part.partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        wanted.append((-weight, tag.strip().lower()[:2]))
    return next(
        (tag for weight, tag in sorted(wanted, key=lambda each: each[0]) if tag in LANGUAGES and weight), SOURCE
    )
