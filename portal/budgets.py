"""Budgets: how often may a login or a registration be tried, before we stop answering in earnest?

By the account that is tried, by the address that tries, and by everyone together. What a visitor is told when a
budget is used up depends only on how often it was tried, never on whether an account exists.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from lk_sync.config import Budgets
from lk_sync.store import attempts, audit
from lk_sync.store.attempts import Budget
from lk_sync.store.database import Tx
from lk_sync.store.users import User
from portal.refusal import Refusal

ALL: Final = "all"
KNOWN_FOR: Final = timedelta(days=90)


def login(limits: Budgets, *, account: str, address: str, known: bool) -> tuple[Budget, ...]:
    """`known`: the subscriber has logged in from there before. Such an address has its own budget, so that a
    stranger who guesses cannot lock the subscriber out."""
    subject = f"{account} {address}" if known else account
    return (
        Budget("login", ALL, "hour", limits.login_global_per_hour),
        Budget("login_address", address, "hour", limits.login_address_per_hour),
        Budget("login_account", subject, "hour", limits.login_account_per_hour),
    )


def registration(limits: Budgets, *, account: str, address: str) -> tuple[Budget, ...]:
    return (
        Budget("register_address", address, "day", limits.register_address_per_day),
        Budget("register_account", account, "day", limits.register_account_per_day),
    )


def failed_registrations(limits: Budgets) -> Budget:
    """Of everyone together; only those that did not match count, so that a rush of subscribers is no attack."""
    return Budget("register_failed", ALL, "hour", limits.register_global_per_hour)


def knows(tx: Tx, user: User | None, *, address: str, now: datetime) -> bool:
    actor = user.user_code if user else "nobody"
    return audit.did_from(tx, actor=actor, act="login", address=address, since=now - KNOWN_FOR)


def used_up(budget: Budget, now: datetime) -> Refusal:
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, retry_after=attempts.until_next(budget.per, now))
