"""Sessions: who is this visitor, and until when?

The store keeps only the SHA-256 of a token, so a copy of it opens no session.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx


class Session(msgspec.Struct, frozen=True):
    """A live session with what its user record says."""

    user_code: str
    account: str
    holder_key: str
    language: Literal["ru", "en"]
    password_kind: Literal["one_time", "own"]
    csrf_key: str
    seen_at: str
    token_hash: str
    unread: int  # notifications, counted up to a hundred


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
) -> None:
    tx.change(
        "sessions.open",
        token_hash=token_hash(token),
        user_code=user_code,
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
    """The session of `token`, unless it or its user record has ended; to the second."""
    row = tx.row("sessions.find", token_hash=token_hash(token), **_edges(int(now.timestamp()), idle))
    return Session(*row) if row else None


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
