"""fpdf2: the same rows by its own tables, the code as rectangles; all files lie in the working directory."""

import json
import sys
import time
from pathlib import Path

BEGAN = time.perf_counter()

from bills_clock import measure  # noqa: E402 - the clock is started before anything is loaded
from fpdf import FPDF  # noqa: E402 - the clock is started before anything is loaded

BILL = json.loads(Path("bill.json").read_text("utf-8"))


def print_one() -> bytes:
    pdf = FPDF(format="A4")
    pdf.add_font("bill", "", "regular.ttf")
    pdf.add_font("bill", "B", "bold.ttf")
    pdf.set_font("bill", size=8)
    pdf.set_title(BILL["title"])
    pdf.add_page()
    module = 41 / BILL["modules"]
    for x, y, length in BILL["runs"]:
        pdf.rect(12 + x * module, 12 + y * module, length * module, module, style="F")
    pdf.set_xy(60, 12)
    for line in BILL["strip"]:
        pdf.set_x(60)
        pdf.multi_cell(100, 4, line, new_x="LMARGIN", new_y="NEXT")
    pdf.set_y(60)
    for heading, widths, rows in BILL["tables"]:
        pdf.set_font("bill", "B", 9)
        pdf.cell(0, 6, heading, new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("bill", size=8)
        with pdf.table(col_widths=widths, line_height=4, first_row_as_headings=False) as table:
            for row in rows:
                table.row(row)
    return bytes(pdf.output())


measure(print_one, int(sys.argv[1]), BEGAN)
