"""A reading goes from the form to the queue, with a question where one is due, and its owner sees how far it got."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from demo.supplier.oddities import Oddity
from lk_sync.clock import instant
from lk_sync.store import audit, batches, outbox
from lk_sync.store.batches import Batch
from lk_sync.store.database import Tx
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import Element, check
from tests.portal.world import Browser, Page, World
from tests.portal.world import world as open_world

MICRO = 1_000_000


def last(oddity: Oddity) -> int:
    """The last reading that was taken from the account's meter in service."""
    (meter,) = (row for row in BOOKS[oddity]["meters"] if row[10] is None)
    taken = [row for row in BOOKS[oddity]["readings"] if row[1] == meter[1] and row[6] != "calculated"]
    return int(max(taken, key=lambda row: row[3])[5])


def typed(micro: int) -> str:
    return f"{micro // MICRO},{micro % MICRO // 1000:03d}"


async def form_on(browser: Browser) -> Element:
    """The form of all meters."""
    page = await browser.get("/readings")
    assert page.status == 200
    return check(page.text).one("form", "reading")


def fields_of(form: Element, **values: str) -> dict[str, str]:
    """What the form of the page sends if `values` are typed for its first meter: `value`, `meter`, `submission`."""
    return hidden_of(form) | {f"{name}-1": value for name, value in values.items()}


def hidden_of(form: Element) -> dict[str, str]:
    fields = [each.attributes for each in form.all("input") if each.attributes.get("type") == "hidden"]
    return {each["name"]: each.get("value", "") for each in fields}


async def send(browser: Browser, value: str) -> Page:
    form = await form_on(browser)
    return await browser.post("/readings", fields_of(form, value=value))


async def hand_in(browser: Browser, value: str) -> Element:
    """The passport of a reading that needs no question."""
    answer = await send(browser, value)
    assert answer.status == 303, answer.text
    assert answer.location
    return check((await browser.get(answer.location)).text)


def waiting(world: World) -> list[dict[str, Any]]:
    return [
        msgspec.json.decode(each.payload)
        for each in world.store.read(lambda tx: list(outbox.waiting(tx, kind="reading")))
    ]


def export(world: World) -> str:
    """What waits goes into a file; the item of its first line."""
    return world.store.write_now(lambda tx: _export(tx, world))


def _export(tx: Tx, world: World) -> str:
    items = [each.item for each in outbox.waiting(tx, kind="reading")]
    number = batches.next_number(tx, sink="drop")
    file = f"readings-{number:06d}.csv"
    batches.open(tx, Batch("drop", number, "reading", file, len(items), 0, "", "", instant(world.clock())))
    outbox.batch(tx, sink="drop", number=number, lines=list(enumerate(items, start=1)))
    outbox.export(tx, sink="drop", number=number, now=world.clock())
    return items[0]


def answer(world: World, item: str, verdict: Any, code: str, text: str) -> None:
    world.store.write_now(
        lambda tx: outbox.answer(
            tx, item=item, sink="drop", number=1, verdict=verdict, code=code, text=text, now=world.clock()
        )
    )


@pytest.fixture
async def browser(world: World) -> Browser:
    return enter(world, SUBSCRIBER)


async def test_a_reading_is_taken_queued_and_shown(world: World, browser: Browser) -> None:
    value = last(Oddity.ORDINARY) + 2_500_000
    passport = await hand_in(browser, typed(value))
    assert "В очереди на передачу поставщику" in passport.text
    assert typed(value) in passport.one("p", "big").text.replace("\xa0", "")
    (payload,) = waiting(world)
    assert (payload["account"], payload["value_micro"], payload["flags"]) == (SUBSCRIBER, value, [])
    assert (payload["period"], payload["taken_on"]) == ("2026-11", "2026-11-23")
    assert passport.one("dd", "code").text == payload["item"]
    assert "В очереди" in check((await browser.get("/")).text).one("ul", "meters").text
    assert "В очереди" in check((await browser.get("/readings")).text).one("ul", "ways").text
    (line,) = world.store.read(lambda tx: audit.about(tx, object=f"item:{payload['item']}"))
    assert (line.act, line.address) == ("reading_submitted", "127.0.0.1")


async def test_a_form_that_is_sent_twice_stores_one_reading(world: World, browser: Browser) -> None:
    fields = fields_of(await form_on(browser), value=typed(last(Oddity.ORDINARY) + MICRO))
    first, second = [await browser.post("/readings", fields) for _ in range(2)]
    assert first.location == second.location == f"/readings/{fields['submission-1']}"
    assert len(waiting(world)) == 1


async def test_a_form_that_is_sent_twice_after_the_window_still_finds_its_answer(
    world: World, browser: Browser
) -> None:
    fields = fields_of(await form_on(browser), value=typed(last(Oddity.ORDINARY) + MICRO))
    first = await browser.post("/readings", fields)
    amend(world, "UPDATE accounts SET closed_on = '2026-11-01'")
    assert (await browser.post("/readings", fields)).location == first.location


async def test_a_form_that_is_sent_again_with_another_value_is_a_conflict(world: World, browser: Browser) -> None:
    value = last(Oddity.ORDINARY)
    fields = fields_of(await form_on(browser), value=typed(value + MICRO))
    await browser.post("/readings", fields)
    second = await browser.post("/readings", fields | {"value-1": typed(value + 2 * MICRO)})
    assert second.status == 409
    assert "уже передано другое показание" in check(second.text).one("p", "error").text
    assert (await browser.post("/readings", fields | {"value-1": "чушь"})).status == 409
    assert [each["value_micro"] for each in waiting(world)] == [value + MICRO]


async def test_the_same_value_from_a_new_form_says_that_it_is_there_already(world: World, browser: Browser) -> None:
    value = typed(last(Oddity.ORDINARY) + MICRO)
    await hand_in(browser, value)
    assert "уже передано" in (await hand_in(browser, value)).one("main").text
    assert len(waiting(world)) == 1


async def test_a_correction_replaces_what_still_waits(world: World, browser: Browser) -> None:
    first = await hand_in(browser, typed(last(Oddity.ORDINARY) + 9 * MICRO))
    world.clock.forward(minutes=1)
    await hand_in(browser, typed(last(Oddity.ORDINARY) + MICRO))
    (payload,) = waiting(world)
    assert payload["value_micro"] == last(Oddity.ORDINARY) + MICRO
    ways = [
        each.one("span", "pill").text
        for each in check((await browser.get("/readings")).text).all("li")
        if each.all("span", "pill")
    ]
    assert ways == ["В очереди на передачу поставщику", "Заменено новым показанием"]
    assert first.one("h1").text == "Переданное показание"


async def test_its_owner_follows_a_reading_to_its_confirmation(world: World, browser: Browser) -> None:
    place = f"/readings/{(await sent_one(browser)).rpartition('/')[2]}"
    item = export(world)
    exported = check((await browser.get(place)).text).one("section", "passport").text
    assert "ждём ответа" in exported
    assert "Файл readings-000001.csv, строка 1." in exported
    world.clock.forward(minutes=20)
    answer(world, item, "confirmed", "ok", "Учтено")
    confirmed = check((await browser.get(place)).text).one("section", "passport").text
    assert "Принято поставщиком 23\xa0ноября\xa02026, 12:20" in confirmed
    assert "Учтено" in confirmed


async def sent_one(browser: Browser) -> str:
    sent = await send(browser, typed(last(Oddity.ORDINARY) + MICRO))
    assert sent.location
    return sent.location


async def test_its_owner_reads_why_a_reading_was_refused_and_may_try_again(world: World, browser: Browser) -> None:
    place = await sent_one(browser)
    answer(world, export(world), "rejected", "seal", "Пломба <повреждена> & снята")
    refused = check((await browser.get(place)).text).one("section", "passport").text
    assert "Не принято поставщиком" in refused
    assert "Причина: Пломба <повреждена> & снята (код seal)" in refused
    assert "Пломба" in check((await browser.get("/readings")).text).one("ul", "ways").text
    await hand_in(browser, typed(last(Oddity.ORDINARY) + MICRO))
    assert len(waiting(world)) == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "Введите показание"),
        ("сто двадцать", "не похоже на показание"),
        ("1000000", "до запятой не больше 5"),
        ("1,23456", "не больше 3"),
        ("0,001", "меньше прежнего"),
    ],
)
async def test_a_refusal_says_why_and_keeps_what_was_typed(
    world: World, browser: Browser, value: str, words: str
) -> None:
    refused = await send(browser, value)
    assert refused.status == 422
    page = check(refused.text)
    form = page.one("form", "reading")
    assert words in form.one("p", "error").text
    assert form.field("value-1") == value
    assert page.one("title").text.startswith("Показание не принято")
    assert waiting(world) == []


async def test_an_unusual_consumption_is_asked_about_with_its_cost_and_taken_at_the_second_press(
    world: World, browser: Browser
) -> None:
    value = last(Oddity.ORDINARY) + 150 * MICRO
    asked = await send(browser, typed(value))
    assert asked.status == 200
    question = check(asked.text)
    assert "Расход необычно большой" in question.text
    assert "150,000 м³" in question.text
    assert "Это ориентировочно" in question.text
    assert waiting(world) == []
    form = question.one("main").one("form")
    assert (await browser.post("/readings", hidden_of(form))).status == 303
    (payload,) = waiting(world)
    assert (payload["value_micro"], payload["flags"]) == (value, ["confirmed_high"])


async def test_after_a_question_the_value_can_be_corrected_without_typing_it_again(
    world: World, browser: Browser
) -> None:
    value = typed(last(Oddity.ORDINARY) + 150 * MICRO)
    form = check((await send(browser, value)).text).one("main").one("form")
    page = check((await browser.post("/readings", hidden_of(form) | {"edit": "yes"})).text)
    assert page.all("form", "reading")[0].field("value-1") == value
    assert waiting(world) == []


async def test_no_consumption_in_the_season_is_asked_about(world: World, browser: Browser) -> None:
    asked = check((await send(browser, typed(last(Oddity.ORDINARY)))).text)
    assert "Расхода не было?" in asked.text
    form = asked.one("main").one("form")
    assert (await browser.post("/readings", hidden_of(form))).status == 303
    assert waiting(world)[0]["flags"] == ["confirmed_same"]


async def test_a_turn_through_zero_is_asked_about(world: World, browser: Browser) -> None:
    key = world.cache.account_key(SUBSCRIBER)
    amend(world, "UPDATE readings SET value_micro = 99990000000 WHERE account = :key", key=key)
    asked = check((await send(browser, "4,5")).text)
    assert "Прибор прошёл через ноль?" in asked.text
    assert "14,500 м³" in asked.text


async def test_outside_the_window_a_reading_is_kept_for_the_next_month(world: World) -> None:
    world.clock.forward(days=5)
    browser = enter(world, SUBSCRIBER)
    page = check((await browser.get("/readings")).text)
    assert "Приём показаний за декабрь\xa02026 — с 15\xa0декабря\xa02026 по 25\xa0декабря\xa02026" in page.text
    passport = await hand_in(browser, typed(last(Oddity.ORDINARY) + MICRO))
    assert "учтём за декабрь\xa02026" in passport.text
    assert (waiting(world)[0]["period"], waiting(world)[0]["flags"]) == ("2026-12", ["closed"])


async def test_the_last_days_of_the_window_are_counted_in_the_readers_language(world: World) -> None:
    said = []
    for days in (0, 1, 1):
        world.clock.forward(days=days)
        for language in ("ru", "en"):
            browser = enter(world, SUBSCRIBER)
            browser.session.cookie_jar.update_cookies({"__Host-language": language})
            text = (await browser.get("/readings")).text
            said.append(check(text).one("p", "window").text.rpartition(". ")[2])
    assert said == [
        "Осталось 2 дня.",
        "2 days left.",
        "Остался 1 день.",
        "1 day left.",
        "Сегодня последний день.",
        "Today is the last day.",
    ]


async def test_a_supplier_may_refuse_outside_the_window_and_says_when_to_come(tmp_path: Path, town: Path) -> None:
    async with open_world(tmp_path / "c", cache=town, background=False, readings={"late": "refuse"}) as world:
        fields = fields_of(await form_on(enter(world, SUBSCRIBER)), value=typed(last(Oddity.ORDINARY) + MICRO))
        world.clock.forward(days=5)
        browser = enter(world, SUBSCRIBER)
        page = check((await browser.get("/readings")).text)
        assert page.all("form", "reading") == []
        assert "Следующий приём — с 15\xa0декабря\xa02026 по 25\xa0декабря\xa02026" in page.text
        token = page.one("form", "languages").field("csrf")
        refused = await browser.post("/readings", fields | {"csrf": token})
        assert refused.status == 422
        assert "Сейчас показания не принимаются" in check(refused.text).one("p", "error").text


async def test_an_expired_meter_is_warned_about_and_flagged(world: World) -> None:
    browser = enter(world, NUMBER[Oddity.VERIFICATION_EXPIRED])
    page = check((await browser.get("/readings")).text)
    assert "Срок поверки истёк" in page.text
    await hand_in(browser, typed(last(Oddity.VERIFICATION_EXPIRED) + MICRO))
    assert waiting(world)[0]["flags"] == ["expired"]


async def test_an_automatic_meter_has_no_form(world: World) -> None:
    browser = enter(world, NUMBER[Oddity.AUTOMATIC])
    page = check((await browser.get("/readings")).text)
    assert page.all("form", "reading") == []
    assert "передаёт показания сам" in page.text


async def test_a_closed_account_has_its_history_and_no_form(world: World) -> None:
    page = check((await enter(world, NUMBER[Oddity.CLOSED]).get("/readings")).text)
    assert page.all("form", "reading") == []
    assert page.all("table", "history")


async def test_an_account_without_meters_says_so(world: World) -> None:
    page = check((await enter(world, NUMBER[Oddity.NO_METER]).get("/readings")).text)
    assert "Приборов учёта на вашем лицевом счёте нет" in page.text


async def test_history_tells_who_says_so_and_what_was_used_in_between(world: World) -> None:
    browser = enter(world, NUMBER[Oddity.TWO_METERS])
    page = check((await browser.get("/readings")).text)
    place = page.all("a", "more")[-1].attributes["href"]
    table = check((await browser.get(place)).text).one("table", "history")
    rows = [[cell.text for cell in row.all("td")] for row in table.all("tr")[1:]]
    values = [float(row[1].replace("\xa0", "").replace(",", ".")) for row in rows]
    used = [float(row[2].replace("\xa0", "").replace(",", ".").replace("−", "-")) for row in rows[:-1]]
    assert len(rows) > 12
    assert rows[-1][2] == "—", "of the first reading nothing is known"
    for position in range(len(rows) - 1):
        assert used[position] == pytest.approx(values[position] - values[position + 1])
    calculated = table.all("span", "calculated")
    assert all(each.text == "рассчитано поставщиком" for each in calculated)


async def test_a_meter_that_turned_through_zero_never_shows_a_negative_consumption(world: World) -> None:
    browser = enter(world, NUMBER[Oddity.ROLLOVER])
    page = check((await browser.get("/readings")).text)
    place = page.one("section", "meter").all("a", "more")[-1].attributes["href"]
    history = check((await browser.get(place)).text)
    assert "прибор прошёл через ноль" in history.text
    used = [row.all("td")[2].text for row in history.one("table", "history").all("tr")[1:]]
    assert not [each for each in used if each.startswith("−")]


async def test_a_replaced_meter_keeps_its_history(world: World) -> None:
    browser = enter(world, NUMBER[Oddity.METER_REPLACED])
    page = check((await browser.get("/readings")).text)
    (removed,) = page.one("ul", "plain").all("a")
    history = check((await browser.get(removed.attributes["href"])).text)
    assert "Снят" in history.one("dl", "facts").text
    assert history.one("table", "history").all("tr")


async def test_a_long_history_comes_in_parts(world: World, browser: Browser) -> None:
    key = world.cache.account_key(SUBSCRIBER)
    for number in range(120):
        amend(
            world,
            "INSERT INTO readings SELECT account, meter, 'old-' || :n, '2020-01-01', 202001, :n, source, extra, origin,"
            " run FROM readings WHERE account = :key LIMIT 1",
            key=key, n=number,
        )  # fmt: skip
    meter = (await form_on(browser)).field("meter-1")
    place, seen = f"/readings/history?meter={meter}", 0
    while place:
        page = check((await browser.get(place)).text)
        seen += len(page.one("table", "history").all("tr")) - 1
        earlier = [each for each in page.all("a", "quiet") if each.text == "Раньше"]
        place = earlier[0].attributes["href"] if earlier else ""
    assert seen == 120 + len(BOOKS[Oddity.ORDINARY]["readings"])


@pytest.mark.parametrize("spoil", [{"submission-1": "no uuid"}, {"submission-1": ""}])
async def test_a_form_that_is_not_ours_is_refused(world: World, browser: Browser, spoil: dict[str, str]) -> None:
    fields = fields_of(await form_on(browser), value="1")
    assert (await browser.post("/readings", fields | spoil)).status == 400


async def test_a_meter_that_is_nobodys_is_not_found(world: World, browser: Browser) -> None:
    fields = fields_of(await form_on(browser), value="1")
    assert (await browser.post("/readings", fields | {"meter-1": "x"})).status == 404
    assert (await browser.get("/readings/history?meter=x")).status == 404
    assert (await browser.get(f"/readings/{uuid4()}")).status == 404
    assert waiting(world) == []
