"""Users: which user record opens an account, and which password opens the user record?

A user record lives as long as it opens an account, its own or one whose owner has let it in (`links`). It ends; it is
never reused.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store import audit, letters, links, sessions
from lk_sync.store.database import Tx
from lk_sync.store.links import OWNER, Link

CODE_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH: Final = 10
CODE: Final = re.compile(rf"[{CODE_LETTERS}]{{{CODE_LENGTH}}}")
ONE_TIME: Final = "one_time"


class User(msgspec.Struct, frozen=True):
    """`account` is the one the record was found by, else the first that it opens; `holder_key` is that link's."""

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
    """The live user record of the owner of an account; there is at most one."""
    row = tx.row("users.of_account", account=account)
    return User(*row) if row else None


def of_login(tx: Tx, *, name: str, now: datetime) -> User | None:
    """Whoever logs in by this name: the owner of an account by its number, somebody without an account of their own
    by the code of the user record."""
    user = of_account(tx, account=name)
    if user is None and CODE.fullmatch(name):
        row = tx.row("users.of_guest", user_code=name, now=instant(now))
        return User(*row) if row else None
    return user


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
    """A user record of an account's owner, with a one-time password. Returns its code."""
    user_code = _add(tx, email, language, password_hash, "one_time", instant(now + lasts), now)
    links.make(tx, user_code=user_code, account=account, holder_key=holder_key, now=now)
    return user_code


def create_guest(tx: Tx, *, email: str, language: str, password_hash: str, now: datetime) -> str:
    """A user record that owns nothing and has chosen its password; a link to an account follows at once."""
    return _add(tx, email, language, password_hash, "own", None, now)


def _add(
    tx: Tx, email: str, language: str, password_hash: str, kind: str, expires_at: str | None, now: datetime
) -> str:
    user_code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    tx.change(
        "users.create",
        user_code=user_code,
        email=email,
        language=language,
        password_hash=password_hash,
        password_kind=kind,
        expires_at=expires_at,
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


def end(tx: Tx, *, user_code: str, reason: str, now: datetime) -> list[Link]:
    """Ends a user record and everything it opens. Returns the links that ended, those it had given among them."""
    ended = []
    for link in links.all_of_user(tx, user_code=user_code):
        ended += end_link(tx, link, reason=reason, now=now)
    _close(tx, user_code, reason, now)
    return ended


def end_holder(tx: Tx, *, account: str, holder_key: str, reason: str, now: datetime) -> list[Link]:
    """Whatever opened an account to a holder and to those he let in ends; user records that open others live on."""
    found = links.of_holder(tx, account=account, holder_key=holder_key)
    return [link for link in found if _end(tx, link, reason, now)]


def end_link(tx: Tx, link: Link, *, reason: str, now: datetime) -> list[Link]:
    """One link ends; with an owner's, all that he has given on the account. Returns what ended."""
    if link.role == OWNER:
        return end_holder(tx, account=link.account, holder_key=link.holder_key, reason=reason, now=now)
    return [link] if _end(tx, link, reason, now) else []


def _end(tx: Tx, link: Link, reason: str, now: datetime) -> bool:
    if not links.end(tx, link=link.link, now=now):
        return False
    audit.append(
        tx,
        actor=audit.SYSTEM,
        act="link_ended",
        object=f"user:{link.user_code}",
        now=now,
        detail={"why": reason, "account": link.account},
    )
    if link.granted_by is not None:
        _tell_guest(tx, link, reason, now)
    if not links.all_of_user(tx, user_code=link.user_code):
        _close(tx, link.user_code, reason, now)
    return True


def _tell_guest(tx: Tx, link: Link, reason: str, now: datetime) -> None:
    """Whoever was let in hears that it is over, whatever ended it."""
    if (found := tx.row("users.correspondent", user_code=link.user_code)) is not None:
        letters.write(
            tx,
            kind="delegation_ended",
            once=f"delegation_ended:{link.link}",
            recipient=found[0],
            language=found[1],
            context={"account": link.account, "why": reason},
            now=now,
        )


def _close(tx: Tx, user_code: str, reason: str, now: datetime) -> None:
    if tx.change("users.end", user_code=user_code, now=instant(now)):
        sessions.end_all(tx, user_code=user_code)
        about = {"why": reason}
        audit.append(tx, actor=audit.SYSTEM, act="user_ended", object=f"user:{user_code}", now=now, detail=about)


def change_email(tx: Tx, *, user_code: str, was: str, email: str) -> bool:
    """False: the address has changed meanwhile, or the record has ended."""
    return tx.change("users.change_email", user_code=user_code, was=was, email=email) == 1


def choose_language(tx: Tx, *, user_code: str, language: str) -> None:
    tx.change("users.choose_language", user_code=user_code, language=language)
