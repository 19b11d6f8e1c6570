"""Registrations: who asked to be registered, and what came of it?

The browser's answer leaves as soon as the request is stored, so it cannot tell whether the request matched.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.proofs import Proof
from lk_sync.records import Kopecks
from lk_sync.store.database import Tx

# created: a user record was made · added: one that was there opens the account ·
# renewed: the one that was never used got a new one-time password ·
# taken: somebody has it, nothing changed · mismatch: no such account or another amount · organisation: not for them
Outcome = Literal["created", "added", "renewed", "taken", "mismatch", "organisation"]


class Registration(msgspec.Struct, frozen=True):
    registration: str
    account: str
    email: str
    amount_kopecks: Kopecks
    language: Literal["ru", "en"]
    rules_version: str
    rules_sha256: str
    consent_version: str
    consent_sha256: str
    address: str
    browser: str
    created_at: str
    proof_kind: Proof | None = None
    proof: str | None = None
    user_code: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """What somebody with a user record has asked for; `outcome` None: it is not settled."""

    account: str
    outcome: Outcome | None


def of_user(tx: Tx, *, user_code: str, since: str) -> list[Asked]:
    """The newest first."""
    return [Asked(*row) for row in tx.rows("registrations.of_user", user_code=user_code, since=since)]


def ask(tx: Tx, registration: Registration) -> bool:
    """Stores a request. False: the very same one is there already."""
    return tx.change("registrations.ask", **msgspec.structs.asdict(registration)) == 1


def claim(
    tx: Tx, *, now: datetime, lease_until: datetime, sums: bool = True, guessable: bool = True
) -> Registration | None:
    """Takes the oldest request that nobody has in hand. `sums`: also one that shows the sum alone; `guessable`: also
    one with a second datum that is no code."""
    row = tx.row("registrations.due", now=instant(now), sums=int(sums), guessable=int(guessable))
    if row is None:
        return None
    won = tx.change("registrations.claim", registration=row[0], now=instant(now), lease_until=instant(lease_until))
    return Registration(*row) if won else None


def settle(tx: Tx, *, registration: str, outcome: Outcome, now: datetime) -> bool:
    """Once per request. False: somebody else has settled it, and what this unit did must be rolled back."""
    return tx.change("registrations.settle", registration=registration, outcome=outcome, now=instant(now)) == 1


def waiting(tx: Tx) -> int:
    row = tx.row("registrations.waiting")
    return row[0] if row else 0


def outcome(tx: Tx, *, registration: str) -> Outcome | None:
    row = tx.row("registrations.outcome", registration=registration)
    return row[0] if row else None
