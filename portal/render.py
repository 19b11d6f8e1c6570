"""Render: how does a page become HTML, fast and in the reader's language?

One jinja2 environment per language is prepared when the process starts: every template is compiled there, and
every message that does not depend on data is translated at compile time, so that it costs a page nothing.
Templates stand beside their page (`portal/pages/<noun>/`) or, when shared, in `portal/templates/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp_jinja2
import jinja2
import msgspec
from aiohttp import web
from babel.support import Translations
from jinja2 import nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from lk_sync.config import Lk
from portal import assets
from portal.formats import Formats
from portal.language import LANGUAGES, SOURCE, translations
from portal.vocabulary import vocabulary

ROOT: Final = Path(__file__).parent
PLACES: Final = (ROOT / "pages", ROOT / "templates")


class MenuItem(msgspec.Struct, frozen=True):
    """A line of the menu: where it leads and its Russian title."""

    path: str
    title: str


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What the page around the content shows. `account` is the number on the bill; None: nobody is logged in."""

    language: str = SOURCE
    csrf: str = ""
    account: str | None = None


FRAME: Final = web.RequestKey("frame", Frame)
ANONYMOUS: Final = Frame()


class _ConstantMessages(NodeTransformer):
    """Replaces `_("…")` and `{% trans %}` without variables by their translation."""

    def __init__(self, catalogue: Translations) -> None:
        self._catalogue = catalogue

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - the name that NodeVisitor dispatches to
        self.generic_visit(node)
        if not isinstance(node.node, nodes.Name) or node.node.name not in ("_", "gettext"):
            return node
        if node.kwargs or len(node.args) != 1 or not isinstance(node.args[0], nodes.Const):
            return node
        text = self._catalogue.gettext(node.args[0].value).replace("%%", "%")
        return nodes.Const(Markup(text), lineno=node.lineno)  # noqa: S704 - messages come from our own catalogue


class LanguageEnvironment(jinja2.Environment):
    """Templates of one language."""

    def __init__(self, language: str, formats: Formats) -> None:
        super().__init__(
            loader=jinja2.FileSystemLoader(PLACES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
        )
        self.policies["ext.i18n.trimmed"] = True
        self._catalogue = translations(language)
        self.install_gettext_translations(self._catalogue, newstyle=True)  # type: ignore[attr-defined]
        self.globals.update(
            language=language,
            money=formats.money,
            volume=formats.volume,
            month=formats.month,
            day=formats.day,
            short_day=formats.short_day,
            moment=formats.moment,
            dial=formats.dial,
            tariff=formats.tariff,
            unit=vocabulary(language).units.__getitem__,
            method=vocabulary(language).methods.__getitem__,
            source=vocabulary(language).sources.__getitem__,
            document=vocabulary(language).documents.__getitem__,
        )

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _ConstantMessages(self._catalogue).visit(tree)
        return tree

    def compile_all(self) -> None:
        """Every template is compiled now: a broken one is found at start, and no page waits for the compiler."""
        for name in self.list_templates(extensions=["html", "txt"]):
            self.get_template(name)


ENVIRONMENTS: Final = {language: web.AppKey(f"templates_{language}", jinja2.Environment) for language in LANGUAGES}
FORMATS: Final = {language: web.AppKey(f"formats_{language}", Formats) for language in LANGUAGES}


def setup(app: web.Application, lk: Lk, menu: Sequence[MenuItem]) -> None:
    """Prepares all languages. Raises jinja2.TemplateSyntaxError for a template that cannot be compiled."""
    for language in LANGUAGES:
        formats = Formats(language, lk.zone)
        environment = LanguageEnvironment(language, formats)
        gettext = translations(language).gettext
        environment.globals.update(
            supplier=lk.supplier,
            languages=LANGUAGES,
            asset=assets.address,
            menu=[(item.path, gettext(item.title)) for item in menu],
        )
        environment.compile_all()
        app[ENVIRONMENTS[language]] = environment
        app[FORMATS[language]] = formats


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
