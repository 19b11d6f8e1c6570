"""A subscriber chooses a long password; easily guessed ones are refused, and every other session ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lk_sync.store import audit
from portal import passwords
from portal.passwords import objection
from tests.portal.world import PASSWORD, SUBSCRIBER, Browser, World

NEW = "Ёжик несёт 7 яблок домой"


async def change(browser: Browser, new: str, *, again: str | None = None, present: str = PASSWORD) -> int:
    fields = {"present": present, "password": new, "again": new if again is None else again}
    return (await browser.post("/password", fields)).status


async def test_the_new_password_works_the_old_one_does_not_and_other_devices_are_out(
    subscriber: Browser, world: World
) -> None:
    phone = world.browser()
    await phone.log_in(SUBSCRIBER)
    assert await change(subscriber, NEW) == 303
    assert (await subscriber.get("/password")).status == 200
    assert (await phone.get("/password")).status == 303
    assert (await world.browser().log_in(SUBSCRIBER)).status == 403
    assert (await world.browser().log_in(SUBSCRIBER, NEW)).location == "/"


async def test_the_same_letters_composed_by_another_keyboard_are_the_same_password(
    subscriber: Browser, world: World
) -> None:
    import unicodedata

    await change(subscriber, unicodedata.normalize("NFD", NEW))
    assert (await world.browser().log_in(SUBSCRIBER, unicodedata.normalize("NFC", NEW))).location == "/"


async def test_the_owner_is_told_by_letter(subscriber: Browser, world: World) -> None:
    await change(subscriber, NEW)
    (letter,) = await world.letters()
    assert letter["To"] == "subscriber@example.ru"
    assert letter["Subject"] == "Пароль личного кабинета изменён"
    assert NEW not in letter.get_body(("plain",)).get_content()


async def test_the_change_stands_in_the_journal(subscriber: Browser, world: World) -> None:
    user = world.store.reading.row("users.of_account", account=SUBSCRIBER)
    await change(subscriber, NEW)
    assert [entry.act for entry in audit.by(world.store.reading, actor=user[0])] == ["login", "password_changed"]


async def test_without_the_present_password_nothing_changes_and_guessing_it_is_limited(
    subscriber: Browser, world: World
) -> None:
    statuses = [await change(subscriber, NEW, present="wrong") for _ in range(21)]
    assert statuses == [422] * 20 + [429]
    assert await change(subscriber, NEW) == 429
    world.clock.forward(hours=1, minutes=-31)
    assert (await world.browser(local_address="127.0.0.2").log_in(SUBSCRIBER)).location == "/"


async def test_two_different_entries_are_refused(subscriber: Browser) -> None:
    assert await change(subscriber, NEW, again=NEW + "!") == 422


@pytest.mark.parametrize(
    "weak",
    [
        "коротко",
        "password123456789",
        "qwertyuiopasdfgh",
        "йцукенгшщзхъфыва",
        "111111111111111111",
        "абвабвабвабвабвабв",
        "энергосервис2026",
        "000012345 000012345",
        "subscriber пароль",
        "x" * 201,
    ],
)
def test_what_a_guesser_tries_first_may_not_be_chosen(weak: str) -> None:
    assert objection(weak, (SUBSCRIBER, "subscriber", "АО «Энергосервис»")) is not None


@pytest.mark.parametrize("good", [NEW, PASSWORD, "correct horse battery staple", "  пробелы  по  краям  тоже  "])
def test_a_phrase_of_a_few_words_may(good: str) -> None:
    assert objection(good, (SUBSCRIBER, "subscriber")) is None


@given(st.text(min_size=0, max_size=250))
def test_no_text_is_too_odd_to_be_judged(text: str) -> None:
    assert objection(text, ("000012345",)) is None or len(objection(text, ("000012345",)) or "") > 10


def test_one_time_passwords_are_long_random_and_unambiguous() -> None:
    made = {passwords.one_time() for _ in range(200)}
    assert len(made) == 200
    assert len(passwords.LETTERS) == 55
    assert not set("".join(made)) & set("IOilo01")
    assert {len(passwords.typed_one_time(each)) for each in made} == {16}
