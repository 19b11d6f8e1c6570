"""Invitations: who was asked into an account, as what and until when, and has he come?

The link in the letter carries a secret and works once; the store keeps its hash.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import uuid4

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx
from lk_sync.store.sessions import token_hash

GuestRole = Literal["readings", "view", "pay"]


class Invitation(msgspec.Struct, frozen=True):
    """`until`: the instant at which the access ends; `expires_at`: at which the link in the letter does."""

    invitation: str
    account: str
    holder_key: str
    granted_by: str
    email: str
    role: GuestRole
    until: str
    created_at: str
    expires_at: str


def send(
    tx: Tx,
    *,
    secret: str,
    account: str,
    holder_key: str,
    granted_by: str,
    email: str,
    role: GuestRole,
    until: str,
    expires_at: datetime,
    now: datetime,
) -> Invitation:
    """Another one to the same address replaces it."""
    tx.change("invitations.replace", account=account, email=email, now=instant(now))
    made = Invitation(
        uuid4().hex, account, holder_key, granted_by, email, role, until, instant(now), instant(expires_at)
    )
    tx.change("invitations.send", secret_hash=token_hash(secret), **msgspec.structs.asdict(made))
    return made


def open_by(tx: Tx, *, secret: str, now: datetime) -> Invitation | None:
    """The invitation of a secret, unless it was used, taken back, or is too old."""
    row = tx.row("invitations.open_by", secret_hash=token_hash(secret), now=instant(now))
    return Invitation(*row) if row else None


def waiting(tx: Tx, *, account: str, granted_by: str, now: datetime) -> list[Invitation]:
    """Sent by an owner for an account and not yet answered."""
    rows = tx.rows("invitations.waiting", account=account, granted_by=granted_by, now=instant(now))
    return [Invitation(*row) for row in rows]


def accept(tx: Tx, *, invitation: str, by: str, now: datetime) -> bool:
    """Once. False: it was used or taken back meanwhile."""
    return tx.change("invitations.accept", invitation=invitation, user_code=by, now=instant(now)) == 1


def take_back(tx: Tx, *, invitation: str, account: str, granted_by: str, now: datetime) -> bool:
    changed = tx.change(
        "invitations.take_back", invitation=invitation, account=account, granted_by=granted_by, now=instant(now)
    )
    return changed == 1
