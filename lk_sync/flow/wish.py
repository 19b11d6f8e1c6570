"""Wish: how does what the owner of an account wants of his bills reach the accounting system?

One unit of work writes the preference, its outbox item and its audit line. A later wish takes the place of one that no
file holds yet; otherwise it names the one that it replaces.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import uuid4

import msgspec

from lk_sync.clock import instant
from lk_sync.store import audit, outbox, preferences
from lk_sync.store.database import Tx
from lk_sync.store.outbox import Passport

KIND: Final = "bill_delivery"
Wish = Literal["paper", "electronic"]


class Wished(msgspec.Struct, frozen=True):
    """What was wished last, and how far the wish got; None: it was made before wishes were handed over."""

    wish: str
    passport: Passport | None


def name(account: str) -> str:
    """Of the preference: the wish is about one account."""
    return f"bill {account}"


def of_account(tx: Tx, *, user_code: str, account: str) -> Wished | None:
    """None: nothing was ever wished."""
    kept = preferences.of_user(tx, user_code=user_code)
    if (wish := kept.get(name(account))) is None:
        return None
    item = kept.get(_item(account))
    return Wished(wish, outbox.find(tx, item=item) if item else None)


def wish(tx: Tx, wanted: Wish, *, user_code: str, account: str, email: str, address: str, now: datetime) -> bool:
    """False: it was so already."""
    if not preferences.choose(tx, user_code=user_code, name=name(account), value=wanted, now=now):
        return False
    item = uuid4().hex
    former = preferences.of_user(tx, user_code=user_code).get(_item(account))
    replaced = None if former is None or outbox.supersede(tx, item=former, by=item) else former
    said = {
        "account": account,
        "wish": wanted,
        "email": email,
        "supersedes": replaced,
        "submitted_at": instant(now),
    }
    outbox.insert(tx, item=item, kind=KIND, account=account, payload=msgspec.json.encode(said).decode(), now=now)
    preferences.choose(tx, user_code=user_code, name=_item(account), value=item, now=now)
    audit.append(
        tx,
        actor=user_code,
        act="bill_wish",
        object=f"account:{account}",
        now=now,
        address=address,
        detail={"wish": wanted},
        account=account,
    )
    return True


def _item(account: str) -> str:
    return f"bill item {account}"
