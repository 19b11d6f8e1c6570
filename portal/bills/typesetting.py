"""Typesetting: how does the HTML of a bill become the pages of a PDF?

Runs in a worker process, never beside the pages of the portal. What all bills share is made once: fonts, the way of
cells, widths of words. Nothing is read but files of the template's own folder, and those within limits (`Bounds`): no
network, no other place of this machine, no picture that unpacks without end.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reportlab import rl_config
from reportlab.lib.fonts import addMapping
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus.flowables import Flowable
from xhtml2pdf import default, parser
from xhtml2pdf.config.resources import ResourceAccessError, ResourceAccessPolicy, render_budget, use_policy
from xhtml2pdf.context import pisaContext
from xhtml2pdf.default import DEFAULT_CSS, DEFAULT_PAGE_NAME
from xhtml2pdf.document import pisaStory
from xhtml2pdf.files import cleanFiles
from xhtml2pdf.tags import pisaTag
from xhtml2pdf.util import getSize, reset_caches
from xhtml2pdf.xhtml2pdf_reportlab import PmlBaseDoc

from portal.bills.cells import CellTag, collect, loop
from portal.bills.square import Square

FONTS: Final = Path(__file__).parent / "fonts"
FAMILY: Final = "KvitokSans"
BOLD: Final = "KvitokSans-Bold"
CODE_TAG: Final = "payment-code"
PAGES_TAG: Final = "page-count"
MEGABYTE: Final = 1024 * 1024
KINDS_OF_FILES: Final = frozenset({".css", ".png", ".jpg", ".jpeg", ".gif", ".ttf"})
FORGET_AFTER: Final = 200  # bills: widths of words and the like are kept for so many


class NotPrintable(ValueError):
    """The HTML of a bill cannot be set."""


@dataclass(frozen=True)
class Bounds(ResourceAccessPolicy):  # type: ignore[misc]  # xhtml2pdf has no types
    """What a template may read: files of a few kinds from its own folder, nothing through a link out of it."""

    def check_url(self, url: str) -> None:
        raise ResourceAccessError(f"сеть закрыта: {url[:120]!r}")

    def check_path(self, path: str | Path) -> None:
        super().check_path(path)
        if Path(path).suffix.lower() not in KINDS_OF_FILES:
            raise ResourceAccessError(f"такие файлы не читаются: {str(path)[:120]!r}")

    def check_local_size(self, size: int, where: str | Path) -> None:
        super().check_local_size(size, where)
        if str(where).startswith("data:"):
            raise ResourceAccessError("картинки внутри адреса (data:) не читаются")


def bounds(folder: Path) -> Bounds:
    """What the template of a folder may read, and how much."""
    return Bounds(
        base_dir=folder,
        allow_remote=False,
        max_resource_bytes=MEGABYTE,
        max_local_bytes=MEGABYTE,
        max_image_pixels=4_000_000,
        max_resources=30,
        max_total_bytes=4 * MEGABYTE,
        max_fetch_seconds=1,
        max_render_seconds=20,
        max_document_bytes=2 * MEGABYTE,
        max_depth=60,
        allow_remote_pdf_backgrounds=False,
    )


def prepare() -> None:
    """Once in a process, before the first bill."""
    pdfmetrics.registerFont(TTFont(FAMILY, FONTS / "regular.ttf"))
    pdfmetrics.registerFont(TTFont(BOLD, FONTS / "bold.ttf"))
    for italic in (0, 1):
        addMapping(FAMILY, 0, italic, FAMILY)
        addMapping(FAMILY, 1, italic, BOLD)
    for family in default.DEFAULT_FONT:  # the built-in ones know no Cyrillic
        default.DEFAULT_FONT[family] = FAMILY
    default.DEFAULT_FONT["kvitok sans"] = FAMILY
    rl_config.invariant = 1  # the same bill is the same file, byte for byte
    rl_config.useA85 = 0  # as bytes: a fifth shorter, and sooner written
    rl_config.canvas_basefontname = FAMILY
    for tag, kind in ((CODE_TAG, _CodeTag), (PAGES_TAG, _PagesTag), ("td", CellTag)):
        setattr(parser, f"pisaTag{tag.upper()}", kind)  # where the parser looks for the class of a tag
    parser.pisaLoop, parser.CSSCollect = loop, collect
    logging.getLogger("xhtml2pdf").setLevel(logging.WARNING)


class _CodeTag(pisaTag):  # type: ignore[misc]  # xhtml2pdf has no types
    """`<payment-code data="…" size="41mm">`: the square that a bank reads."""

    def start(self, context: Any) -> None:
        context.addPara()
        size = getSize(self.node.getAttribute("size") or "41mm")
        context.addStory(Square(bytes.fromhex(self.node.getAttribute("data")), size))


class _PagesTag(pisaTag):  # type: ignore[misc]  # xhtml2pdf has no types
    """`<page-count>`: «Страница 1 из 2». How many there are is known on the last one only, so all pages point to one
    drawing that is made then; setting the bill twice would be the other way."""

    def start(self, context: Any) -> None:
        context.addPara()
        context.addStory(_PageOf(context.frag.clone()))


class _PageOf(Flowable):  # type: ignore[misc]  # reportlab has no types
    """The number of the page in the frag's font, right-aligned; the total is the form `pages`."""

    def __init__(self, frag: Any) -> None:
        super().__init__()
        self.size = frag.fontSize

    def wrap(self, width: float, _: float) -> tuple[float, float]:
        self.width, self.height = width, self.size * 1.15
        return self.width, self.height

    def draw(self) -> None:
        canvas = self.canv
        room = pdfmetrics.stringWidth("000", FAMILY, self.size)
        canvas.setFont(FAMILY, self.size)
        canvas.drawRightString(self.width - room, self.size * 0.25, f"Страница {canvas.getPageNumber()} из ")
        canvas.saveState()
        canvas.translate(self.width - room, self.size * 0.25)
        canvas.scale(self.size, self.size)
        canvas.doForm("pages")
        canvas.restoreState()


class _Document(PmlBaseDoc):  # type: ignore[misc]  # xhtml2pdf has no types
    """Asks viewers to show the title of the bill and not the name of its file; is saved by `_built`."""

    _doSave = 0  # noqa: N815 - reportlab's name

    def beforeDocument(self) -> None:  # noqa: N802 - reportlab's name
        super().beforeDocument()
        self.canv.setViewerPreference("DisplayDocTitle", "true")


_set = 0


def typeset(html: str, folder: Path) -> bytes:
    """The PDF of a bill. Raises whatever is wrong with the HTML."""
    global _set
    context = pisaContext(f"{folder}/bill.html")
    context.resource_policy = policy = bounds(folder)
    try:
        with use_policy(policy), render_budget(policy):
            pisaStory(html, default_css=DEFAULT_CSS, encoding="utf-8", context=context)
            return _built(context)
    finally:
        cleanFiles()
        _set = (_set + 1) % FORGET_AFTER
        if not _set:
            reset_caches()


def _built(context: Any) -> bytes:
    body = context.templateList.pop(DEFAULT_PAGE_NAME, None)
    if body is None:
        raise NotPrintable("в стилях нет @page без имени: не сказано, каковы страница и её поля")
    made, meta = io.BytesIO(), context.meta
    document = _Document(
        made,
        pagesize=context.pageSize,
        **{name: meta[name].strip() for name in ("title", "author", "subject", "keywords")},
        lang=context.lang_tag or "ru",
        allowSplitting=1,
    )
    document.addPageTemplates([body, *context.templateList.values()])
    document.pisaPositioned = context.positioned
    document.build(context.story)
    _save(document.canv)
    return made.getvalue()


def _save(canvas: Any) -> None:
    pages = canvas.getPageNumber() - 1
    canvas.beginForm("pages", 0, -1, 4, 2)
    canvas.setFont(FAMILY, 1)
    canvas.drawString(0, 0, str(pages))
    canvas.endForm()
    canvas.save()
