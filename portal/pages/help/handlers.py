"""Help: how does one use this portal, step by step, what do the words of a bill mean, and for whom is it made?

The texts (`<text>.<language>.md`) name the supplier's own days and telephone; they are made once at start.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import jinja2
import msgspec
from aiohttp import web
from markupsafe import Markup

from lk_sync import settings_file
from lk_sync.config import Lk
from portal.access import language, public
from portal.keys import MANUAL
from portal.language import LANGUAGES
from portal.legal import markdown
from portal.render import render
from portal.works import never_closed

HERE: Final = Path(__file__).parent
TEXTS: Final = ("manual", "accessibility")
Pair = Annotated[tuple[str, str], "the word, and what it means"]


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`id`: the place on the page."""

    id: str
    ru: Pair
    en: Pair


class Checked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When every page was last examined, and by which axe-core."""

    checked_on: str
    axe: str


routes = web.RouteTableDef()


@routes.get("/help")
@public
@never_closed
async def manual(request: web.Request) -> web.Response:
    return render(request, "help/page.html", manual=request.app[MANUAL]["manual", language(request)])


@routes.get("/help/words")
@public
@never_closed
async def words(request: web.Request) -> web.Response:
    reader = language(request)
    told = [(each.id, *(each.en if reader == "en" else each.ru)) for each in glossary()]
    return render(request, "help/words.html", glossary=told)


@routes.get("/help/accessibility")
@public
@never_closed
async def accessibility(request: web.Request) -> web.Response:
    return render(request, "help/accessibility.html", statement=request.app[MANUAL]["accessibility", language(request)])


@cache
def glossary() -> Sequence[Word]:
    return settings_file.read(HERE / "words.yaml", list[Word])


@cache
def checked() -> Checked:
    return settings_file.read(HERE / "accessibility.yaml", Checked)


def manuals(lk: Lk) -> dict[tuple[str, str], Markup]:
    """Text and language → what is to be read."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, which `markdown` escapes
    )
    told = {"supplier": lk.supplier, "window": lk.readings, "portal": lk.portal, **msgspec.structs.asdict(checked())}
    return {
        (text, each): markdown(environment.get_template(f"{text}.{each}.md").render(told))
        for text in TEXTS
        for each in LANGUAGES
    }
