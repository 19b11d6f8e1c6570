"""Audit: who did what to which object, when, and from where?

Append only. `actor` is a user code or `system`; `object` is `kind:id`. `detail` holds no secret and no more of a
person than the act needs.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx

SYSTEM: Final = "system"


class Entry(msgspec.Struct, frozen=True):
    at: str
    actor: str
    act: str
    object: str
    address: str
    detail: str


def append(
    tx: Tx,
    *,
    actor: str,
    act: str,
    object: str,  # noqa: A002  # the word of the audit trail
    now: datetime,
    address: str = "",
    detail: Mapping[str, Any] | None = None,
    account: str | None = None,
) -> None:
    """One line, in the same unit of work as the act itself. `account`: whose owner may be shown it."""
    tx.change(
        "audit.append",
        entry=_entry(),
        at=instant(now),
        actor=actor,
        act=act,
        object=object,
        address=address,
        detail=msgspec.json.encode(detail or {}).decode(),
        account=account,
    )


def about(tx: Tx, *, object: str) -> list[Entry]:  # noqa: A002 - as above
    return [Entry(*row) for row in tx.rows("audit.about", object=object)]


def by(tx: Tx, *, actor: str) -> list[Entry]:
    return [Entry(*row) for row in tx.rows("audit.by", actor=actor)]


def on_account(tx: Tx, *, account: str, actor: str, since: str, most: int) -> list[Entry]:
    rows = tx.rows("audit.on_account", account=account, actor=actor, since=since, most=most)
    return [Entry(*row) for row in rows]


def did_from(tx: Tx, *, actor: str, act: str, address: str, since: datetime) -> bool:
    row = tx.row("audit.did_from", actor=actor, act=act, address=address, since=instant(since))
    return row is not None


def _entry() -> str:
    """Unique, and later ones sort after earlier ones, so that lines of the same millisecond keep their order."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"
