"""Render: how does a page become HTML in its reader's language?

One environment per language is prepared when the process starts. Templates stand beside their page
(`portal/pages/<noun>/`) or, when shared, in `portal/templates/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import aiohttp_jinja2
import jinja2
import msgspec
from aiohttp import web
from babel.support import Translations

from lk_sync.config import Lk, Supplier
from lk_sync.formats import Formats
from lk_sync.store.links import OWNER, Role
from portal import assets
from portal.language import LANGUAGES, SOURCE, translations
from portal.templating import LanguageEnvironment
from portal.vocabulary import vocabulary
from portal.works import Notice


class MenuItem(msgspec.Struct, frozen=True):
    """A line of the menu: where it leads and its Russian title. `aside`: beside the number of the account, for what is
    not about heat and money."""

    path: str
    title: str
    aside: bool = False


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What the page around the content shows. `account` is the number on the bill; None: nobody is logged in. `alias`:
    how its reader calls it. `unread`: notifications, up to a hundred. `role`: as whom the reader is there, `may`: what
    that lets him do (`Need` of access.py); `several`: there are other accounts to change to. `looks`: classes of the
    page, for size and contrast. `whose`: the mark of what this browser keeps for him. `notice`: works that go on or are
    planned; `will_close`: and close the portal."""

    language: str = SOURCE
    csrf: str = ""
    account: str | None = None
    notice: Notice | None = None
    will_close: bool = False
    unread: int = 0
    alias: str = ""
    role: Role = OWNER
    may: frozenset[str] = frozenset()
    several: bool = False
    looks: str = ""
    whose: str = ""


FRAME: Final = web.RequestKey("frame", Frame)
ANONYMOUS: Final = Frame()
ENVIRONMENTS: Final = {language: web.AppKey(f"templates_{language}", jinja2.Environment) for language in LANGUAGES}
FORMATS: Final = {language: web.AppKey(f"formats_{language}", Formats) for language in LANGUAGES}


Menus = Mapping[Role, Sequence[MenuItem]]


def setup(app: web.Application, lk: Lk, menus: Menus, kinds: Mapping[str, str]) -> None:
    """Prepares all languages; `menus`: what the menu holds for whom; `kinds` of requests: for whom each is. Raises
    jinja2.TemplateSyntaxError for a template that cannot be compiled."""
    fixed = tuple((role, tuple(items)) for role, items in menus.items())
    for language in LANGUAGES:
        app[FORMATS[language]] = formats = _formats(language, lk.zone)
        app[ENVIRONMENTS[language]] = _environment(language, formats, lk.supplier, fixed, tuple(kinds.items()))


@cache
def _formats(language: str, zone: ZoneInfo) -> Formats:
    return Formats(language, zone)


@cache
def _environment(
    language: str,
    formats: Formats,
    supplier: Supplier,
    menus: tuple[tuple[Role, tuple[MenuItem, ...]], ...],
    kinds: tuple[tuple[str, str], ...],
) -> jinja2.Environment:
    """Compiled once in a process, for all its applications."""
    catalogue, words = translations(language), vocabulary(language)
    environment = LanguageEnvironment(catalogue)
    environment.globals.update(
        language=language,
        supplier=supplier,
        request_kinds=dict(kinds),
        style=assets.address("portal.css"),
        icon=assets.address("icon.svg"),
        script=assets.address("kept.js"),
        phone_icon=assets.address("maskable-192.png"),
        menu={role: _lines(items, catalogue, aside=False) for role, items in menus},
        menu_aside={role: _lines(items, catalogue, aside=True) for role, items in menus},
    )
    environment.filters.update(
        money=formats.money,
        volume=formats.volume,
        dial=formats.dial,
        tariff=formats.tariff,
        month=formats.month,
        day=formats.day,
        short_day=formats.short_day,
        moment=formats.moment,
        unit=words.units.__getitem__,
        source=words.sources.__getitem__,
        document=words.documents.__getitem__,
    )
    environment.compile_all()
    return environment


def _lines(items: Sequence[MenuItem], catalogue: Translations, *, aside: bool) -> list[tuple[str, str]]:
    return [(item.path, catalogue.gettext(item.title)) for item in items if item.aside is aside]


def render(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    """The page `template` for the reader of this request. `frame` and `path` are there for every template."""
    frame = frame_of(request)
    context["frame"] = frame
    context["path"] = request.path
    text = aiohttp_jinja2.render_string(template, request, context, app_key=ENVIRONMENTS[frame.language])
    return web.Response(body=text.encode(), status=status, content_type="text/html", charset="utf-8")


def frame_of(request: web.Request) -> Frame:
    """What stands around the content: as the gate has found it, or a stranger's."""
    frame: Frame = request.get(FRAME, ANONYMOUS)
    return frame


def words(request: web.Request) -> Translations:
    """`gettext` and `ngettext` of the reader of this request, for messages that are made in Python."""
    return translations(frame_of(request).language)


def formats(request: web.Request) -> Formats:
    return request.app[FORMATS[frame_of(request).language]]
