"""Links: which accounts does a user record open, as whom, and until when?

The owner of an account is whoever has proved it; there is one at most. Others are let in by the owner with a narrower
role and until a day. A link belongs to the holder it was made for and to nobody after him.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import uuid4

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx

Role = Literal["owner", "readings", "view", "pay"]
OWNER: Final = "owner"


class Link(msgspec.Struct, frozen=True):
    """`granted_by`: the user record of the owner who let this one in; None for the owner's own link. `until`: the
    instant at which it stops to open anything."""

    link: str
    user_code: str
    account: str
    holder_key: str
    role: Role
    alias: str
    granted_by: str | None
    until: str | None
    since: str


class Guest(msgspec.Struct, frozen=True):
    """Somebody who has been let into an account, with the address and the language of his letters."""

    link: Link
    email: str
    language: Literal["ru", "en"]


def make(
    tx: Tx,
    *,
    user_code: str,
    account: str,
    holder_key: str,
    now: datetime,
    role: Role = "owner",
    alias: str = "",
    granted_by: str | None = None,
    until: str | None = None,
) -> Link:
    link = Link(uuid4().hex, user_code, account, holder_key, role, alias, granted_by, until, instant(now))
    tx.change("links.make", **msgspec.structs.asdict(link))
    return link


def of_user(tx: Tx, *, user_code: str, now: datetime) -> list[Link]:
    """Live ones, the user's own accounts first, in the order in which they were added."""
    return [Link(*row) for row in tx.rows("links.of_user", user_code=user_code, now=instant(now))]


def all_of_user(tx: Tx, *, user_code: str) -> list[Link]:
    """Also those whose day has come and that nobody has ended yet."""
    return [Link(*row) for row in tx.rows("links.all_of_user", user_code=user_code)]


def one(tx: Tx, *, user_code: str, account: str, now: datetime) -> Link | None:
    """The live link of a user to an account."""
    return next((link for link in of_user(tx, user_code=user_code, now=now) if link.account == account), None)


def of_holder(tx: Tx, *, account: str, holder_key: str) -> list[Link]:
    """All live links of an account that were made for a holder, the owner's and those he gave."""
    return [Link(*row) for row in tx.rows("links.of_holder", account=account, holder_key=holder_key)]


def guests(tx: Tx, *, account: str, holder_key: str, now: datetime) -> list[Guest]:
    """Whom the owner of an account has let in and has not turned out."""
    rows = tx.rows("links.guests", account=account, holder_key=holder_key, now=instant(now))
    return [Guest(Link(*row[:9]), *row[9:]) for row in rows]


def over(tx: Tx, *, now: datetime, most: int = 100) -> list[Link]:
    """Live links whose day has come."""
    return [Link(*row) for row in tx.rows("links.over", now=instant(now), most=most)]


def name(tx: Tx, *, user_code: str, account: str, alias: str) -> bool:
    """How a user calls an account; an empty name is none."""
    return tx.change("links.name", user_code=user_code, account=account, alias=alias) == 1


def end(tx: Tx, *, link: str, now: datetime) -> bool:
    """False: it had ended before."""
    return tx.change("links.end", link=link, now=instant(now)) == 1
