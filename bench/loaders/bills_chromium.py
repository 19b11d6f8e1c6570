"""Chromium: the same HTML, printed by a browser that is kept open; all files lie in the working directory."""

import sys
import time
from pathlib import Path

BEGAN = time.perf_counter()

from bills_clock import measure  # noqa: E402 - the clock is started before anything is loaded
from playwright.sync_api import sync_playwright  # noqa: E402 - the clock is started before anything is loaded

with sync_playwright() as driver:
    browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    page = browser.new_page()

    def print_one() -> bytes:
        page.goto(Path("page.html").resolve().as_uri())
        return page.pdf(format="A4", prefer_css_page_size=True)

    measure(print_one, int(sys.argv[1]), BEGAN)
    browser.close()
