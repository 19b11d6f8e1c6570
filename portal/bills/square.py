"""Square: how is a payment code drawn on a bill so that a printer at any resolution draws it sharply?

One path of whole modules, scaled as a whole: no picture, so nothing is blurred.
"""

from __future__ import annotations

from typing import Final

import segno
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus.flowables import Flowable

QUIET_ZONE: Final = 4  # modules around the code, as ISO/IEC 18004 asks
ERROR_CORRECTION: Final = "m"
MASK: Final = 3  # any may be used; to try all eight takes longer than the rest of a bill


class Square(Flowable):  # type: ignore[misc]  # reportlab has no types
    """The code in a square of `size` points, with its quiet zone."""

    def __init__(self, code: bytes, size: float) -> None:
        super().__init__()
        self.width = self.height = size
        self.hAlign = "CENTER"
        self._rows, self._modules = runs(code)

    def wrap(self, *_: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        canvas: Canvas = self.canv
        scale = self.width / self._modules
        canvas.saveState()
        canvas.setFillGray(0)
        canvas.scale(scale, scale)
        canvas.addLiteral(f"{self._rows} f")
        canvas.restoreState()


def runs(code: bytes) -> tuple[str, int]:
    """Dark modules as rectangles a row's run wide, in the words of PDF; and how many modules a side has."""
    square = segno.make_qr(code, error=ERROR_CORRECTION, mode="byte", boost_error=False, mask=MASK)
    rows = [bytes(row) for row in square.matrix]
    modules = len(rows) + 2 * QUIET_ZONE
    drawn = (
        f"{QUIET_ZONE + start} {modules - QUIET_ZONE - 1 - number} {length} 1 re"
        for number, row in enumerate(rows)
        for start, length in _dark(row)
    )
    return " ".join(drawn), modules


def _dark(row: bytes) -> list[tuple[int, int]]:
    found, at = [], row.find(1)
    while at >= 0:
        end = row.find(0, at)
        end = len(row) if end < 0 else end
        found.append((at, end - at))
        at = row.find(1, end)
    return found
