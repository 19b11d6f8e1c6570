"""Addresses: which of them does a mail server refuse for good, so that nothing more is written there?

An address that was refused is written to again as soon as a letter that had to be tried (a password) was taken, or its
owner says that it is in order. A new address of the user has nothing to do with the former one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from lk_sync.clock import instant
from lk_sync.records import Instant
from lk_sync.store.database import Tx

MOST_OWNERS: Final = 20
ANSWER_LENGTH: Final = 300


def refusal(tx: Tx, *, address: str) -> tuple[str, Instant] | None:
    """What the server said, and when. None: nothing speaks against the address."""
    row = tx.row("addresses.refusal", address=address)
    return None if row is None else (str(row[0]), str(row[1]))


def refused(tx: Tx, *, address: str, answer: str, now: datetime) -> None:
    tx.change("addresses.refused", address=address, answer=answer[:ANSWER_LENGTH], now=instant(now))


def accepted(tx: Tx, *, address: str) -> bool:
    """True: it had been refused before."""
    return tx.change("addresses.accepted", address=address) == 1


def owners(tx: Tx, *, address: str) -> list[tuple[str, str]]:
    """(user, account) of those who are written to there."""
    return [(row[0], row[1]) for row in tx.rows("addresses.owners", address=address, most=MOST_OWNERS)]
