"""The window of readings, due verifications and refused readings are told on their day, and only where they matter."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from demo.supplier.oddities import Oddity
from lk_sync.clock import instant
from lk_sync.notices import of_days, of_meters, of_readings
from lk_sync.store import notifications, outbox, submissions
from lk_sync.store.database import Tx
from tests.notices.conftest import MOSCOW, Houses
from tests.portal.pages.cast import BOOKS, NUMBER

METER = BOOKS[Oddity.ORDINARY]["meters"][0][1]


def at(day: int, hour: int = 9, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=MOSCOW)


def hand_in(houses: Houses, code: str, meter: str = METER, *, item: str = "i1", period: int = 202611) -> None:
    def work(tx: Tx) -> None:
        account = NUMBER[Oddity.ORDINARY]
        outbox.insert(tx, item=item, kind="reading", account=account, payload=json.dumps({}), now=at(16))
        submissions.add(
            tx, submission=item, item=item, user_code=code, account=account, meter=meter, period=period,
            value_micro=12_000_000, taken_on="2026-11-16", flags=(), supersedes=None, content_hash="h", now=at(16),
        )  # fmt: skip

    houses.store.write_now(work)


def reject(houses: Houses, when: datetime, item: str = "i1", text: str = "меньше прежнего") -> None:
    """As the push does that reads the answer."""

    def work(tx: Tx) -> None:
        outbox.batch(tx, sink="books", number=1, lines=[(1, item)])
        outbox.answer(
            tx, item=item, sink="books", number=1, verdict="rejected", code="less", text=text, now=when
        )  # fmt: skip

    houses.store.write_now(work)


def walk_days(houses: Houses, *moments: datetime) -> None:
    for moment in moments:
        of_days.go(houses.ground(moment))


def told(houses: Houses, code: str) -> list[str]:
    return [each.kind for each in reversed(houses.unread(code))]


def test_the_window_is_told_once_when_it_opens_and_once_before_it_closes(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    walk_days(houses, at(13), at(14), at(15, 7))
    assert told(houses, code) == []
    walk_days(houses, *(at(day) for day in (15, 15, 16, 20, 23)))
    assert told(houses, code) == ["window_opens"]
    walk_days(houses, at(24), at(25), at(26))
    assert told(houses, code) == ["window_opens", "window_closes"]
    closes, opens = houses.unread(code)
    assert opens.detail == {"period": 202611, "first": "2026-11-15", "last": "2026-11-25"}
    serial = BOOKS[Oddity.ORDINARY]["meters"][0][2]
    assert [meter["serial"] for meter in closes.detail["meters"]] == [serial]


def test_who_has_handed_in_is_not_reminded(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    walk_days(houses, at(14))
    hand_in(houses, code)
    walk_days(houses, at(15), at(24))
    assert told(houses, code) == []
    reject(houses, at(24, 10))
    walk_days(houses, at(25))
    assert told(houses, code) == [], "the day of the reminder is over; the refusal itself is told"


def test_a_reading_in_the_books_counts_and_a_calculated_one_does_not(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    key = houses.reader.account_key(NUMBER[Oddity.ORDINARY])
    walk_days(houses, at(14))
    assert key is not None
    houses.amend(
        "UPDATE readings SET period = 202611 WHERE account = :key AND reading = "
        "(SELECT reading FROM readings WHERE account = :key AND meter = :meter ORDER BY taken_on DESC LIMIT 1)",
        key=key, meter=METER,
    )  # fmt: skip
    walk_days(houses, at(24))
    assert told(houses, code) == []


@pytest.mark.parametrize("oddity", [Oddity.CLOSED, Oddity.AUTOMATIC, Oddity.NO_METER])
def test_who_can_hand_in_nothing_is_asked_for_nothing(houses: Houses, oddity: Oddity) -> None:
    code = houses.user(oddity)
    walk_days(houses, at(14), at(15), at(24))
    assert told(houses, code) == []


def test_a_day_without_an_engine_is_made_up_for_while_the_window_is_open(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    walk_days(houses, at(10), at(18))
    assert told(houses, code) == ["window_opens"]
    walk_days(houses, at(25))
    assert told(houses, code) == ["window_opens", "window_closes"]


def test_a_window_that_has_closed_meanwhile_is_not_told_of(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    walk_days(houses, at(10), at(28))
    assert told(houses, code) == []


def _due(houses: Houses, day: str) -> None:
    houses.amend("UPDATE meters SET verification_due_on = :day WHERE meter = :meter", day=day, meter=METER)


def test_a_verification_is_told_so_many_days_before_and_when_it_is_past(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    _due(houses, "2026-12-31")
    day = date(2026, 11, 1)
    seen: list[tuple[date, Any]] = []
    while day < date(2027, 1, 10):
        of_meters.go(houses.ground(datetime(day.year, day.month, day.day, 9, tzinfo=MOSCOW)))
        new = houses.unread(code)
        if len(new) > len(seen):
            seen.append((day, new[0].detail["expired"]))
        day += timedelta(days=1)
    assert seen == [(date(2026, 11, 21), False), (date(2026, 12, 24), False), (date(2027, 1, 1), True)]


def test_of_days_that_were_missed_the_nearest_one_is_told(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    _due(houses, "2026-12-31")
    of_meters.go(houses.ground(at(1)))
    of_meters.go(houses.ground(at(28, month=12)))
    assert [each.detail["due_on"] for each in houses.unread(code)] == ["2026-12-31"]
    of_meters.go(houses.ground(at(29, month=12)))
    assert len(houses.unread(code)) == 1


def test_a_verification_that_was_done_is_not_told_of(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    _due(houses, "2026-12-31")
    of_meters.go(houses.ground(at(20)))
    _due(houses, "2032-12-31")
    of_meters.go(houses.ground(at(30)))
    assert houses.unread(code) == []


def test_a_refused_reading_is_told_with_until_when_another_one_is_taken(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    hand_in(houses, code)
    of_readings.go(houses.ground(at(16)))
    reject(houses, at(17))
    for hour in (9, 10, 11):
        of_readings.go(houses.ground(at(17, hour)))
    (found,) = houses.unread(code)
    assert (found.kind, found.letter) == ("reading_rejected", "due")
    assert (found.detail["text"], found.detail["last"]) == ("меньше прежнего", "2026-11-25")
    assert found.detail["meter"]["serial"] == BOOKS[Oddity.ORDINARY]["meters"][0][2]


def test_on_the_last_days_the_letter_about_a_refused_reading_does_not_wait(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    hand_in(houses, code)
    of_readings.go(houses.ground(at(16)))
    reject(houses, at(24, 23))
    of_readings.go(houses.ground(at(24, 23)))
    (found,) = houses.unread(code)
    assert found.letter == "written", "also in quiet hours: tomorrow is too late"


def test_an_answer_that_was_committed_late_is_told_all_the_same(houses: Houses) -> None:
    """Its moment lies before one that was walked over already."""
    code = houses.user(Oddity.ORDINARY)
    hand_in(houses, code)
    hand_in(houses, code, item="i2", period=202610)
    of_readings.go(houses.ground(at(16)))
    reject(houses, at(17, 10), "i2")
    of_readings.go(houses.ground(at(17, 10)))
    reject(houses, at(17, 10) - timedelta(minutes=5), "i1")
    of_readings.go(houses.ground(at(17, 11)))
    assert len(houses.unread(code)) == 2


def test_readings_that_were_refused_before_the_first_look_are_no_news(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    hand_in(houses, code)
    reject(houses, at(17))
    of_readings.go(houses.ground(at(20)))
    of_readings.go(houses.ground(at(21)))
    assert houses.unread(code) == []


def test_whose_meter_is_not_in_the_books_any_more_is_told_without_it(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    hand_in(houses, code, "gone")
    of_readings.go(houses.ground(at(16)))
    reject(houses, at(17), text="")
    of_readings.go(houses.ground(at(17)))
    (found,) = houses.unread(code)
    assert (found.detail["meter"], found.detail["unit"]) == (None, None)


def test_all_that_is_told_fits_a_letter(houses: Houses) -> None:
    """The facts have every name that the sentences ask for."""
    from lk_sync.notices import facts

    code = houses.user(Oddity.ORDINARY)
    hand_in(houses, code)
    _due(houses, "2026-12-31")
    of_readings.go(houses.ground(at(14)))
    of_meters.go(houses.ground(at(14)))
    walk_days(houses, at(14), at(15))
    reject(houses, at(17))
    of_readings.go(houses.ground(at(17)))
    houses.amend("DELETE FROM readings WHERE period = 202611")
    of_meters.go(houses.ground(at(28)))
    found = houses.store.read(lambda tx: notifications.due(tx, user_code=code))
    assert {each.kind for each in found} == {"reading_rejected", "verification"}
    samples = {each["kind"]: each for each in facts.SAMPLES}
    for each in found:
        assert {"kind", "account", "at", *each.detail} == samples[each.kind].keys()
        assert instant(at(28)) >= each.created_at
