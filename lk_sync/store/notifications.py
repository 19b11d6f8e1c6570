"""Notifications: what was each user told, in the portal and by letter, and what is still to be told?

An event has a name that is unique within a user and an account, so that it is told once, whoever finds it and however
often. What is told is kept as facts (`detail`); the words are made where they are shown, in the reader's language and
the supplier's words. A notification waits for the day's letter unless it is urgent: then a letter of its own is queued
in the same unit of work.

`add` is for everybody who has something to tell a user. Facts of each kind: `lk_sync/notices/facts.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import uuid4

import msgspec

from lk_sync.clock import instant
from lk_sync.records import Instant
from lk_sync.store import addresses, letters, signing, switches, users
from lk_sync.store.database import Row, Tx

Kind = Literal[
    "bill", "month_changed", "payment", "window_opens", "window_closes", "reading_rejected", "verification", "works",
    "request_answered", "device", "access", "mail",
]  # fmt: skip
LetterState = Literal["due", "written", "none"]
KINDS: Final[tuple[Kind, ...]] = Kind.__args__  # type: ignore[attr-defined] # what a Literal lists
LETTER: Final = "notices"
UNTIL_ALL: Final = "9999"  # after every instant
NOT_BY_LETTER: Final = frozenset({"mail"})
_FACTS: Final = msgspec.json.Decoder(dict[str, Any])
Facts = Mapping[str, Any]


class Notification(msgspec.Struct, frozen=True):
    """`read_at`: when it was on the user's page. `withdrawn_at`: since when it is not true any more."""

    notification: str
    account: str
    kind: Kind
    detail: dict[str, Any]
    created_at: Instant
    read_at: Instant | None
    withdrawn_at: Instant | None
    letter: LetterState

    @property
    def is_seen(self) -> bool:
        """Whether the user can know of it."""
        return self.read_at is not None or self.letter == "written"


def add(
    tx: Tx,
    *,
    user_code: str,
    account: str,
    kind: Kind,
    event: str,
    detail: Facts,
    now: datetime,
    urgent: bool = False,
    by_letter: bool = True,
) -> bool:
    """Tells a live user of `event`. False: he was told before, wants to hear nothing of the kind, or is no user any
    more. `urgent`: by a letter of its own, at once. `by_letter` False: a letter about it is written elsewhere."""
    off = switches.of(tx, user_code=user_code)
    in_portal = not off.has(kind, "portal")
    by_letter = by_letter and kind not in NOT_BY_LETTER and not off.has(kind, "letter")
    if not in_portal and not by_letter:
        return False
    new = uuid4().hex
    changed = tx.change(
        "notifications.add",
        notification=new,
        user_code=user_code,
        account=account,
        kind=kind,
        event=event,
        detail=msgspec.json.encode(dict(detail)).decode(),
        in_portal=int(in_portal),
        letter="due" if by_letter else "none",
        now=instant(now),
    )
    if changed and urgent:
        _write_at_once(tx, user_code, new, now)
    return changed == 1


def _write_at_once(tx: Tx, user_code: str, notification: str, now: datetime) -> None:
    waiting = [each for each in due(tx, user_code=user_code) if each.notification == notification]
    write_letter(tx, user_code=user_code, told=waiting, once=f"notice:{notification}", now=now)


def write_letter(tx: Tx, *, user_code: str, told: Sequence[Notification], once: str, now: datetime) -> bool:
    """One letter about all of `told`, which wait for one. False: there is nobody to write to; they wait no more."""
    user = users.find(tx, user_code=user_code)
    reachable = user is not None and addresses.refusal(tx, address=user.email) is None
    written = reachable and bool(told)
    for each in told:
        tx.change("notifications.lettered", notification=each.notification, letter="written" if written else "none")
    if user is None or not written:
        return False
    return letters.write(
        tx,
        kind=LETTER,
        once=once,
        recipient=user.email,
        language=user.language,
        context={
            "account": user.account,
            "notices": [
                {"kind": each.kind, "account": each.account, "at": each.created_at} | each.detail for each in told
            ],
            "unsubscribe": f"/unsubscribe/{signing.token(tx, purpose=signing.UNSUBSCRIBE, subject=user_code)}",
        },
        now=now,
    )


def take_back(
    tx: Tx, *, user_code: str, account: str, event: str, kind: Kind, gone: Facts, again: str, now: datetime
) -> None:
    """`event` is not true any more. Who can not have heard of it does not hear of it; who has is told `gone` as the
    event `again`. Nothing, if he was never told."""
    told = of_event(tx, user_code=user_code, account=account, event=event)
    if told is None:
        return
    withdraw(tx, notification=told.notification, now=now)
    if told.is_seen:
        add(tx, user_code=user_code, account=account, kind=kind, event=again, detail=gone, now=now)


def of_event(tx: Tx, *, user_code: str, account: str, event: str) -> Notification | None:
    """What the user was told of it, unless it was taken back."""
    row = tx.row("notifications.of_event", user_code=user_code, account=account, event=event)
    return None if row is None else _notification(row)


def unseen(tx: Tx, *, user_code: str, account: str, kind: Kind) -> list[Notification]:
    """What the user can not have seen yet, the oldest first."""
    rows = tx.rows("notifications.unseen", user_code=user_code, account=account, kind=kind)
    return [_notification(row) for row in rows]


def retell(tx: Tx, *, notification: str, detail: Facts, now: datetime) -> None:
    """Other facts instead of those that nobody has seen."""
    facts = msgspec.json.encode(dict(detail)).decode()
    tx.change("notifications.retell", notification=notification, detail=facts, now=instant(now))


def withdraw(tx: Tx, *, notification: str, now: datetime) -> None:
    tx.change("notifications.withdraw", notification=notification, now=instant(now))


def told(tx: Tx, *, event: str, after: tuple[str, str], most: int) -> list[tuple[str, str, dict[str, Any]]]:
    """(user, account, facts) of those who were told of an event of many, after a pair of user and account."""
    rows = tx.rows("notifications.told", event=event, user_code=after[0], account=after[1], most=most)
    return [(user_code, account, _FACTS.decode(detail)) for user_code, account, detail in rows]


def unread(tx: Tx, *, user_code: str, most: int) -> list[Notification]:
    """The newest first."""
    return [_notification(row) for row in tx.rows("notifications.unread", user_code=user_code, most=most)]


def earlier(tx: Tx, *, user_code: str, before: tuple[Instant, str] | None, most: int) -> list[Notification]:
    """What the user has seen, the newest first; `before`: the place of the last one of the part above."""
    at, notification = before or (UNTIL_ALL, "")
    rows = tx.rows("notifications.earlier", user_code=user_code, at=at, notification=notification, most=most)
    return [_notification(row) for row in rows]


def place(tx: Tx, *, user_code: str, notification: str) -> tuple[Instant, str] | None:
    """Where one of the user's own stands in the list."""
    row = tx.row("notifications.place", user_code=user_code, notification=notification)
    return None if row is None else (str(row[0]), notification)


def read(tx: Tx, *, user_code: str, seen: Sequence[str], now: datetime) -> int:
    many = ({"user_code": user_code, "notification": each, "now": instant(now)} for each in seen)
    return tx.change_many("notifications.read", many)


def read_all(tx: Tx, *, user_code: str, until: Instant, now: datetime) -> int:
    return tx.change("notifications.read_all", user_code=user_code, until=until, now=instant(now))


def waiting(tx: Tx, *, after: str, most: int) -> list[str]:
    """Users for whom something waits for a letter, in the order of their codes."""
    return [str(row[0]) for row in tx.rows("notifications.waiting", after=after, most=most)]


def due(tx: Tx, *, user_code: str) -> list[Notification]:
    """What waits for the user's letter, the oldest first."""
    return [_notification(row) for row in tx.rows("notifications.due", user_code=user_code)]


def spare(tx: Tx, told: Sequence[Notification]) -> None:
    """These will be in no letter."""
    for each in told:
        tx.change("notifications.lettered", notification=each.notification, letter="none")


def sweep(tx: Tx, *, before: datetime) -> int:
    """Forgets what is older."""
    return tx.change("notifications.sweep", before=instant(before))


def _notification(row: Row) -> Notification:
    return Notification(row[0], row[1], row[2], _FACTS.decode(row[3]), *row[4:])
