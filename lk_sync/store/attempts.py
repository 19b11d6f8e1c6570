"""Attempts: how often has something been tried by or against a subject, and may it be tried again?

The counts live in the store, so they hold across workers and restarts. A slot is an hour or a day of UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx

Per = Literal["hour", "day"]


class Budget(msgspec.Struct, frozen=True):
    """At most `most` attempts of a kind on a subject within an hour or a day."""

    kind: str
    subject: str
    per: Per
    most: int


def slot(per: Per, now: datetime) -> str:
    return instant(now)[: 13 if per == "hour" else 10]


def until_next(per: Per, now: datetime) -> int:
    """Seconds until the slot ends."""
    hours = 24 - now.hour if per == "day" else 1
    ends = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
    return max(1, int((ends - now).total_seconds()))


def take(tx: Tx, budgets: Sequence[Budget], *, now: datetime) -> Budget | None:
    """One attempt from each of `budgets`, or from none: then the budget that is used up."""
    for position, budget in enumerate(budgets):
        if not _change(tx, "attempts.take", budget, now, most=budget.most):
            give_back(tx, budgets[:position], now=now)
            return budget
    return None


def give_back(tx: Tx, budgets: Sequence[Budget], *, now: datetime) -> None:
    """The attempt was a rightful one and does not count."""
    for budget in budgets:
        _change(tx, "attempts.give_back", budget, now)


def left(tx: Tx, budget: Budget, *, now: datetime) -> int:
    row = tx.row("attempts.used", kind=budget.kind, subject=budget.subject, slot=slot(budget.per, now))
    return max(0, budget.most - (row[0] if row else 0))


def sweep(tx: Tx, *, now: datetime) -> int:
    """Forgets the slots that are over; yesterday is kept, so that no zone loses its day."""
    return tx.change("attempts.sweep", before=slot("day", now - timedelta(days=1)))


def _change(tx: Tx, statement: str, budget: Budget, now: datetime, **more: int) -> bool:
    key = {"kind": budget.kind, "subject": budget.subject, "slot": slot(budget.per, now)}
    return tx.change(statement, **key, **more) == 1
