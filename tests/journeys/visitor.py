"""Visitor: a person at a real browser, who complains of everything that is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Request, Response, sync_playwright

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIDEWAYS: Final = "() => document.documentElement.scrollWidth - window.innerWidth"
GIVEN_UP: Final = "net::ERR_ABORTED"  # the visitor went on before it had come
WATCHED: Final = ("error", "warning")


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """A browser of one's own, as wide as `width`. Leaving it raises AssertionError if there was something to complain
    of: a page that can be moved sideways, a word of the console, a request or an answer that failed."""

    def __init__(self, browser: Browser, site: str, *, width: int = 1280, **context: Any) -> None:
        self._context = browser.new_context(
            base_url=site, locale="ru-RU", viewport={"width": width, "height": 800}, **context
        )
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self._listen()

    def _listen(self) -> None:
        page, complain = self.page, self.complaints.append
        page.on("console", lambda said: complain(f"console: {said.text}") if said.type in WATCHED else None)
        page.on("pageerror", lambda error: complain(f"script: {error}"))
        page.on("requestfailed", self._judge_failure)
        page.on("response", self._judge)

    def _judge(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.request.method} {response.url}: {response.status}")

    def _judge_failure(self, request: Request) -> None:
        if request.failure != GIVEN_UP:
            self.complaints.append(f"{request.url}: {request.failure}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()
        if error is None:
            assert not self.complaints, self.complaints

    def go(self, path: str) -> None:
        self.page.goto(path)
        self.look()

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()
        self.look()

    def follow(self, link: str) -> None:
        self.page.get_by_role("link", name=link, exact=True).first.click()
        self.look()

    def look(self) -> None:
        """The page is there, and nothing of it lies beyond the edge."""
        self.page.wait_for_load_state()
        over = self.page.evaluate(SIDEWAYS)
        if over > 0:
            self.complaints.append(f"{self.path}: {over} pixels lie beyond the edge")

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    @property
    def heading(self) -> str:
        return self.page.get_by_role("heading", level=1).inner_text()

    @property
    def text(self) -> str:
        """What stands in the middle of the page, with plain spaces."""
        return " ".join(self.page.locator("main").inner_text().split())

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.locator(f"input[name={name}]").fill(value)
