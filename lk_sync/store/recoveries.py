"""Recoveries: who has lost a password, and which link of a letter leads back?

Requests wait here, so that the browser's answer cannot depend on whether there is such a user record. Of a link the
store keeps the hash; it is good once, for hours, and a newer one takes its place.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx

# sent: a letter with a link · restored: the desk's code has put another address in the place of the lost one ·
# unknown: nobody, or another address, or a code that is not good
Outcome = Literal["sent", "restored", "unknown"]


class Recovery(msgspec.Struct, frozen=True):
    """`account`: the name by which one logs in. `desk_code`: the address is a new one, and the desk vouches for it."""

    recovery: str
    account: str
    email: str
    desk_code: str | None
    language: Literal["ru", "en"]
    address: str
    created_at: str


def ask(tx: Tx, recovery: Recovery) -> bool:
    """Stores a request. False: the very same one is there already."""
    return tx.change("recoveries.ask", **msgspec.structs.asdict(recovery)) == 1


def due(tx: Tx) -> Recovery | None:
    """The oldest request that is not settled."""
    row = tx.row("recoveries.due")
    return None if row is None else Recovery(*row)


def settle(tx: Tx, *, recovery: str, outcome: Outcome, now: datetime) -> bool:
    """Once per request. False: somebody else has settled it."""
    return tx.change("recoveries.settle", recovery=recovery, outcome=outcome, now=instant(now)) == 1


def waiting(tx: Tx) -> int:
    row = tx.row("recoveries.waiting")
    return row[0] if row else 0


def open_way(tx: Tx, *, user_code: str, lasts: timedelta, now: datetime) -> str:
    """The secret of a new link; the former ones lead nowhere any more."""
    secret = secrets.token_urlsafe(32)
    close_ways(tx, user_code=user_code, now=now)
    tx.change(
        "recoveries.open",
        digest=_digest(secret),
        user_code=user_code,
        now=instant(now),
        expires_at=instant(now + lasts),
    )
    return secret


def way(tx: Tx, *, secret: str, now: datetime) -> str | None:
    """The user record that a link leads to; None when it leads nowhere."""
    row = tx.row("recoveries.find", digest=_digest(secret), now=instant(now))
    return None if row is None else str(row[0])


def use_way(tx: Tx, *, secret: str, now: datetime) -> bool:
    """Once. False: it was used before, or came too late."""
    return tx.change("recoveries.use", digest=_digest(secret), now=instant(now)) == 1


def close_ways(tx: Tx, *, user_code: str, now: datetime) -> None:
    """The password is known again, or another link is on its way."""
    tx.change("recoveries.close", user_code=user_code, now=instant(now))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
