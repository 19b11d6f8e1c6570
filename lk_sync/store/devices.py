"""Devices: has this user signed in from this browser before?

A browser is known by a long-lived random cookie, not by its address or its name: both change for honest people and are
copied by others. The store keeps a hash that is another one for every user, so that it does not tell who shares a
computer with whom.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from lk_sync.clock import instant
from lk_sync.store.database import Tx

KNOWN_FOR: Final = timedelta(days=400)  # longer no browser keeps a cookie


def sign_in(tx: Tx, *, user_code: str, device: str, browser: str, now: datetime) -> bool:
    """Remembers the browser behind the cookie `device`. True: it is new, and the user has signed in from another one
    before, so that he should be told."""
    who = {"user_code": user_code, "device_hash": _hash(user_code, device), "browser": browser, "now": instant(now)}
    if tx.change("devices.seen", **who):
        return False
    has_others = tx.row("devices.any", user_code=user_code) is not None
    tx.change("devices.add", **who)
    return has_others


def sweep(tx: Tx, *, now: datetime) -> int:
    """Forgets browsers that cannot have their cookie any more."""
    return tx.change("devices.sweep", before=instant(now - KNOWN_FOR))


def _hash(user_code: str, device: str) -> str:
    return hashlib.sha256(f"{user_code} {device}".encode("utf-8", "surrogateescape")).hexdigest()
