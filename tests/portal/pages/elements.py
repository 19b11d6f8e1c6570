"""Html: what stands on a page, as its reader and as a screen reader would find it?"""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Final

from portal.assets import address

VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
REFERENCES: Final = ("for", "aria-labelledby", "aria-describedby")


class Element:
    """An element of the page. `text` is all text inside it, with white space made single."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.children: list[Element | str] = []

    @property
    def text(self) -> str:
        parts = (child if isinstance(child, str) else child.text for child in self.children)
        return re.sub(r"[ \n\t]+", " ", "".join(parts)).strip()

    def all(self, tag: str, class_: str | None = None) -> list[Element]:
        found: list[Element] = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and (class_ is None or class_ in child.attributes.get("class", "").split()):
                    found.append(child)
                found += child.all(tag, class_)
        return found

    def one(self, tag: str, class_: str | None = None) -> Element:
        found = self.all(tag, class_)
        assert len(found) == 1, f"{len(found)} × <{tag} class={class_}>"
        return found[0]

    def field(self, name: str) -> str:
        """The value of the field `name` of this form."""
        (found,) = (each for each in self.all("input") if each.attributes.get("name") == name)
        return found.attributes.get("value", "")


class _Builder(HTMLParser):
    """Builds the tree and refuses what a strict reader would: unclosed and crossed elements, doubled attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self.at = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        doubled = [name for name, times in Counter(name for name, _ in attrs).items() if times > 1]
        assert not doubled, f"<{tag}> line {self.getpos()[0]}: doubled attributes {doubled}"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.at.tag, f"line {self.getpos()[0]}: </{tag}> closes <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def parse(text: str) -> Element:
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert builder.at is builder.root, f"<{builder.at.tag}> is never closed"
    return builder.root


def check(text: str) -> Element:
    """The page, if it is well formed and its parts find each other; AssertionError otherwise."""
    assert text.startswith("<!doctype html>")
    page = parse(text)
    everything = _everything(page)
    ids = Counter(each.attributes["id"] for each in everything if "id" in each.attributes)
    assert not [name for name, times in ids.items() if times > 1], ids
    for each in everything:
        for reference in REFERENCES:
            for wanted in each.attributes.get(reference, "").split():
                assert wanted in ids, f"<{each.tag} {reference}> leads nowhere: {wanted}"
    _check_headings(everything)
    _check_fields(everything)
    return page


def _everything(element: Element) -> list[Element]:
    inside = [child for child in element.children if isinstance(child, Element)]
    return inside + [each for child in inside for each in _everything(child)]


def _check_headings(everything: list[Element]) -> None:
    assert [each.tag for each in everything].count("h1") == 1, "a page has one h1"
    assert [each.tag for each in everything].count("main") == 1, "a page has one main"
    (title,) = (
        each for each in everything if each.tag == "title" and each.parent is not None and each.parent.tag == "head"
    )
    assert re.search(r"\S · \S", title.text), title.text


def _check_fields(everything: list[Element]) -> None:
    labels = [each for each in everything if each.tag == "label"]
    labelled = {each.attributes["for"] for each in labels if "for" in each.attributes}
    within = {id(field) for label in labels if label.text for field in label.all("input") + label.all("select")}
    for each in everything:
        visible = each.tag == "select" or (each.tag == "input" and each.attributes.get("type") != "hidden")
        named = id(each) in within or each.attributes.get("id") in labelled
        assert not visible or named, f"no label: {each.attributes}"
        assert each.tag != "style", "inline style"
        assert each.tag != "script" or is_ours(each), "inline or foreign script"
        assert "style" not in each.attributes, "inline style"
        assert not [name for name in each.attributes if name.startswith("on")], "inline script"
        assert each.tag != "img" or "alt" in each.attributes
        assert each.tag != "button" or each.text


def is_ours(script: Element) -> bool:
    """Is it the one file of ours, with nothing between its tags?"""
    return script.attributes == {"type": "module", "src": address("kept.js")} and not script.children


def kopecks(text: str) -> int:
    """«−1 234,56 ₽» or «-1,234.56 ₽» → kopecks. ValueError: it is not a sum."""
    match = re.fullmatch(r"(−?)([0-9\u00a0,]*[0-9])[,.]([0-9]{2})\u00a0₽", text)
    if match is None:
        raise ValueError(text)
    value = int(re.sub(r"[^0-9]", "", match[2])) * 100 + int(match[3])
    return -value if match[1] else value
