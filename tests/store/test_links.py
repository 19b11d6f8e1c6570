"""A user record opens its own accounts and those it was let into; each link ends with the holder it was made for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lk_sync.clock import instant
from lk_sync.errors import BadData
from lk_sync.store import audit, links, preferences, sessions, users
from lk_sync.store.database import Store
from lk_sync.store.links import Role
from tests.at_the_store import Kept

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FLAT, DACHA, FOREIGN = "000012345", "000012346", "000012347"


@pytest.fixture
def store(kept: Kept) -> Iterator[Store]:
    made = kept.store()
    yield made
    made.close()


def person(store: Store, account: str, *, holder: str = "h") -> str:
    return store.write_now(
        lambda tx: users.create(
            tx, account=account, holder_key=holder, email=f"{holder}@b.ru", language="ru", password_hash="p",
            lasts=DAY, now=NOW,
        )
    )  # fmt: skip


def add(store: Store, code: str, account: str, *, holder: str = "h", role: Role = "owner", **more: Any) -> None:
    store.write_now(
        lambda tx: links.make(tx, user_code=code, account=account, holder_key=holder, role=role, now=NOW, **more)
    )


def let_in(store: Store, guest: str, account: str, owner: str, *, days: int = 30, holder: str = "h") -> None:
    add(store, guest, account, holder=holder, role="view", granted_by=owner, until=instant(NOW + days * DAY))


def opened(store: Store, code: str, now: datetime = NOW) -> list[str]:
    return [link.account for link in links.of_user(store.reading, user_code=code, now=now)]


def start(store: Store, code: str, account: str = "") -> str:
    token = f"token of {code} {account}"
    store.write_now(
        lambda tx: sessions.start(
            tx, token=token, user_code=code, csrf_key="k", now=NOW, lasts=DAY, address="a", browser="b", account=account
        )
    )
    return token


def shown(store: Store, token: str, now: datetime = NOW) -> str | None:
    found = sessions.find(store.reading, token=token, now=now, idle=timedelta(days=400))
    return found.account if found else None


def test_any_of_ones_own_accounts_leads_to_the_same_user_record(store: Store) -> None:
    code = person(store, FLAT)
    add(store, code, DACHA)
    for account in (FLAT, DACHA):
        found = users.of_login(store.reading, name=account, now=NOW)
        assert found is not None
        assert (found.user_code, found.account) == (code, account)


def test_an_account_has_one_owner_and_a_user_one_link_to_it(store: Store) -> None:
    first, second = person(store, FLAT), person(store, DACHA)
    for code, role in ((second, "owner"), (first, "view")):
        with pytest.raises((sqlite3.IntegrityError, BadData)):
            add(store, code, FLAT, role=role)  # type: ignore[arg-type]  # of the literals
    let_in(store, second, FLAT, first)
    assert opened(store, second) == [DACHA, FLAT]


def test_a_new_holder_ends_that_account_and_leaves_the_others(store: Store) -> None:
    code = person(store, FLAT)
    add(store, code, DACHA)
    token = start(store, code, FLAT)
    ended = store.write_now(
        lambda tx: users.end_holder(tx, account=FLAT, holder_key="h", reason="holder_changed", now=NOW)
    )
    assert [(link.user_code, link.account) for link in ended] == [(code, FLAT)]
    assert opened(store, code) == [DACHA]
    assert shown(store, token) == DACHA
    assert users.of_account(store.reading, account=FLAT) is None


def test_a_new_holder_ends_what_the_former_one_has_given(store: Store) -> None:
    owner, guest = person(store, FLAT), person(store, DACHA, holder="g")
    let_in(store, guest, FLAT, owner)
    token = start(store, guest, FLAT)
    assert shown(store, token) == FLAT
    store.write_now(lambda tx: users.end_holder(tx, account=FLAT, holder_key="h", reason="holder_changed", now=NOW))
    assert users.find(store.reading, user_code=owner) is None
    assert shown(store, token) == DACHA
    acts = {(entry.act, entry.object) for entry in audit.by(store.reading, actor=audit.SYSTEM)}
    assert acts == {("link_ended", f"user:{owner}"), ("user_ended", f"user:{owner}"), ("link_ended", f"user:{guest}")}


def test_whoever_was_let_in_sees_nothing_after_the_last_day(store: Store) -> None:
    owner = person(store, FLAT)
    guest = store.write_now(
        lambda tx: users.create_guest(tx, email="g@b.ru", language="ru", password_hash="p", now=NOW)
    )
    let_in(store, guest, FLAT, owner, days=2)
    token = start(store, guest)
    before, after = NOW + 2 * DAY - timedelta(seconds=1), NOW + 2 * DAY
    store.write_now(lambda tx: sessions.seen(tx, moments={sessions.token_hash(token): instant(before)}))
    store.write_now(lambda tx: tx.change("sessions.show", token_hash=sessions.token_hash(token), account=FLAT))
    assert opened(store, guest, before) == [FLAT]
    assert users.of_login(store.reading, name=guest, now=before) is not None
    assert opened(store, guest, after) == []
    assert users.of_login(store.reading, name=guest, now=after) is None
    assert links.over(store.reading, now=before) == []
    (over,) = links.over(store.reading, now=after)
    store.write_now(lambda tx: users.end_link(tx, over, reason="day_has_come", now=after))
    assert users.find(store.reading, user_code=guest) is None
    assert users.find(store.reading, user_code=owner) is not None


def test_a_session_on_an_account_that_closed_to_it_shows_another_or_ends(store: Store) -> None:
    owner, guest = person(store, FLAT), person(store, DACHA, holder="g")
    let_in(store, guest, FLAT, owner, days=0)
    token = start(store, guest, FLAT)
    assert shown(store, token) == DACHA
    store.write_now(lambda tx: users.end(tx, user_code=guest, reason="by_wish", now=NOW))
    assert shown(store, token) is None
    assert opened(store, owner) == [FLAT]


def test_a_code_opens_no_record_that_has_an_account_of_its_own(store: Store) -> None:
    code = person(store, FLAT)
    assert users.of_login(store.reading, name=code, now=NOW) is None


def test_sessions_are_listed_and_ended_one_by_one(store: Store) -> None:
    code, other = person(store, FLAT), person(store, FOREIGN, holder="x")
    tokens = [start(store, code, FLAT), start(store, code)]
    foreign = start(store, other)

    def listed() -> set[str]:
        return {line.shown for line in sessions.of_user(store.reading, user_code=code, now=NOW, idle=DAY)}

    prefixes = {sessions.token_hash(token)[: sessions.SHOWN] for token in tokens}
    assert listed() == prefixes
    theirs = sessions.token_hash(foreign)[: sessions.SHOWN]
    assert not store.write_now(lambda tx: sessions.end_one(tx, user_code=code, shown=theirs))
    gone = sessions.token_hash(tokens[0])[: sessions.SHOWN]
    assert store.write_now(lambda tx: sessions.end_one(tx, user_code=code, shown=gone))
    assert listed() == prefixes - {gone}
    tokens.append(start(store, code, "third"))
    assert store.write_now(lambda tx: sessions.end_others(tx, user_code=code, token=tokens[1])) == 1
    assert shown(store, foreign) == FOREIGN


def test_a_choice_is_kept_and_the_same_one_again_changes_nothing(store: Store) -> None:
    code = person(store, FLAT)

    def choose(value: str) -> bool:
        return store.write_now(
            lambda tx: preferences.choose(tx, user_code=code, name="text_size", value=value, now=NOW)
        )

    assert [choose("large"), choose("large"), choose("largest")] == [True, False, True]
    assert preferences.of_user(store.reading, user_code=code) == {"text_size": "largest"}


def test_what_somebody_did_on_an_account_is_told_for_that_account_alone(store: Store) -> None:
    code = person(store, FLAT)
    for account in (FLAT, DACHA, None):
        store.write_now(
            lambda tx, about=account: audit.append(tx, actor=code, act="a", object="o", now=NOW, account=about)
        )
    assert len(audit.on_account(store.reading, account=FLAT, actor=code, since=instant(NOW), most=9)) == 1
    assert audit.on_account(store.reading, account=FLAT, actor=code, since=instant(NOW + DAY), most=9) == []
