"""Incidents: which troubles has the operator been told of?"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx


class Incident(msgspec.Struct, frozen=True):
    """At most one of a kind and subject is open at a time."""

    incident: str
    kind: str
    subject: str
    opened_at: str


def open(tx: Tx, *, kind: str, subject: str, now: datetime) -> Incident | None:  # noqa: A001 - read as `incidents.open`
    """None: it is open already, somebody has told of it."""
    new = Incident(uuid4().hex, kind, subject, instant(now))
    changed = tx.change("incidents.open", incident=new.incident, kind=kind, subject=subject, now=new.opened_at)
    return new if changed == 1 else None


def still_open(tx: Tx) -> list[Incident]:
    return [Incident(*row) for row in tx.rows("incidents.still_open")]


def close(tx: Tx, incident: Incident, *, now: datetime) -> bool:
    """False: somebody else has closed it, and told of it."""
    return tx.change("incidents.close", incident=incident.incident, now=instant(now)) == 1
