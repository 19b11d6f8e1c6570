"""Sessions: who is this visitor, and until when?

The store keeps only the SHA-256 of a token, so a copy of it opens no session.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store import blocks, links
from lk_sync.store.database import Tx
from lk_sync.store.links import Role

SHOWN: Final = 12  # of 64 characters of a hash: enough to tell sessions apart, not to make one


class Session(msgspec.Struct, frozen=True):
    """A live session with what its user record says, and the account it shows. `several`: there are others."""

    user_code: str
    account: str
    holder_key: str
    language: Literal["ru", "en"]
    password_kind: Literal["one_time", "own"]
    csrf_key: str
    seen_at: str
    token_hash: str
    role: Role
    alias: str
    several: int
    unread: int  # notifications, counted up to a hundred
    blocked: int  # the supplier has closed the account on the portal


class Line(msgspec.Struct, frozen=True):
    """A live session as its owner sees it."""

    token_hash: str
    created_at: str
    seen_at: str
    address: str
    browser: str

    @property
    def shown(self) -> str:
        return self.token_hash[:SHOWN]


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def start(
    tx: Tx,
    *,
    token: str,
    user_code: str,
    csrf_key: str,
    now: datetime,
    lasts: timedelta,
    address: str,
    browser: str,
    account: str = "",
) -> None:
    """`account`: which of its accounts the session shows at first; unless it is told, the first one."""
    if not account:
        account = next((link.account for link in links.of_user(tx, user_code=user_code, now=now)), "")
    tx.change(
        "sessions.open",
        token_hash=token_hash(token),
        user_code=user_code,
        account=account,
        csrf_key=csrf_key,
        now=instant(now),
        expires_at=instant(now + lasts),
        address=address,
        browser=browser,
    )


@lru_cache(maxsize=8)
def _edges(second: int, idle: timedelta) -> dict[str, str]:
    """The limits as stored instants. Asked for on every page, so made once a second."""
    now = datetime.fromtimestamp(second, UTC)
    return {"now": instant(now), "seen_after": instant(now - idle)}


def find(tx: Tx, *, token: str, now: datetime, idle: timedelta) -> Session | None:
    """The session of `token`, unless it or its user record has ended or opens nothing; to the second."""
    row = tx.row("sessions.find", token_hash=token_hash(token), **_edges(int(now.timestamp()), idle))
    if row is None or row[1] is not None:
        return Session(*row) if row else None
    left = links.of_user(tx, user_code=row[0], now=now)
    if not left:
        return None
    first = left[0]
    blocked = int(blocks.of_account(tx, account=first.account) is not None)
    others, unread = int(len(left) > 1), row[11]
    row = (row[0], first.account, first.holder_key, *row[3:8], first.role, first.alias, others, unread, blocked)
    return Session(*row)


def show(tx: Tx, *, token: str, account: str) -> None:
    """The session shows another of its accounts."""
    tx.change("sessions.show", token_hash=token_hash(token), account=account)


def of_user(tx: Tx, *, user_code: str, now: datetime, idle: timedelta) -> list[Line]:
    """Live ones, the one that was used last first."""
    return [
        Line(*row) for row in tx.rows("sessions.of_user", user_code=user_code, **_edges(int(now.timestamp()), idle))
    ]


def end_one(tx: Tx, *, user_code: str, shown: str) -> bool:
    """Ends a session of the user by the beginning of its hash. False: there is none."""
    return tx.change("sessions.end_one", user_code=user_code, shown=shown) > 0


def end_others(tx: Tx, *, user_code: str, token: str) -> int:
    """Ends all sessions of the user but this one."""
    return tx.change("sessions.end_others", user_code=user_code, token_hash=token_hash(token))


def seen(tx: Tx, *, moments: Mapping[str, str]) -> int:
    """Moves the idle limit of sessions (token hash → instant)."""
    return tx.change_many(
        "sessions.seen", ({"token_hash": token, "seen_at": moment} for token, moment in moments.items())
    )


def end(tx: Tx, *, token: str) -> bool:
    return tx.change("sessions.end", token_hash=token_hash(token)) == 1


def end_all(tx: Tx, *, user_code: str) -> int:
    return tx.change("sessions.end_all", user_code=user_code)


def sweep(tx: Tx, *, now: datetime, idle: timedelta) -> int:
    """Removes the sessions that nobody can use any more."""
    return tx.change("sessions.sweep", now=instant(now), seen_after=instant(now - idle))
