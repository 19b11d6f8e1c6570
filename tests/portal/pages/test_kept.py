"""What a browser has kept is taken like any other reading, from the same person, for the same account, and never
unasked when something has changed meanwhile. And what makes the portal installable names the supplier.
"""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from demo.supplier.oddities import Oddity
from lk_sync.store import outbox
from portal.assets import address, by_address
from tests.portal.pages.cast import NEIGHBOUR, SUBSCRIBER, enter
from tests.portal.pages.test_readings import MICRO, form_on, last, typed
from tests.portal.world import Browser, World
from tests.portal.world import world as open_world

TODAY = "2026-11-23"


async def line(browser: Browser, micro: int, **other: str) -> dict[str, str]:
    """What the worker sends of the first meter."""
    form = await form_on(browser)
    kept = {name: form.field(name) for name in ("csrf", "whose", "meter-1", "seen-1")}
    kept |= {"submission-1": str(uuid4()), "value-1": typed(micro), "typed-1": TODAY}
    return kept | other


async def sent(browser: Browser, fields: dict[str, str]) -> dict[str, Any]:
    """The word on the only line."""
    answer = await browser.post("/readings/kept", fields)
    assert answer.status == 200, answer.text
    (said,) = json.loads(answer.text).items()
    assert said[0] == fields["submission-1"]
    found: dict[str, Any] = said[1]
    return found


async def ticket(browser: Browser, *submissions: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await browser.get("/readings/kept?of=" + ",".join(submissions))).text)
    return found


async def test_a_kept_reading_is_taken_and_a_repeat_gets_the_same_answer(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    fields = await line(browser, last(Oddity.ORDINARY) + MICRO)
    assert (await ticket(browser, fields["submission-1"]))["stored"] == []
    said = await sent(browser, fields)
    assert said == {"state": "taken", "at": f"/readings/{fields['submission-1']}", "sentence": ""}
    assert await sent(browser, fields) == said
    assert (await ticket(browser, fields["submission-1"], "x", str(uuid4())))["stored"] == [fields["submission-1"]]
    assert sum(outbox.tally(world.store.reading).values()) == 1


async def test_the_ticket_is_what_a_form_of_the_same_person_carries(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    form, told = await form_on(browser), await ticket(browser)
    assert (told["whose"], told["csrf"]) == (form.field("whose"), form.field("csrf"))
    other = await ticket(enter(world, NEIGHBOUR))
    assert not {*other["whose"].split(".")} & {*told["whose"].split(".")}
    assert (await ticket(enter(world, SUBSCRIBER)))["whose"] == told["whose"]  # in the next session, too
    assert SUBSCRIBER not in told["whose"]


async def test_what_somebody_else_has_entered_is_not_taken(world: World) -> None:
    mine, theirs = enter(world, SUBSCRIBER), enter(world, NEIGHBOUR)
    fields = await line(mine, last(Oddity.ORDINARY) + MICRO)
    for whose in ((await ticket(theirs))["whose"], "", "x" * 33):
        assert (await mine.post("/readings/kept", fields | {"whose": whose})).status == 409
    assert (await theirs.post("/readings/kept", fields)).status == 403
    assert outbox.tally(world.store.reading) == {}


@pytest.mark.parametrize("day", ["2026-10-20", "2026-11-26", "2027-11-23", "", "x", "0001-01-01", "9999-12-31"])
async def test_a_reading_of_another_month_is_asked_about(world: World, day: str) -> None:
    browser = enter(world, SUBSCRIBER)
    said = await sent(browser, await line(browser, last(Oddity.ORDINARY) + MICRO, **{"typed-1": day}))
    assert said["state"] == "asks"
    assert "сменился месяц приёма" in said["sentence"]
    assert outbox.tally(world.store.reading) == {}


async def test_a_reading_that_would_replace_an_unseen_one_is_asked_about(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    former = await line(browser, last(Oddity.ORDINARY) + MICRO)
    kept = await line(browser, last(Oddity.ORDINARY) + 2 * MICRO)
    await sent(browser, former)
    assert "передано другое" in (await sent(browser, kept))["sentence"]
    assert (await sent(browser, kept | {"seen-1": former["submission-1"]}))["state"] == "taken"


@pytest.mark.parametrize(
    ("more", "state", "words"),
    [(150 * MICRO, "asks", "Расход необычно большой"), (-5 * MICRO, "refused", "Показание меньше прежнего")],
)
async def test_a_question_and_a_refusal_come_in_words(world: World, more: int, state: str, words: str) -> None:
    browser = enter(world, SUBSCRIBER)
    said = await sent(browser, await line(browser, last(Oddity.ORDINARY) + more))
    assert said["state"] == state
    assert words in said["sentence"]
    assert outbox.tally(world.store.reading) == {}


async def test_another_value_under_the_same_id_is_a_conflict(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    fields = await line(browser, last(Oddity.ORDINARY) + MICRO)
    await sent(browser, fields)
    said = await sent(browser, fields | {"value-1": typed(last(Oddity.ORDINARY) + 2 * MICRO)})
    assert said["state"] == "refused"
    assert sum(outbox.tally(world.store.reading).values()) == 1


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_the_portal_is_installed_under_the_suppliers_name(tmp_path: Path, town: Path, language: str) -> None:
    hostile = 'Тепло "и" </script> уют'
    async with open_world(tmp_path / "c", cache=town, background=False, supplier={"short_name": hostile}) as world:
        answer = await world.browser().get(f"/manifest/{language}")
        page = (await world.browser(**{"Accept-Language": language}).get("/login")).text
    assert answer.headers["Content-Type"] == "application/manifest+json"
    told = json.loads(answer.text)
    assert told["name"].startswith(hostile)
    assert told["lang"] == language
    assert f'<link rel="manifest" href="/manifest/{language}">' in page
    assert len(re.findall(r'<meta name="theme-color" media="\(prefers-color-scheme: (?:light|dark)\)"', page)) == 2
    sizes = {(icon.get("purpose", "any"), icon["sizes"]) for icon in told["icons"]}
    assert sizes == {("any", "any"), *((kind, f"{n}x{n}") for kind in ("any", "maskable") for n in (192, 512))}
    for icon in told["icons"]:
        body = by_address()[icon["src"]].body
        if icon["type"] == "image/png":
            width, height = struct.unpack(">II", body[16:24])
            assert icon["sizes"] == f"{width}x{height}"


async def test_the_worker_is_asked_for_anew_and_its_version_names_what_it_keeps(world: World) -> None:
    answer = await world.browser().get("/worker.js")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "Set-Cookie" not in answer.headers
    assert re.match(r'const VERSION = "[0-9a-f]{16}";', answer.text)
    assert address("kept.js") in answer.text
    for path in ("/offline/xx", "/manifest/xx", "/offline/..%2f"):
        assert (await world.browser().get(path)).status == 404
