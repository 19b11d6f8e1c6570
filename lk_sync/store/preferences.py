"""Preferences: what has a person chosen for themselves?"""

from __future__ import annotations

from datetime import datetime

from lk_sync.clock import instant
from lk_sync.store.database import Tx


def of_user(tx: Tx, *, user_code: str) -> dict[str, str]:
    """Name → value; what was never chosen is absent."""
    return dict(tx.rows("preferences.of_user", user_code=user_code))


def choose(tx: Tx, *, user_code: str, name: str, value: str, now: datetime) -> bool:
    """False: it was so already."""
    changed = tx.change("preferences.choose", user_code=user_code, preference=name, value=value, now=instant(now))
    return changed == 1
