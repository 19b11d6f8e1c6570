"""Bounces: what follows when a mail server does not know a subscriber's address?

Letters of notifications stop going there, and the portal says so, once for as long as it lasts.
"""

from __future__ import annotations

from datetime import datetime

from lk_sync.clock import instant
from lk_sync.store import addresses, notifications
from lk_sync.store.database import Tx


def tell(tx: Tx, *, address: str, answer: str, now: datetime) -> None:
    """Of the first refusal in a row."""
    known = addresses.refusal(tx, address=address) is not None
    addresses.refused(tx, address=address, answer=answer, now=now)
    for user_code, account in () if known else addresses.owners(tx, address=address):
        notifications.add(
            tx,
            user_code=user_code,
            account=account,
            kind="mail",
            event=f"mail:{instant(now)}",
            detail={"address": masked(address), "answer": answer[: addresses.ANSWER_LENGTH]},
            now=now,
        )


def masked(address: str) -> str:
    """`ivanova@example.ru` → `i…@example.ru`: enough for its owner."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}…@{host}"
