"""WeasyPrint: the same HTML, the code as SVG. Arguments: count. `page.html` and fonts lie in the working directory."""

import sys
import time
from pathlib import Path

BEGAN = time.perf_counter()

from bills_clock import measure  # noqa: E402 - the clock is started before anything is loaded
from weasyprint import HTML  # noqa: E402 - the clock is started before anything is loaded
from weasyprint.text.fonts import FontConfiguration  # noqa: E402 - the clock is started before anything is loaded

FONTS = FontConfiguration()
TEXT = Path("page.html").read_text("utf-8")

measure(lambda: HTML(string=TEXT, base_url=".").write_pdf(font_config=FONTS), int(sys.argv[1]), BEGAN)
