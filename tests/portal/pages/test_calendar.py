"""A calendar is read by whoever has its address, says nothing it should not, and stays the same until a day moves."""

from __future__ import annotations

import itertools
import re
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.supplier.oddities import Oddity
from lk_sync.cache.schema import open_for_writing
from lk_sync.config import Window
from lk_sync.store import calendars, users
from portal.language import translations
from portal.pages.calendar import days
from portal.visits import harmless
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.world import Browser, Page, World


async def made(browser: Browser, **fields: str) -> str:
    """The path of a new calendar."""
    form = await browser.get("/calendar")
    page = await browser.post("/calendar", {"csrf": form.csrf, "form": form.hidden("form")} | fields)
    found = re.search(r'value="http[^"]+(/calendar/[^"]+\.ics)"', page.text)
    assert found, page.text
    return found[1]


def events(page: Page) -> dict[str, Any]:
    """Summary → event, as another program understands it."""
    calendar = icalendar.Calendar.from_ical(page.text)
    assert calendar["version"] == "2.0"
    assert calendar["prodid"]
    found = calendar.walk("VEVENT")
    assert len({str(event["uid"]) for event in found}) == len(found)
    for event in found:
        assert event["dtstamp"].dt.tzinfo is not None
        assert event["dtend"].dt > event["dtstart"].dt
    return {f"{event['summary']} {event['dtstart'].dt}": event for event in found}


async def test_another_program_reads_the_days_of_the_account(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    page = await world.browser().get(await made(browser))
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "Set-Cookie" not in page.headers
    assert max(len(line.encode()) for line in page.text.split("\r\n")) <= 75
    assert page.text.count("\n") == page.text.count("\r\n")
    found = events(page)
    window = found["Передать показания 2026-11-15"]
    assert (window["dtstart"].dt, window["dtend"].dt) == (date(2026, 11, 15), date(2026, 11, 26))
    assert window["url"] == f"{world.base}/readings"
    (alarm,) = window.walk("VALARM")
    assert alarm["trigger"].dt == timedelta(days=10, hours=9)
    months = [name for name in found if name.startswith("Передать показания")]
    assert len(months) == days.WINDOWS
    assert next(name for name in found if name.startswith("Отопительный сезон")).endswith("2026-10-01")
    assert any(name.startswith("Срок поверки прибора") for name in found)
    bill = next(name for name in found if name.startswith("Оплатить квитанцию за"))
    assert "₽" not in bill


async def test_an_outage_of_the_house_stands_in_it_with_its_hours(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    house = "SELECT building FROM accounts WHERE number = :number"
    amend(world, f"UPDATE works SET building = ({house}) WHERE works = 'Р-1'", number=SUBSCRIBER)
    amend(world, f"UPDATE works SET building = ({house}) + 1000 WHERE works <> 'Р-1'", number=SUBSCRIBER)
    found = events(await world.browser().get(await made(browser)))
    (works,) = [event for name, event in found.items() if "Замена запорной арматуры" in name]
    assert works["dtstart"].dt == datetime(2026, 11, 26, 6, tzinfo=UTC)
    assert works["dtend"].dt == datetime(2026, 11, 26, 14, tzinfo=UTC)
    assert not [name for name in found if "Испытания" in name], "another house"


async def test_it_names_nobody_and_no_sum_unless_its_owner_wants_it(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    path = await made(browser)
    plain = (await world.browser().get(path)).text.replace("\r\n ", "")
    books = BOOKS[Oddity.ORDINARY]
    for secret in (SUBSCRIBER, books["accounts"][0][4], books["accounts"][0][6], books["meters"][0][2], "₽"):
        assert str(secret) not in plain
    await browser.post("/calendar/sums", {"sums": "yes"}, form_on="/calendar")
    assert "₽" in (await world.browser().get(path)).text
    await browser.post("/calendar/sums", {}, form_on="/calendar")
    assert (await world.browser().get(path)).text.replace("\r\n ", "") == plain


async def test_what_has_not_changed_is_not_sent_again(world: World) -> None:
    path = await made(enter(world, SUBSCRIBER))
    program = world.browser()
    first = await program.get(path)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    world.clock.forward(hours=5)
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await program.get(path, If_None_Match=known)
        assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)
    assert (await program.get(path, If_None_Match='"other"')).status == 200
    amend(world, "UPDATE bills SET due_on = '2026-12-20' WHERE due_on IS NOT NULL")
    moved = await program.get(path, If_None_Match=tag)
    assert moved.status == 200
    before = {str(event["uid"]) for event in events(first).values()}
    assert {str(event["uid"]) for event in events(moved).values()} == before, "a day that moves keeps its name"


async def test_the_same_form_twice_is_one_address_and_a_new_one_ends_the_former(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    form = {"form": str(uuid4())}
    first, second = await made(browser, **form), await made(browser, **form)
    assert first == second
    third = await made(browser)
    assert third != first
    assert (await world.browser().get(first)).status == 404
    assert (await world.browser().get(third)).status == 200
    late = await browser.post("/calendar", form, form_on="/calendar")
    assert late.status == 200
    assert ".ics" not in late.text, "the form was sent before; what it made has ended"
    await browser.post("/calendar/end", {}, form_on="/calendar")
    assert (await world.browser().get(third)).status == 404
    assert "Календарь выключен" in (await browser.get("/calendar")).text
    assert (await browser.post("/calendar", {"form": "no"}, form_on="/calendar")).status == 400


async def test_the_store_and_the_logs_hold_no_address(world: World) -> None:
    path = await made(enter(world, SUBSCRIBER))
    await world.browser().get(path)
    secret = path.removeprefix("/calendar/").removesuffix(".ics")
    assert len(secret) >= 43
    assert secret not in "\n".join(world.store.reading._connection.iterdump())  # type: ignore[attr-defined]
    from portal.keys import VISITS

    lines = b"\n".join(world.app[VISITS]._lines)
    assert secret.encode() not in lines
    assert "/calendar/…".encode() in lines
    assert harmless("/unsubscribe/ABC.def?x=1") == "/unsubscribe/…"
    assert harmless("/charges?first=2026-01") == "/charges?first=2026-01"
    assert harmless("/calendar") == "/calendar"


async def test_whatever_opens_nothing_is_not_found_and_is_counted(world: World) -> None:
    path = await made(enter(world, SUBSCRIBER))
    stranger = world.browser()
    wrong = [path.replace(".ics", "A.ics"), "/calendar/.ics", "/calendar/x.ics", f"/calendar/{'A' * 3000}.ics"]
    wrong += ["/calendar/%00.ics", "/calendar/%D1%8F.ics", f"/calendar/{SUBSCRIBER}.ics"]
    answers = [await stranger.get(each) for each in wrong]
    assert [answer.status for answer in answers] == [404] * len(wrong)
    assert len({answer.text for answer in answers}) == 1
    most = world.config.lk.notifications.calendar_reads_per_hour
    for _ in range(most):
        await stranger.get("/calendar/x.ics")
    refused = await stranger.get("/calendar/x.ics")
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > 0


async def test_a_calendar_is_read_so_often_in_an_hour(world: World) -> None:
    path = await made(enter(world, SUBSCRIBER))
    program = world.browser()
    statuses = [(await program.get(path)).status for _ in range(61)]
    assert statuses == [200] * 60 + [429]
    world.clock.forward(hours=1)
    assert (await program.get(path)).status == 200


async def test_it_ends_with_the_holder_and_with_the_user(world: World) -> None:
    path = await made(enter(world, SUBSCRIBER))
    with closing(open_for_writing(world.config.lk.cache_path)) as connection:
        connection.execute("UPDATE accounts SET holder_key = 'another' WHERE number = ?", (SUBSCRIBER,))
    assert (await world.browser().get(path)).status == 404
    other = await made(enter(world, NUMBER[Oddity.DEBTOR]))
    user = users.of_account(world.store.reading, account=NUMBER[Oddity.DEBTOR])
    assert user is not None
    world.store.write_now(lambda tx: users.end(tx, user_code=user.user_code, reason="test", now=world.clock()))
    assert (await world.browser().get(other)).status == 404


async def test_whoever_was_let_in_has_no_calendar_of_the_account(world: World) -> None:
    """Neither a page to make one nor, if one were kept from before, one that opens."""
    enter(world, SUBSCRIBER)
    user = users.of_account(world.store.reading, account=SUBSCRIBER)
    assert user is not None
    secret = world.store.write_now(
        lambda tx: calendars.begin(
            tx, user_code=user.user_code, account=SUBSCRIBER, form=str(uuid4()), language="ru", with_sums=True,
            now=world.clock(),
        )
    )  # fmt: skip
    assert (await world.browser().get(f"/calendar/{secret}.ics")).status == 200
    _make_guest(world, user.user_code)
    assert (await world.browser().get(f"/calendar/{secret}.ics")).status == 404
    assert (await enter_again(world).get("/calendar")).status == 403


def _make_guest(world: World, user_code: str) -> None:
    with closing(__import__("sqlite3").connect(world.config.lk.store_path)) as connection, connection:
        connection.execute("UPDATE user_accounts SET role = 'pay' WHERE user_code = ?", (user_code,))


def enter_again(world: World) -> Browser:
    """The session that `enter` opened, in the last browser."""
    return Browser(world._sessions[0], world.base)


@pytest.mark.parametrize("oddity", [Oddity.CLOSED, Oddity.NO_METER, Oddity.AUTOMATIC])
async def test_where_nothing_can_be_handed_in_no_window_stands(world: World, oddity: Oddity) -> None:
    page = await world.browser().get(await made(enter(world, NUMBER[oddity])))
    assert not [name for name in events(page) if name.startswith("Передать показания")]


async def test_it_speaks_the_language_of_the_page_it_was_made_on(world: World) -> None:
    page = await world.browser().get(await made(enter(world, SUBSCRIBER, language="en")))
    assert any(name.startswith("Hand in readings") for name in events(page))


@settings(max_examples=200, deadline=None)
@given(
    st.dates(date(2020, 1, 1), date(2040, 12, 31)),
    st.integers(1, 31),
    st.integers(1, 31),
    st.sets(st.integers(1, 12)),
)
def test_windows_follow_each_other_and_the_season_holds_or_follows_the_day(
    today: date, first: int, last: int, months: set[int]
) -> None:
    window = Window(first_day=first, last_day=last, season_months=tuple(months))
    meter: Any = type("Meter", (), {"automatic": False, "removed_on": None})()
    found = list(days.windows(today, window, [meter], translations("ru")))
    assert len({entry.ident for entry in found}) == len(found) == days.WINDOWS
    assert found[0].last >= today
    for former, later in itertools.pairwise(found):
        assert former.first <= former.last < later.last
    season = list(days.season(today, window, translations("ru")))
    assert bool(season) == (0 < len(months) < 12)
    for entry in season:
        assert entry.first.day == 1
        assert entry.last >= today
        assert entry.first.month in months
        assert entry.last.month in months
        if today.month in months:
            assert entry.first <= today


async def test_no_address_that_is_a_secret_is_logged(world: World) -> None:
    paths = {route.resource.canonical for route in world.app.router.routes() if route.resource is not None}
    secret = {path for path in paths if "{secret" in path or "{token" in path}
    assert len(secret) >= 3
    assert [path for path in secret if "{" in harmless(path)] == []
