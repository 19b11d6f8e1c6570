"""Audit: what has an independent examiner to say of a page, and how much does it weigh?"""

from __future__ import annotations

import gzip
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Page

AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
MOST_HTML: Final = 12 * 1024  # gzipped
MOST_IN_ALL: Final = 30 * 1024  # at the first visit: the page, its looks, its icon
RUN: Final = "() => axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)"


def faults(page: Page) -> list[str]:
    """What axe-core finds: rule, place, and how the place looks."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
    violations: list[dict[str, Any]] = page.evaluate(RUN)
    path = urlsplit(page.url).path
    return [
        f"{path}: {each['id']} ({each['help']}): {node['html'][:120]}"
        for each in violations
        for node in each["nodes"][:3]
    ]


def too_heavy(page: Page) -> list[str]:
    """The page as it was sent, packed as a server packs it."""
    size = len(gzip.compress(page.content().encode(), 6))
    return [f"{urlsplit(page.url).path}: {size} bytes of HTML under gzip"] if size > MOST_HTML else []
