"""Audit: what has an independent examiner to say of a page, how much does it weigh, and is a keyboard enough for it?"""

from __future__ import annotations

import gzip
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Page

AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
MOST_HTML: Final = 12 * 1024  # gzipped
MOST_IN_ALL: Final = 30 * 1024  # at the first visit: the page, its looks, its icon
TO_BE_REACHED: Final = """() => {
  const groups = new Set();
  const wanted = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter(each => {
    const box = each.getBoundingClientRect();
    if (each.disabled || each.type === 'hidden' || each.ariaHidden || !box.width) return false;
    if (!each.checkVisibility()) return false;
    if (each.type !== 'radio') return true;  // of a group only one: from it arrows lead on
    const group = `${each.form?.action} ${each.name}`;
    return !groups.has(group) && groups.add(group);
  });
  wanted.forEach(each => each.setAttribute('data-wanted', each.type === 'radio' ? each.name : ''));
  document.activeElement?.blur();
  window.getSelection().removeAllRanges();
  return wanted.length;
}"""
REACHED: Final = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return '';
  const same = at.type === 'radio' ? `[data-wanted="${at.name}"]` : null;
  (same ? document.querySelector(same) : at)?.removeAttribute('data-wanted');
  const looks = getComputedStyle(at), box = at.getBoundingClientRect();
  if (looks.outlineStyle === 'none') return `not seen: ${at.outerHTML.slice(0, 120)}`;
  const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return seen ? '' : `out of sight: ${at.outerHTML.slice(0, 120)}`;
}"""
NOT_REACHED: Final = "() => [...document.querySelectorAll('[data-wanted]')].map(each => each.outerHTML.slice(0, 120))"
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


def out_of_reach(page: Page) -> list[str]:
    """What a keyboard alone does not come to by Tab, does not show that it is there, or comes to out of sight."""
    path, found = urlsplit(page.url).path, []
    waiting: int = page.evaluate(TO_BE_REACHED)
    for _ in range(waiting + 1):
        page.keyboard.press("Tab")
        if fault := page.evaluate(REACHED):
            found.append(f"{path}: {fault}")
    left: list[str] = page.evaluate(NOT_REACHED)
    return list(dict.fromkeys(found)) + [f"{path}: no Tab comes to {html}" for html in left[:3]]


def too_heavy(page: Page) -> list[str]:
    """The page as it was sent, packed as a server packs it."""
    size = len(gzip.compress(page.content().encode(), 6))
    return [f"{urlsplit(page.url).path}: {size} bytes of HTML under gzip"] if size > MOST_HTML else []
