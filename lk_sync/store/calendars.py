"""Calendars: which calendar does a secret address open, and who may read it?

The secret is made of the form that asked for it and a key of ours, so that the same form sent twice has one answer; the
store keeps its hash. One lives at a time for a user and an account.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from lk_sync.clock import instant
from lk_sync.records import Instant
from lk_sync.store import signing
from lk_sync.store.database import Row, Tx


class Feed(msgspec.Struct, frozen=True):
    """`holder_key`: who held the account when its owner was let in; empty where it is of no use."""

    secret_hash: str
    user_code: str
    account: str
    language: str
    with_sums: bool
    created_at: Instant
    holder_key: str = ""


def begin(
    tx: Tx, *, user_code: str, account: str, form: str, language: str, with_sums: bool, now: datetime
) -> str | None:
    """A new secret instead of the former one. None: the form was sent before, and what it made has ended since."""
    secret = signing.secret(tx, signing.CALENDAR, f"{user_code} {account} {form}")
    hashed = _hash(secret)
    if tx.row("calendars.known", secret_hash=hashed) is not None:
        live = of_user(tx, user_code=user_code, account=account)
        return secret if live is not None and live.secret_hash == hashed else None
    end(tx, user_code=user_code, account=account, now=now)
    tx.change(
        "calendars.begin",
        secret_hash=hashed,
        user_code=user_code,
        account=account,
        language=language,
        with_sums=int(with_sums),
        now=instant(now),
    )
    return secret


def end(tx: Tx, *, user_code: str, account: str, now: datetime) -> bool:
    """False: there was none."""
    return tx.change("calendars.end", user_code=user_code, account=account, now=instant(now)) == 1


def put_sums(tx: Tx, *, user_code: str, account: str, with_sums: bool) -> bool:
    return tx.change("calendars.put", user_code=user_code, account=account, with_sums=int(with_sums)) == 1


def of_user(tx: Tx, *, user_code: str, account: str) -> Feed | None:
    row = tx.row("calendars.of_user", user_code=user_code, account=account)
    return None if row is None else _feed(row)


def find(tx: Tx, *, secret: str) -> Feed | None:
    """None for any text that opens nothing, whatever it looks like."""
    row = tx.row("calendars.find", secret_hash=_hash(secret))
    return None if row is None else _feed(row)


def _feed(row: Row) -> Feed:
    return Feed(row[0], row[1], row[2], row[3], row[4] == 1, *row[5:])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
