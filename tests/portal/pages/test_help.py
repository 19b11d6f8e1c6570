"""Help tells the words of the bill in plain language, and for whom the portal is made."""

from __future__ import annotations

import re
from datetime import date

import pytest

from portal.pages.help.handlers import checked, glossary
from tests.journeys.audit import AXE
from tests.portal.pages.cast import SUBSCRIBER, enter
from tests.portal.pages.elements import check
from tests.portal.world import World


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_every_word_has_a_place_of_its_own(world: World, language: str) -> None:
    page = check((await enter(world, SUBSCRIBER, language=language).get("/help/words")).text)
    places = [each.attributes["id"] for each in page.one("dl", "words").all("div")]
    assert places == [word.id for word in glossary()]
    assert len(places) == len(set(places)) >= 20
    assert all(each.text for each in page.one("dl", "words").all("dd"))


async def test_words_on_pages_lead_to_their_meaning(world: World) -> None:
    known = {word.id for word in glossary()}
    browser, found = enter(world, SUBSCRIBER), set()
    for path in ("/charges", "/", "/payments"):
        found |= {each.attributes["href"] for each in check((await browser.get(path)).text).all("a", "word")}
    assert "/help/words#balance" in found
    assert {link.removeprefix("/help/words#") for link in found} <= known


async def test_the_statement_of_accessibility_tells_what_was_really_used(world: World) -> None:
    statement = check((await world.browser().get("/help/accessibility")).text).one("main").text
    version = re.search(r"axe v(\d+\.\d+)", AXE)
    assert version is not None
    assert checked().axe == version[1]
    assert f"axe-core {version[1]}" in statement
    assert date.fromisoformat(checked().checked_on) <= date.today()  # noqa: DTZ011 - a day that has been
    assert world.config.lk.supplier.phone in statement


async def test_help_and_its_pages_are_linked_from_everywhere(world: World) -> None:
    footer = check((await world.browser().get("/login")).text).one("footer")
    assert {"/help", "/help/words", "/help/accessibility"} <= {each.attributes["href"] for each in footer.all("a")}
