"""Switches: what does a user not want to be told, and by which channel?

Everything is on until it is switched off. `ALL` stands for every letter but those that guard the user record itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx

Channel = Literal["portal", "letter"]
ALL: Final = "all"
GUARDS: Final = frozenset({"device", "access"})  # whoever stops the letters by their link is still told of these


class Off(msgspec.Struct, frozen=True):
    """What is switched off, as (kind, channel)."""

    switches: frozenset[tuple[str, str]]

    def has(self, kind: str, channel: Channel) -> bool:
        if (kind, channel) in self.switches:
            return True
        return (ALL, channel) in self.switches and kind not in GUARDS


def of(tx: Tx, *, user_code: str) -> Off:
    return Off(frozenset((row[0], row[1]) for row in tx.rows("switches.of", user_code=user_code)))


def put(tx: Tx, *, user_code: str, kind: str, channel: Channel, on: bool, now: datetime) -> bool:
    """False: it was so before, or there is no such user any more."""
    if on:
        return tx.change("switches.on", user_code=user_code, kind=kind, channel=channel) == 1
    return tx.change("switches.off", user_code=user_code, kind=kind, channel=channel, now=instant(now)) == 1
