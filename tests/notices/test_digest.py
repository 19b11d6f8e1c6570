"""One letter a day, at its hour, with what is still true, unread and wanted."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lk_sync.errors import SettingsError
from lk_sync.notification_setting import Notifications
from lk_sync.store import switches
from tests.notices.conftest import Town
from tests.portal.world import configure

DAY = date(2026, 11, 4)


@pytest.fixture
def code(town: Town) -> str:
    """Somebody with two things to be told of."""
    code = town.user("001")
    town.days.bill("001", "2026-10", "120.00", "О1")
    town.days.world.payment("001", "П-9", "70.00", дата="2026-11-02")
    town.pull()
    return code


def test_whatever_has_come_is_in_one_letter_at_its_hour(town: Town, code: str) -> None:
    assert town.write_letters(DAY, 9) == []
    (letter,) = town.write_letters(DAY, 10)
    assert letter.kind == "notices"
    assert {each["kind"] for each in letter.context["notices"]} == {"bill", "payment"}
    assert [town.write_letters(DAY, hour) for hour in (10, 11, 20)] == [[], [], []]
    assert len(town.unread(code)) == 2, "a letter is no visit"


def test_what_comes_after_the_letter_waits_for_tomorrows(town: Town, code: str) -> None:
    town.write_letters(DAY, 10)
    town.days.world.payment("001", "П-10", "1.00", дата="2026-11-03")
    town.pull()
    assert town.write_letters(DAY, 15) == []
    (letter,) = town.write_letters(DAY.replace(day=5), 10)
    assert [each["kind"] for each in letter.context["notices"]] == ["payment"]


@pytest.mark.parametrize(("hour", "letters"), [(21, 0), (23, 0), (3, 0), (20, 1)])
def test_a_letter_that_is_late_waits_for_the_quiet_hours_to_end(town: Town, code: str, hour: int, letters: int) -> None:
    assert len(town.write_letters(DAY, hour)) == letters


def test_what_was_read_meanwhile_needs_no_letter(town: Town, code: str) -> None:
    town.look(code)
    assert town.write_letters(DAY, 10) == []


def test_what_was_switched_off_since_is_in_no_letter(town: Town, code: str) -> None:
    town.store.write_now(
        lambda tx: switches.put(tx, user_code=code, kind="bill", channel="letter", on=False, now=town.days.today)
    )
    (letter,) = town.write_letters(DAY, 10)
    assert [each["kind"] for each in letter.context["notices"]] == ["payment"]
    town.store.write_now(
        lambda tx: switches.put(tx, user_code=code, kind=switches.ALL, channel="letter", on=False, now=town.days.today)
    )
    town.days.world.payment("001", "П-10", "1.00", дата="2026-11-03")
    town.pull()
    assert town.write_letters(DAY.replace(day=5), 10) == []


def test_what_was_taken_back_before_the_letter_is_not_in_it(town: Town, code: str) -> None:
    town.books["bills"]["rows"].pop()
    town.pull()
    (letter,) = town.write_letters(DAY, 10)
    assert [each["kind"] for each in letter.context["notices"]] == ["payment"]


def test_many_users_have_a_letter_each(town: Town) -> None:
    for number in range(5):
        town.user(f"00{number}")
        town.days.bill(f"00{number}", "2026-10", "120.00", f"О{number}")
    town.pull()
    letters = town.write_letters(DAY, 10)
    assert sorted(letter.recipient for letter in letters) == [f"00{number}@example.ru" for number in range(5)]


def test_a_letter_hour_in_quiet_hours_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="тихий час"):
        configure(tmp_path, port=1, notifications={"letter_hour": 23})
    assert not Notifications(quiet_from=0, quiet_until=0).is_quiet(0)
    assert Notifications(quiet_from=1, quiet_until=5).is_quiet(3)
