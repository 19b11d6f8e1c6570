"""Blocks: which accounts has the supplier closed on the portal, and why?

Whoever they are open to sees the reason instead of the data, and gets no letters about them. What was handed in before
goes its way, and the account itself goes on being billed. It holds until somebody lifts it.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from lk_sync.clock import instant
from lk_sync.records import Instant
from lk_sync.store import audit
from lk_sync.store.database import Tx


class Block(NamedTuple):
    """`reason` as it is told to the subscriber."""

    reason: str
    set_at: Instant


def put(tx: Tx, *, account: str, reason: str, by: str, now: datetime) -> None:
    """Closes the account; safe to repeat, with another reason too."""
    tx.change("blocks.put", account=account, reason=reason, set_by=by, now=instant(now))
    audit.append(
        tx, actor=by, act="account_blocked", object=f"account:{account}", now=now, detail={"reason": reason},
        account=account,
    )  # fmt: skip


def lift(tx: Tx, *, account: str, by: str, now: datetime) -> bool:
    """False: it was not closed."""
    if not tx.change("blocks.lift", account=account):
        return False
    audit.append(tx, actor=by, act="account_unblocked", object=f"account:{account}", now=now, account=account)
    return True


def of_account(tx: Tx, *, account: str) -> Block | None:
    row = tx.row("blocks.of_account", account=account)
    return None if row is None else Block(*row)
