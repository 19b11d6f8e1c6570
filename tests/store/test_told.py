"""A user is told of an event once, of what he wants to hear, and never something that is not true any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lk_sync.clock import instant
from lk_sync.mail import stationery
from lk_sync.notices import bounces, facts
from lk_sync.store import addresses, letters, notifications, sessions, signing, switches, users
from lk_sync.store.database import Store, Tx
from lk_sync.store.notifications import KINDS, Kind
from tests.at_the_store import Kept

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ACCOUNT = "000012345"
BILL = {
    "period": 202610,
    "number": "10-1",
    "amount_kopecks": 123456,
    "was_kopecks": None,
    "due_on": None,
    "gone": False,
}


@pytest.fixture
def store(kept: Kept) -> Iterator[Store]:
    with closing(kept.store()) as opened:
        yield opened


def user(store: Store, account: str = ACCOUNT, *, own: bool = True, email: str = "somebody@example.ru") -> str:
    def work(tx: Tx) -> str:
        code = users.create(
            tx, account=account, holder_key="h", email=email, language="ru", password_hash="one", lasts=timedelta(1),
            now=NOW,
        )  # fmt: skip
        found = users.find(tx, user_code=code)
        assert found is not None
        if own:
            users.choose_password(tx, user=found, password_hash="own")
        return code

    return store.write_now(work)


def tell(store: Store, code: str, event: str = "bill:202610", kind: Kind = "bill", **more: Any) -> bool:
    told: dict[str, Any] = {"account": ACCOUNT, "detail": BILL, "now": NOW} | more
    return store.write_now(lambda tx: notifications.add(tx, user_code=code, kind=kind, event=event, **told))


def unread(store: Store, code: str) -> list[notifications.Notification]:
    return store.read(lambda tx: notifications.unread(tx, user_code=code, most=50))


def waiting_letters(store: Store) -> list[letters.Letter]:
    found = []
    while (
        letter := store.write_now(lambda tx: letters.claim(tx, now=NOW, lease_until=NOW + timedelta(1)))
    ) is not None:
        found.append(letter)
    return found


def test_an_event_is_told_once_to_each_user_and_account(store: Store) -> None:
    code, other = user(store), user(store, "000012346")
    assert tell(store, code)
    assert not tell(store, code)
    assert tell(store, code, account="000012346")
    assert tell(store, other)
    assert [each.detail for each in unread(store, code)] == [BILL, BILL]
    assert len(unread(store, other)) == 1


def test_whoever_is_no_user_any_more_is_told_nothing(store: Store) -> None:
    code = user(store)
    store.write_now(lambda tx: users.end(tx, user_code=code, reason="holder_changed", now=NOW))
    assert not tell(store, code)
    assert not tell(store, "NOBODY")


def test_a_kind_is_switched_off_in_the_portal_and_by_letter_apart(store: Store) -> None:
    code = user(store)

    def put(kind: str, channel: switches.Channel, on: bool) -> None:
        store.write_now(lambda tx: switches.put(tx, user_code=code, kind=kind, channel=channel, on=on, now=NOW))

    put("bill", "portal", False)
    assert tell(store, code, "bill:1")
    assert unread(store, code) == []
    put("bill", "letter", False)
    assert not tell(store, code, "bill:2")
    put("bill", "portal", True)
    assert tell(store, code, "bill:3")
    assert [each.letter for each in unread(store, code)] == ["none"]


def test_stopping_all_letters_leaves_those_that_guard_the_record(store: Store) -> None:
    code = user(store)
    store.write_now(lambda tx: switches.put(tx, user_code=code, kind=switches.ALL, channel="letter", on=False, now=NOW))
    tell(store, code, "payment:1", "payment")
    tell(store, code, "device:1", "device")
    due = store.read(lambda tx: notifications.due(tx, user_code=code))
    assert [each.kind for each in due] == ["device"]


def test_nobody_is_written_to_at_an_address_that_no_login_has_proved(store: Store) -> None:
    code = user(store, own=False)
    assert tell(store, code, urgent=True)
    assert len(unread(store, code)) == 1
    assert waiting_letters(store) == []


def test_what_is_urgent_has_a_letter_at_once_with_a_way_to_stop_them(store: Store) -> None:
    code = user(store)
    assert tell(store, code, urgent=True)
    assert not tell(store, code, urgent=True)
    (letter,) = waiting_letters(store)
    assert (letter.kind, letter.recipient, letter.purpose) == ("notices", "somebody@example.ru", "service")
    assert letter.context["notices"] == [{"kind": "bill", "account": ACCOUNT, "at": instant(NOW)} | BILL]
    token = letter.context["unsubscribe"].removeprefix("/unsubscribe/")
    assert store.read(lambda tx: signing.subject_of(tx, purpose=signing.UNSUBSCRIBE, token=token)) == code
    assert store.read(lambda tx: notifications.waiting(tx, after="", most=10)) == []


def test_what_has_a_letter_of_its_own_elsewhere_is_in_no_letter_here(store: Store) -> None:
    code = user(store)
    assert tell(store, code, by_letter=False)
    assert [each.letter for each in unread(store, code)] == ["none"]


def test_what_is_not_true_any_more_is_not_heard_by_who_has_not_heard_it(store: Store) -> None:
    code = user(store)
    tell(store, code)
    _take_back(store, code)
    assert unread(store, code) == []
    assert store.read(lambda tx: notifications.earlier(tx, user_code=code, before=None, most=9)) == []
    assert tell(store, code), "the bill was issued again"


def test_who_has_heard_what_is_not_true_any_more_is_told_so(store: Store) -> None:
    code = user(store)
    tell(store, code)
    (told,) = unread(store, code)
    store.write_now(lambda tx: notifications.read(tx, user_code=code, seen=[told.notification], now=NOW))
    _take_back(store, code)
    assert [each.detail["gone"] for each in unread(store, code)] == [True]
    (former,) = store.read(lambda tx: notifications.earlier(tx, user_code=code, before=None, most=9))
    assert former.withdrawn_at is not None


def _take_back(store: Store, code: str) -> None:
    store.write_now(
        lambda tx: notifications.take_back(
            tx, user_code=code, account=ACCOUNT, event="bill:202610", kind="bill", gone=BILL | {"gone": True},
            again="bill:202610:gone", now=NOW,
        )
    )  # fmt: skip


def test_the_session_knows_how_much_is_unread_up_to_a_hundred(store: Store) -> None:
    code = user(store)

    def begin(tx: Tx) -> None:
        sessions.start(
            tx, token="t", user_code=code, csrf_key="k", now=NOW, lasts=timedelta(1), address="", browser=""
        )  # fmt: skip
        for number in range(120):
            notifications.add(
                tx, user_code=code, account=ACCOUNT, kind="bill", event=f"{number}", detail=BILL, now=NOW
            )  # fmt: skip

    def count() -> int:
        session = store.read(lambda tx: sessions.find(tx, token="t", now=NOW, idle=timedelta(hours=1)))
        assert session is not None
        return session.unread

    store.write_now(begin)
    assert count() == 100
    store.write_now(lambda tx: notifications.read_all(tx, user_code=code, until=instant(NOW), now=NOW))
    assert count() == 0


def test_an_address_that_was_refused_gets_no_letters_until_it_is_in_order(store: Store) -> None:
    code = user(store, email="gone@example.ru")
    for _ in range(2):
        store.write_now(lambda tx: bounces.tell(tx, address="gone@example.ru", answer="550 no such user", now=NOW))
    (told,) = unread(store, code)
    assert told.kind == "mail"
    assert told.detail == {"address": "g…@example.ru", "answer": "550 no such user"}
    tell(store, code, urgent=True)
    assert waiting_letters(store) == []
    assert store.write_now(lambda tx: addresses.accepted(tx, address="gone@example.ru"))
    tell(store, code, "bill:2", urgent=True)
    assert len(waiting_letters(store)) == 1


def test_a_token_is_good_for_its_subject_and_its_purpose_only(store: Store) -> None:
    token = store.write_now(lambda tx: signing.token(tx, purpose="unsubscribe", subject="ABC"))
    other = store.write_now(lambda tx: signing.token(tx, purpose="other", subject="ABC"))

    def whose(text: str) -> str | None:
        return store.read(lambda tx: signing.subject_of(tx, purpose="unsubscribe", token=text))

    assert whose(token) == "ABC"
    for wrong in (other, token.replace("ABC", "ABD"), token[:-1], token + "A", "", "ABC.", "я.…", "A" * 5000):
        assert whose(wrong) is None


def test_nothing_is_written_for_another_purpose_than_the_service(store: Store) -> None:
    def write(tx: Tx) -> bool:
        return letters.write(
            tx, kind="notices", once="a", recipient="a@b.ru", language="ru", context={}, now=NOW, purpose="advertising"
        )  # fmt: skip

    assert not store.write_now(write)
    assert waiting_letters(store) == []


def test_every_kind_has_facts_for_its_sentences() -> None:
    assert {each["kind"] for each in facts.EXAMPLES} == set(KINDS)
    assert "notices" in stationery.KINDS
