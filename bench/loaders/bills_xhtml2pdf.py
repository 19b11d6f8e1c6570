"""xhtml2pdf: ours, and as its manual shows it. Arguments: count, `ours` or `plain`."""

import io
import sys
import time
from pathlib import Path

BEGAN = time.perf_counter()

import msgspec  # noqa: E402 - the clock is started before anything is loaded
from bills_clock import measure  # noqa: E402 - the clock is started before anything is loaded

COUNT, WAY = int(sys.argv[1]), sys.argv[2]

if WAY == "ours":
    from portal.bills.paper import Paper
    from portal.bills.wire import Setup
    from portal.bills.worker import Press

    PRESS = Press(msgspec.msgpack.decode(Path("setup.msgpack").read_bytes(), type=Setup))
    PAPER = msgspec.msgpack.decode(Path("bill.msgpack").read_bytes(), type=Paper)
    measure(lambda: PRESS.printed(PAPER)[1:], COUNT, BEGAN)
else:
    from xhtml2pdf import pisa

    TEXT = Path("pisa.html").read_text("utf-8")

    def print_one() -> bytes:
        made = io.BytesIO()
        pisa.CreatePDF(TEXT, made, path="./pisa.html")
        return made.getvalue()

    measure(print_one, COUNT, BEGAN)
