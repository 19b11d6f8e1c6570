"""Codes: which code opens the way to an account, and has it been used?

A code of the desk is drawn for one account, lives for hours and is kept as a hash. A code of a bill is computed, not
kept; that it was used is.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from lk_sync.bill_code import desk_code, typed_code
from lk_sync.clock import instant
from lk_sync.store import audit
from lk_sync.store.database import Tx


def issue(tx: Tx, *, account: str, by: str, lasts: timedelta, now: datetime) -> str:
    """A new code for whoever stands at the desk; the former one of the account is void. The only time it is seen."""
    code = desk_code()
    tx.change("codes.revoke", account=account, now=instant(now))
    tx.change(
        "codes.issue",
        digest=_digest(account, code),
        account=account,
        issued_by=by,
        now=instant(now),
        expires_at=instant(now + lasts),
    )
    audit.append(tx, actor=by, act="desk_code_issued", object=f"account:{account}", now=now)
    return code


def is_good(tx: Tx, *, account: str, code: str, now: datetime) -> bool:
    row = tx.row("codes.good", digest=_digest(account, code), account=account, now=instant(now))
    return row is not None


def spend(tx: Tx, *, account: str, code: str, now: datetime) -> bool:
    """Uses a code of the desk up. False: it is none of this account, was used before or came too late."""
    return tx.change("codes.spend", digest=_digest(account, code), account=account, now=instant(now)) == 1


def spend_bill(tx: Tx, *, account: str, digest: str, now: datetime) -> bool:
    """False: the code of this bill was used before."""
    return tx.change("codes.spend_bill", digest=digest, account=account, now=instant(now)) == 1


def _digest(account: str, code: str) -> str:
    return hashlib.sha256(f"{account} {typed_code(code)}".encode()).hexdigest()
