"""Browser: what does a visitor's browser do, as far as pages that work without JavaScript need one?

Keeps cookies (also secure ones: the loopback address counts as a secure place, as in real browsers), follows
redirects, reads forms with their hidden fields, and shows the text of a page as a person reads it.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

SECONDS: Final = 30
REDIRECTS: Final = 5
UNSEEN: Final = frozenset({"script", "style", "head"})
VOID: Final = frozenset({"input", "br", "img", "meta", "link", "hr"})


class Form(msgspec.Struct, kw_only=True):
    """A form and its fields as they would be sent if nothing were typed."""

    action: str
    method: str
    fields: dict[str, str] = {}
    boxes: dict[str, str] = {}


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What came. `text` is what a person reads, with single spaces."""

    address: str
    status: int
    text: str
    forms: tuple[Form, ...]

    def form(self, *names: str) -> Form:
        """The first form that has all these fields. Raises LookupError."""
        for form in self.forms:
            if set(names) <= form.fields.keys() | form.boxes.keys():
                return form
        raise LookupError(f"на странице {self.address} нет формы с полями {', '.join(names)}: {self.text[:500]}")


class Browser:
    """One visitor's browser on one site."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> Page:
        return self._go("GET", path, None)

    def send(self, page: Page, form: Form, typed: Mapping[str, str]) -> Page:
        """Fill in the form, tick its boxes, and press the button."""
        fields = form.fields | form.boxes | dict(typed)
        return self._go(form.method, urljoin(page.address, form.action), urlencode(fields), page.address)

    def _go(self, method: str, path: str, body: str | None, from_page: str | None = None) -> Page:
        for _ in range(REDIRECTS):
            address = urljoin(self._site, path)
            answer, text = self._ask(method, address, body, from_page)
            if answer.status not in (301, 302, 303, 307, 308):
                return read(address, answer.status, text)
            method, body, path = "GET", None, urljoin(address, answer.headers["Location"])
        raise RuntimeError(f"{path}: слишком много переадресаций")

    def _ask(
        self, method: str, address: str, body: str | None, from_page: str | None
    ) -> tuple[http.client.HTTPResponse, str]:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.netloc, timeout=SECONDS)
        try:
            connection.request(method, self._path(address), body, self._headers(body, from_page))
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
        finally:
            connection.close()
        self._keep(answer.headers.get_all("Set-Cookie", []))
        return answer, text

    @staticmethod
    def _path(address: str) -> str:
        parts = urlsplit(address)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _headers(self, body: str | None, from_page: str | None) -> dict[str, str]:
        headers = {"User-Agent": "lk-demo", "Accept": "text/html", "Accept-Language": "ru"}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._site}
        if from_page is not None:
            headers["Referer"] = from_page
        return headers

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self._cookies.pop(name, None)
                else:
                    self._cookies[name] = morsel.value


class _Reader(HTMLParser):
    """Collects visible text and forms."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.forms: list[Form] = []
        self._unseen = 0
        self._inside: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in UNSEEN:
            self._unseen += 1
        elif tag == "form":
            self._inside = Form(action=attributes.get("action", ""), method=attributes.get("method", "get").upper())
            self.forms.append(self._inside)
        elif tag == "input" and self._inside is not None and "name" in attributes:
            kind = attributes.get("type", "text")
            where = self._inside.boxes if kind == "checkbox" else self._inside.fields
            where[attributes["name"]] = attributes.get("value", "on" if kind == "checkbox" else "")
        elif tag not in VOID:
            self.text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self._unseen -= 1
        elif tag == "form":
            self._inside = None

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.text.append(data)


def read(address: str, status: int, html: str) -> Page:
    """The page that this HTML shows."""
    reader = _Reader()
    reader.feed(html)
    text = re.sub(r"\s+", " ", "".join(reader.text)).strip()
    return Page(address=address, status=status, text=text, forms=tuple(reader.forms))
