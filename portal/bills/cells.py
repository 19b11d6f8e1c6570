"""Cells: how does a cell of plain text cost next to nothing?

A bill is mostly cells that hold a word or a number in one font. A paragraph of the typesetter for each of them is what
a bill spends its time on; such a cell is set here instead: words are broken into lines, and the lines are drawn.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus.flowables import Flowable
from xhtml2pdf.tables import pisaTagTD
from xhtml2pdf.util import getSize

ASCENT: Final = 0.75  # of a line's height lies above the foot of its letters
_SPACES: Final = re.compile("[ \t\r\n\f]+")  # those that HTML joins; others hold words together
RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


class Plain(Flowable):  # type: ignore[misc]  # reportlab has no types
    """A text in one font, broken at spaces, and within a word only where a line holds no more of it."""

    def __init__(self, text: str, font: str, size: float, leading: float, color: Any, alignment: int) -> None:
        super().__init__()
        self._text, self._font, self._size, self._leading = text, font, size, leading
        self._color, self._alignment = color, alignment
        self._lines: list[tuple[float, str]] = []
        self._for = -1.0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        if width != self._for:
            self._for, self._lines = width, self._broken(width)
        self.width, self.height = width, len(self._lines) * self._leading
        return self.width, self.height

    def minWidth(self) -> float:  # noqa: N802 - the name that tables ask for
        return max((self._wide(word) for word in self._text.split(" ")), default=0.0)

    def draw(self) -> None:
        canvas = self.canv
        canvas.setFont(self._font, self._size)
        canvas.setFillColor(self._color)
        foot = self.height - self._size * ASCENT - (self._leading - self._size)
        for wide, line in self._lines:
            canvas.drawString(self._start(wide), foot, line)
            foot -= self._leading

    def _start(self, wide: float) -> float:
        if self._alignment == TA_RIGHT:
            return self.width - wide
        return (self.width - wide) / 2 if self._alignment == TA_CENTER else 0.0

    def _wide(self, text: str) -> float:
        return float(stringWidth(text, self._font, self._size))

    def _broken(self, width: float) -> list[tuple[float, str]]:
        whole = self._wide(self._text)
        if whole <= width:
            return [(whole, self._text)]
        lines: list[tuple[float, str]] = []
        line = ""
        for word in self._text.split(" "):
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


class CellTag(pisaTagTD):  # type: ignore[misc]  # xhtml2pdf has no types
    """`<td>`: as the typesetter has it, unless its text is plain."""

    def end(self, context: Any) -> None:
        cell = None if context.story or context.frag.insideStaticFrame else plain(self.node, context)
        if cell is None:
            super().end(context)
            return
        context.clearFrag()
        context.force = False
        context.swapStory(self.story)
        context.tableData.add_cell(cell)


def plain(node: Any, context: Any) -> Plain | str | None:
    """The cell of an element that holds nothing but a text in one font; None: it holds more."""
    children = node.childNodes
    if not children:
        return ""
    if len(children) > 1 or children[0].nodeType != node.TEXT_NODE:
        return None
    text = _SPACES.sub(" ", children[0].data).strip(" ")
    if not text:
        return ""
    frags = context.fragList
    if not frags or any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in text):
        return None
    frag = frags[0]
    leading = getSize(frag.leadingSource, frag.fontSize) + frag.leadingSpace
    return Plain(text, frag.fontName, frag.fontSize, max(leading, frag.fontSize), frag.textColor, frag.alignment)
