"""E-mail changes: which address is to take the place of which, and who has agreed to it?

Each of the two addresses gets a link of its own. The address changes when both have agreed; either may stop it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import uuid4

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx
from lk_sync.store.sessions import token_hash

Side = Literal["old", "new"]


class Change(msgspec.Struct, frozen=True):
    change: str
    user_code: str
    old_email: str
    new_email: str
    created_at: str
    expires_at: str
    old_agreed_at: str | None = None
    new_agreed_at: str | None = None

    def agreed(self, side: Side) -> bool:
        return (self.old_agreed_at if side == "old" else self.new_agreed_at) is not None


class Linked(msgspec.Struct, frozen=True):
    """A change as the link of one of its addresses finds it."""

    change: Change
    side: Side


def ask(
    tx: Tx, *, user_code: str, old: tuple[str, str], new: tuple[str, str], expires_at: datetime, now: datetime
) -> Change:
    """`old`, `new`: address and secret. What the user asked for before is forgotten."""
    stop(tx, user_code=user_code, now=now)
    made = Change(uuid4().hex, user_code, old[0], new[0], instant(now), instant(expires_at))
    tx.change(
        "email_changes.ask",
        old_secret_hash=token_hash(old[1]),
        new_secret_hash=token_hash(new[1]),
        **msgspec.structs.asdict(made),
    )
    return made


def waiting(tx: Tx, *, user_code: str, now: datetime) -> Change | None:
    row = tx.row("email_changes.waiting", user_code=user_code, now=instant(now))
    return Change(*row) if row else None


def open_by(tx: Tx, *, secret: str, now: datetime) -> Linked | None:
    """None: the link is unknown, too old, or all is over."""
    row = tx.row("email_changes.open_by", secret_hash=token_hash(secret), now=instant(now))
    return Linked(Change(*row[:-1]), "old" if row[-1] else "new") if row else None


def agree(tx: Tx, found: Linked, *, now: datetime) -> Change | None:
    """The change as it is now; None: it was stopped meanwhile."""
    if found.side == "old":
        tx.change("email_changes.old_agrees", change=found.change.change, now=instant(now))
    else:
        tx.change("email_changes.new_agrees", change=found.change.change, now=instant(now))
    return waiting(tx, user_code=found.change.user_code, now=now)


def stop(tx: Tx, *, user_code: str, now: datetime) -> bool:
    """Whatever waits ends. False: nothing does."""
    return tx.change("email_changes.stop", user_code=user_code, now=instant(now)) == 1
