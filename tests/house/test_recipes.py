"""Recipes name files that are there, commands that work and rooms that exist."""

from __future__ import annotations

import re

import pytest

from tests.house.repository import ROOT, files, told

DOCUMENTS = ("CONTRIBUTING.md", "README.md")
_CODE = re.compile(r"`([^`\n]+)`")
_PLACE = re.compile(r"[\w.<>-]+(?:/[\w.<>*-]*)+|[\w-]+\.(?:md|cfg|yaml|toml)")
_ANY = re.compile(r"<[^>]*>")
_TARGET = re.compile(r"\bmake ([a-z]+)")


def _places(document: str) -> set[str]:
    """The files and folders that the document names; `<имя>` stands for any name."""
    text = (ROOT / document).read_text("utf-8")
    spans = [word for span in _CODE.findall(text) for word in span.split()]
    return {word for word in spans if _PLACE.fullmatch(word) and not word.startswith(".venv/")}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_is_there(document: str) -> None:
    there = {place for path in files() for place in (path, *path.parents) if place.is_relative_to(ROOT)}
    faults = [
        f"{document}: {place}"
        for place in sorted(_places(document))
        if not any(path.match(_ANY.sub("*", place.rstrip("/"))) for path in there)
    ]
    assert not faults, told(faults, "Рецепт называет то, чего нет: поправьте его или верните файл.")


def test_the_recipes_are_read_at_all() -> None:
    places = _places("CONTRIBUTING.md")
    assert {"connectors/<способ>/source.py", "portal/pages/<страница>/page.html", "setup.cfg", "tests/house/"} <= places
    assert len(places) > 30


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_is_named_is_there(document: str) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = set(_TARGET.findall((ROOT / document).read_text("utf-8")))
    assert named
    assert named <= set(targets)


def test_every_recipe_has_steps() -> None:
    recipes = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("\n## Рецепты", 1)[1].split("\n## ", 1)[0]
    for recipe in recipes.split("\n### ")[1:]:
        heading, _, body = recipe.partition("\n")
        steps = re.findall(r"^(?:\d+\.|-) (.*)", body, re.MULTILINE)
        assert len(steps) >= 2, heading
        assert any("`" in step for step in steps), heading
