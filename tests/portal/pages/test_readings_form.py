"""All meters are handed in by one press; what looks mistyped is offered, never replaced; nothing typed is lost."""

from __future__ import annotations

from uuid import uuid4

import pytest

from demo.supplier.oddities import Oddity
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import check
from tests.portal.pages.test_readings import (
    MICRO,
    answer,
    export,
    fields_of,
    form_on,
    hidden_of,
    last,
    send,
    sent_one,
    typed,
    waiting,
)
from tests.portal.world import Browser, Page, World


@pytest.fixture
async def browser(world: World) -> Browser:
    return enter(world, SUBSCRIBER)


def lasts(oddity: Oddity) -> list[int]:
    """The last reading of each meter in service, in the order of the form."""
    meters = sorted(row[1] for row in BOOKS[oddity]["meters"] if row[10] is None)
    rows = BOOKS[oddity]["readings"]
    return [
        int(max((row for row in rows if row[1] == meter and row[6] != "calculated"), key=lambda row: row[3])[5])
        for meter in meters
    ]


async def send_all(browser: Browser, *values: str, **buttons: str) -> Page:
    fields = hidden_of(await form_on(browser))
    typed_in = {f"value-{number}": value for number, value in enumerate(values, start=1)}
    return await browser.post("/readings", fields | typed_in | buttons)


@pytest.fixture
async def both(world: World) -> Browser:
    """A subscriber who has two meters."""
    return enter(world, NUMBER[Oddity.TWO_METERS])


async def test_all_meters_are_handed_in_by_one_press_and_listed(world: World, both: Browser) -> None:
    values = [value + 2 * MICRO for value in lasts(Oddity.TWO_METERS)]
    sent = await send_all(both, *map(typed, values))
    assert (sent.status, (sent.location or "").partition("=")[0]) == (303, "/readings/taken?of")
    assert sorted(each["value_micro"] for each in waiting(world)) == sorted(values)
    page = check((await both.get(sent.location or "")).text)
    assert [each.text for each in page.all("span", "pill")] == ["В очереди на передачу поставщику"] * 2
    for link in page.one("ul", "ways").all("a"):
        assert (await both.get(link.attributes["href"])).status == 200


async def test_a_form_of_two_meters_that_is_sent_twice_stores_each_once(world: World, both: Browser) -> None:
    fields = hidden_of(await form_on(both))
    for number, value in enumerate(lasts(Oddity.TWO_METERS), start=1):
        fields[f"value-{number}"] = typed(value + MICRO)
    first, second = [await both.post("/readings", fields) for _ in range(2)]
    assert first.location == second.location
    assert len(waiting(world)) == 2


async def test_a_meter_without_a_value_is_left_alone(world: World, both: Browser) -> None:
    sent = await send_all(both, "", typed(lasts(Oddity.TWO_METERS)[1] + MICRO))
    assert (sent.location or "").startswith("/readings/")
    assert len(waiting(world)) == 1


async def test_nothing_typed_at_all_is_said_at_the_first_meter(world: World, both: Browser) -> None:
    refused = await send_all(both, "", "  ")
    assert refused.status == 422
    assert "Введите показание" in check(refused.text).one("p", "error").text
    assert waiting(world) == []


async def test_one_wrong_meter_does_not_lose_the_other(world: World, both: Browser) -> None:
    first, _ = lasts(Oddity.TWO_METERS)
    refused = await send_all(both, typed(first + MICRO), "чушь")
    assert refused.status == 422
    assert [each["value_micro"] for each in waiting(world)] == [first + MICRO]
    page = check(refused.text)
    form = page.one("form", "reading")
    assert (form.field("value-1"), form.field("value-2")) == ("", "чушь")
    assert "Принято:" in page.one("div", "good").text
    assert len(page.all("p", "error")) == 1


async def test_a_question_about_one_meter_does_not_hold_the_other(world: World, both: Browser) -> None:
    first, second = lasts(Oddity.TWO_METERS)
    asked = check((await send_all(both, typed(first + MICRO), typed(second + 150 * MICRO))).text)
    assert "Расход необычно большой" in asked.text
    assert [each["value_micro"] for each in waiting(world)] == [first + MICRO]
    assert "Принято:" in asked.one("div", "good").text
    assert (await both.post("/readings", hidden_of(asked.one("main").one("form")))).status == 303
    assert len(waiting(world)) == 2


async def test_the_cost_of_all_meters_is_shown_before_anything_is_sent(world: World, both: Browser) -> None:
    values = [typed(value + 2 * MICRO) for value in lasts(Oddity.TWO_METERS)]
    page = check((await send_all(both, *values, review="yes")).text)
    assert waiting(world) == []
    sections = page.all("section", "ask")
    assert len(sections) == 2
    assert all("ориентировочно" in each.text and "израсходовано 2,000 м³" in each.text for each in sections)
    assert "Всего ориентировочно" in page.one("p", "total").text
    form = hidden_of(page.one("main").one("form"))
    assert (await both.post("/readings", form)).status == 303
    assert [each["flags"] for each in waiting(world)] == [[], []]


async def test_the_form_says_what_is_usual_and_about_what_it_costs(browser: Browser) -> None:
    hint = (await form_on(browser)).one("p", "hint").text
    assert "Обычно между" in hint
    assert "ориентировочно от" in hint


async def test_a_forgotten_comma_is_offered_and_never_replaced_by_itself(world: World, browser: Browser) -> None:
    meant = last(Oddity.ORDINARY) + 3_250_000
    refused = check((await send(browser, typed(meant).replace(",", ""))).text)
    assert waiting(world) == []
    form = refused.one("form", "reading")
    offered = form.one("div", "guesses").one("button")
    assert offered.text == f"Да, {typed(meant)} — передать"
    fields = hidden_of(form) | {"value-1": form.field("value-1"), "take": offered.attributes["value"]}
    assert (await browser.post("/readings", fields)).status == 303
    assert [each["value_micro"] for each in waiting(world)] == [meant]


async def test_enter_in_a_field_never_presses_an_offered_value(browser: Browser) -> None:
    refused = check((await send(browser, typed(last(Oddity.ORDINARY) + 3_250_000).replace(",", ""))).text)
    default = refused.one("form", "reading").all("button")[0]
    assert "name" not in default.attributes
    assert default.text == "Передать"


async def test_exchanged_values_of_two_meters_are_asked_about_and_exchanged_by_a_press(
    world: World, both: Browser
) -> None:
    key = world.cache.account_key(NUMBER[Oddity.TWO_METERS])
    amend(
        world,
        "UPDATE readings SET value_micro = value_micro + 900000000 WHERE account = :key AND meter = ("
        "SELECT MAX(meter) FROM meters WHERE account = :key)",
        key=key,
    )
    first, second = lasts(Oddity.TWO_METERS)
    right = [first + MICRO, second + 901 * MICRO]
    refused = check((await send_all(both, typed(right[1]), typed(right[0]))).text)
    assert waiting(world) == []
    form = refused.one("main").all("form")[0]
    swap = next(each for each in form.all("button") if each.attributes.get("name") == "take")
    assert "Поменять местами" in swap.text
    typed_in = {f"value-{number}": form.field(f"value-{number}") for number in (1, 2)}
    fields = hidden_of(form) | typed_in | {"take": swap.attributes["value"]}
    assert (await both.post("/readings", fields)).status == 303
    assert sorted(each["value_micro"] for each in waiting(world)) == right


@pytest.mark.parametrize("take", ["", "x", "1=", "1=abc", "9=1,5", "1=1;2=2;3=3", "=" * 500, "1=" + "9" * 61])
async def test_a_choice_that_no_page_offered_changes_nothing(world: World, browser: Browser, take: str) -> None:
    fields = fields_of(await form_on(browser), value="чушь") | {"take": take}
    assert (await browser.post("/readings", fields)).status == 422
    assert waiting(world) == []


async def test_one_meter_in_two_lines_is_no_form_of_ours(both: Browser) -> None:
    fields = hidden_of(await form_on(both)) | {"value-1": "1", "value-2": "2"}
    assert (await both.post("/readings", fields | {"meter-2": fields["meter-1"]})).status == 400


async def test_the_list_of_what_was_taken_needs_something_taken(both: Browser) -> None:
    for of in ("", "x", str(uuid4()), ",".join(str(uuid4()) for _ in range(100))):
        assert (await both.get(f"/readings/taken?of={of}")).status == 404


async def test_a_refused_reading_is_corrected_from_its_own_line(world: World, browser: Browser) -> None:
    place = await sent_one(browser)
    answer(world, export(world), "rejected", "less", "Меньше контрольного")
    page = check((await browser.get("/readings")).text)
    (again,) = [each for each in page.one("ul", "ways").all("a") if "Исправить" in each.text]
    form = check((await browser.get(again.attributes["href"].partition("#")[0])).text).one("form", "reading")
    assert form.field("value-1") == typed(last(Oddity.ORDINARY) + MICRO).rstrip("0").rstrip(",")
    assert form.field("submission-1") != place.rpartition("/")[2]
