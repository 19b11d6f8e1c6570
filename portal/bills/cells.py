"""Cells: how does a cell of plain text cost next to nothing?

A bill is mostly cells that hold a word or a number in one font. A paragraph of the typesetter for each of them, and the
search for its style, are what a bill spends its time on. Such a cell is set here instead: words are broken into lines,
the lines are drawn, and how it looks is remembered from the first one of its kind.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable
from typing import Any, Final, NamedTuple

from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus.flowables import Flowable
from xhtml2pdf import parser
from xhtml2pdf.tables import pisaTagTD
from xhtml2pdf.util import getSize
from xhtml2pdf.w3c.cssDOMElementInterface import CSSDOMElementInterface

ASCENT: Final = 0.75  # of a line's height lies above the foot of its letters
_SPACES: Final = re.compile("[ \t\r\n\f]+")  # those that HTML joins; others hold words together
RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
MOST_LOOKS: Final = 2_000
_ROWS: Final = frozenset({"table", "thead", "tbody", "tfoot", "tr"})
_ALIKE: Final = frozenset({"td", "tr", "tbody", "table", "*"})  # if no rule is for the place of one among these


class Plain(Flowable):  # type: ignore[misc]  # reportlab has no types
    """A text in one font, broken at spaces, and within a word only where a line holds no more of it."""

    def __init__(self, text: str, font: str, size: float, leading: float, color: Any, alignment: int) -> None:
        super().__init__()
        self.text, self.font, self.size, self.leading = text, font, size, leading
        self.color, self.alignment = color, alignment
        self._lines: list[tuple[float, str]] = []
        self._for = -1.0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        if width != self._for:
            self._for, self._lines = width, self._broken(width)
        self.width, self.height = width, len(self._lines) * self.leading
        return self.width, self.height

    def minWidth(self) -> float:  # noqa: N802 - the name that tables ask for
        return max((self._wide(word) for word in self.text.split(" ")), default=0.0)

    def draw(self) -> None:
        canvas = self.canv
        canvas.setFont(self.font, self.size)
        canvas.setFillColor(self.color)
        foot = self.height - self.size * ASCENT - (self.leading - self.size)
        for wide, line in self._lines if self.text else ():
            canvas.drawString(self._start(wide), foot, line)
            foot -= self.leading

    def _start(self, wide: float) -> float:
        if self.alignment == TA_RIGHT:
            return self.width - wide
        return (self.width - wide) / 2 if self.alignment == TA_CENTER else 0.0

    def _wide(self, text: str) -> float:
        return float(stringWidth(text, self.font, self.size))

    def _broken(self, width: float) -> list[tuple[float, str]]:
        whole = self._wide(self.text)
        if whole <= width:
            return [(whole, self.text)]
        lines: list[tuple[float, str]] = []
        line = ""
        for word in self.text.split(" "):
            longer = f"{line} {word}" if line else word
            if self._wide(longer) <= width:
                line = longer
                continue
            if line:
                lines.append((self._wide(line), line))
            *parts, line = self._parts(word, width)
            lines += [(self._wide(part), part) for part in parts]
        return [*lines, (self._wide(line), line)]

    def _parts(self, word: str, width: float) -> list[str]:
        """A word that is wider than a line, in pieces; the last one begins a line that others go on with."""
        parts, part = [], ""
        for letter in word:
            if part and self._wide(part + letter) > width:
                parts.append(part)
                part = ""
            part += letter
        return [*parts, part]


class Look(NamedTuple):
    """How a cell of a certain place and class looks: found out once, by the typesetter, then taken for all like it."""

    commands: tuple[tuple[Any, ...], ...]  # of the table, without the corners of the cell they are for
    width: Any
    empty_width: float
    font: str
    size: float
    leading: float
    color: Any
    alignment: int


_looks: Final[dict[Hashable, Look]] = {}
_styles: Final[dict[Hashable, Any]] = {}
_slow, _collect = parser.pisaLoop, parser.CSSCollect


class CellTag(pisaTagTD):  # type: ignore[misc]  # xhtml2pdf has no types
    """`<td>`: as the typesetter has it, unless its text is plain."""

    def start(self, context: Any) -> None:
        table = context.tableData
        known, padding = len(table.styles), context.frag.paddingLeft + context.frag.paddingRight
        super().start(context)
        self._commands = table.styles[known:]
        self._width = table.colw[table.col] if context.frag.width or self.attr.width else None
        self._padding = padding

    def end(self, context: Any) -> None:
        cell = None if context.story or context.frag.insideStaticFrame else plain(self.node, context)
        if cell is None:
            super().end(context)
            return
        if cell.text and not (self.attr.colspan or self.attr.rowspan or self._is_high(context)):
            self._learn(cell, context)
        context.clearFrag()
        context.force = False
        context.swapStory(self.story)
        context.tableData.add_cell(cell)

    def _is_high(self, context: Any) -> bool:
        return (context.frag.height or self.attr.get("height")) is not None

    def _learn(self, cell: Plain, context: Any) -> None:
        if not _ALIKE.isdisjoint(context.cssPositionalTags) or len(_looks) >= MOST_LOOKS:
            return
        _looks[place(self.node, context)] = Look(
            tuple((command[0], *command[3:]) for command in self._commands),
            self._width,
            self._padding,
            cell.font, cell.size, cell.leading, cell.color, cell.alignment,
        )  # fmt: skip


def place(node: Any, context: Any) -> Hashable:
    """What decides how an element looks: the stylesheet, its attributes, and the place of what it is in."""
    known = getattr(node, "lk_place", None)
    if known is None:
        parent = node.parentNode
        above = place(parent, context) if getattr(parent, "tagName", None) else (context.pathDirectory, context.cssText)
        known = node.lk_place = hash((above, node.tagName, tuple(sorted(node.attributes.items()))))
    return known


def collect(node: Any, context: Any) -> Any:
    """The style of an element, as the cascade gave it to the first one in such a place."""
    if {node.tagName, "*"} & context.cssPositionalTags:
        return _collect(node, context)
    where = place(node, context)
    known = _styles.get(where)
    if known is None:
        found = _collect(node, context)
        if len(_styles) < MOST_LOOKS:
            _styles[where] = context.cssAttrCache.get(
                parser.getCSSAttrCacheKey(node, context.cssPositionalTags, context.cssAttributeNames)
            )
        return found
    node.cssElement = CSSDOMElementInterface(node)  # whom a child asks that inherits
    node.cssAttrs = parser.resolveRootEm(known, context)
    return node.cssAttrs


def loop(node: Any, context: Any, **margins: Any) -> None:
    """The typesetter's walk through a document, past what costs much and gives nothing: spaces between the cells of a
    table, and cells that look like one that it has set before."""
    if node.nodeType == node.TEXT_NODE:
        if node.parentNode.tagName in _ROWS and node.data.isspace():
            return
    elif node.nodeType == node.ELEMENT_NODE and node.tagName == "td":
        look = _looks.get(place(node, context))
        if look is not None and not context.tableData.span and _put(node, context.tableData, look):
            return
    _slow(node, context, **margins)


def _put(node: Any, table: Any, look: Look) -> bool:
    text = _text(node)
    if text is None or RIGHT_TO_LEFT.intersection(map(unicodedata.bidirectional, text)):
        return False
    corner = table.col, table.row
    table.styles.extend([(command[0], corner, corner, *command[1:]) for command in look.commands])
    table.colw += (table.col + 1 - len(table.colw)) * [None]
    table.rowh += (table.row + 1 - len(table.rowh)) * [None]
    if look.width is not None:
        table.colw[table.col] = look.width
    elif text:
        table.col_with_content.add(table.col)
    else:
        table.col_empty_width[table.col] = look.empty_width
    table.add_cell(Plain(text, *look[3:]))
    return True


def _text(node: Any) -> str | None:
    """All that the element holds, if that is text; None: it holds more."""
    children = node.childNodes
    if not children:
        return ""
    if len(children) > 1 or children[0].nodeType != node.TEXT_NODE:
        return None
    return _SPACES.sub(" ", children[0].data).strip(" ")


def plain(node: Any, context: Any) -> Plain | None:
    """The cell of an element that holds nothing but a text in one font; None: it holds more."""
    text = _text(node)
    if text is None:
        return None
    frags = context.fragList if text else [context.frag]  # an empty cell is as high as one line
    if not frags or RIGHT_TO_LEFT.intersection(map(unicodedata.bidirectional, text)):
        return None
    frag = frags[0]
    leading = getSize(frag.leadingSource, frag.fontSize) + frag.leadingSpace
    return Plain(text, frag.fontName, frag.fontSize, max(leading, frag.fontSize), frag.textColor, frag.alignment)
