"""Users: which user record is linked to an account, and which password opens it?

A user record belongs to an account and to the holder it was made for. It ends; it is never reused.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store import audit, sessions
from lk_sync.store.database import Tx

CODE_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH: Final = 10
ONE_TIME: Final = "one_time"


class User(msgspec.Struct, frozen=True):
    user_code: str
    account: str
    holder_key: str
    email: str
    language: Literal["ru", "en"]
    password_hash: str
    password_kind: Literal["one_time", "own"]
    password_expires_at: str | None

    def opens_at(self, now: datetime) -> bool:
        """May the password still be used to log in?"""
        return self.password_expires_at is None or self.password_expires_at > instant(now)


def find(tx: Tx, *, user_code: str) -> User | None:
    row = tx.row("users.find", user_code=user_code)
    return User(*row) if row else None


def of_account(tx: Tx, *, account: str) -> User | None:
    """The live user record of an account; there is at most one."""
    row = tx.row("users.of_account", account=account)
    return User(*row) if row else None


def create(
    tx: Tx,
    *,
    account: str,
    holder_key: str,
    email: str,
    language: str,
    password_hash: str,
    lasts: timedelta,
    now: datetime,
) -> str:
    """A user record with a one-time password. Returns its code."""
    user_code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    tx.change(
        "users.create",
        user_code=user_code,
        account=account,
        holder_key=holder_key,
        email=email,
        language=language,
        password_hash=password_hash,
        expires_at=instant(now + lasts),
        now=instant(now),
    )
    return user_code


def give_one_time(
    tx: Tx, *, user_code: str, password_hash: str, language: str, lasts: timedelta, now: datetime
) -> bool:
    """Replaces a one-time password. False: an own one has been chosen, nothing changed."""
    changed = tx.change(
        "users.give_one_time",
        user_code=user_code,
        password_hash=password_hash,
        language=language,
        expires_at=instant(now + lasts),
    )
    if changed:
        sessions.end_all(tx, user_code=user_code)
    return changed == 1


def use_one_time(tx: Tx, *, user: User, now: datetime) -> bool:
    """Spends a one-time password. True for one login only."""
    return (
        tx.change("users.use_one_time", user_code=user.user_code, password_hash=user.password_hash, now=instant(now))
        == 1
    )


def choose_password(tx: Tx, *, user: User, password_hash: str) -> bool:
    """Sets an own password and ends every session. False: the password has changed since `user` was read."""
    if tx.change(
        "users.choose_password", user_code=user.user_code, was=user.password_hash, password_hash=password_hash
    ):
        sessions.end_all(tx, user_code=user.user_code)
        return True
    return False


def end(tx: Tx, *, user_code: str, reason: str, now: datetime) -> bool:
    """Ends the link between a person and an account, with its sessions. False: it had ended before."""
    if tx.change("users.end", user_code=user_code, now=instant(now)) == 0:
        return False
    sessions.end_all(tx, user_code=user_code)
    audit.append(tx, actor=audit.SYSTEM, act="link_ended", object=f"user:{user_code}", now=now, detail={"why": reason})
    return True


def choose_language(tx: Tx, *, user_code: str, language: str) -> None:
    tx.change("users.choose_language", user_code=user_code, language=language)
