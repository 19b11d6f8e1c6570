"""Recipients: who is to be told of what happens to an account?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from lk_sync.store.database import Tx

AT_ONCE: Final = 100  # accounts in a statement
_NAMES: Final = tuple(f"a{number:02d}" for number in range(AT_ONCE))


class Recipient(NamedTuple):
    """A live user and an account of his. He is told only while `holder_key` holds it."""

    user_code: str
    account: str
    holder_key: str


def of_accounts(tx: Tx, accounts: Sequence[str]) -> list[Recipient]:
    """Of at most AT_ONCE accounts; most of a supplier's accounts have nobody."""
    places = dict.fromkeys(_NAMES, "") | dict(zip(_NAMES, accounts, strict=False))
    return [Recipient._make(row) for row in tx.rows("recipients.of_accounts", **places)]


def all_after(tx: Tx, *, user_code: str, account: str, most: int) -> list[Recipient]:
    """In the order of users and accounts, after one of these."""
    rows = tx.rows("recipients.all_after", user_code=user_code, account=account, most=most)
    return [Recipient._make(row) for row in rows]
