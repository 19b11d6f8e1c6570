"""Budgets: how often may a login or a registration be tried, before we stop answering in earnest?

By the account that is tried, by the address that tries, and by everyone together. What a visitor is told when a
budget is used up depends only on how often it was tried, never on whether an account exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from lk_sync.config import Budgets
from lk_sync.proofs import CODES, Proof
from lk_sync.request_setting import Requests
from lk_sync.store import attempts, audit
from lk_sync.store.attempts import Budget
from lk_sync.store.database import Tx
from lk_sync.store.users import User
from portal.refusal import Refusal

ALL: Final = "all"
TRIES: Final = 5  # of a form with files, until all is right
KNOWN_FOR: Final = timedelta(days=90)
RISK_PERCENT: Final = 4
"""Expected takeovers a day, in hundredths, by each of the two kinds of guesses."""
LEAST_A_DAY: Final = 10  # below a thousand accounts people's own slips need more than the risk allows


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


def recovery(limits: Budgets, *, account: str, address: str) -> tuple[Budget, ...]:
    """As often as registration, and apart from it."""
    return (
        Budget("recovery_address", address, "day", limits.register_address_per_day),
        Budget("recovery_account", account, "day", limits.register_account_per_day),
    )


def uploads(limits: Requests, *, user_code: str | None, address: str) -> Budget:
    """Forms with files, sent again and again because something in them is wrong, included."""
    if user_code is not None:
        return Budget("upload", user_code, "day", TRIES * limits.a_day)
    return Budget("upload_address", address, "day", TRIES * limits.anyone_a_day_from_address)


def requests(limits: Requests, *, user_code: str | None, address: str) -> tuple[Budget, ...]:
    if user_code is not None:
        return (Budget("request", user_code, "day", limits.a_day),)
    return (
        Budget("request_anyone", ALL, "hour", limits.anyone_an_hour),
        Budget("request_address", address, "day", limits.anyone_a_day_from_address),
    )


def failures(limits: Budgets, proof: Proof | None, *, accounts: int, few: int) -> tuple[Budget, ...]:
    """Of everyone together, for requests of one kind; only those that do not match count, so that a rush of subscribers
    is no attack.

    A guess of a sum opens at most `few` of `accounts`, a guess of a second datum one. So few are answered in a day that
    no more is opened than RISK_PERCENT allows, whoever guesses, from however many addresses. Codes nobody guesses.
    """
    if proof in CODES:
        return ()
    kind, opens = ("register_failed", few) if proof is None else ("register_guessed", 1)
    a_day = max(LEAST_A_DAY, accounts * RISK_PERCENT // (100 * opens))
    return (
        Budget(kind, ALL, "hour", limits.register_global_per_hour),
        Budget(f"{kind}_a_day", ALL, "day", a_day),
    )


def has_room(tx: Tx, wanted: Sequence[Budget], *, now: datetime) -> bool:
    return all(attempts.left(tx, budget, now=now) for budget in wanted)


def knows(tx: Tx, user: User | None, *, address: str, now: datetime) -> bool:
    actor = user.user_code if user else "nobody"
    return audit.did_from(tx, actor=actor, act="login", address=address, since=now - KNOWN_FOR)


def used_up(budget: Budget, now: datetime) -> Refusal:
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, retry_after=attempts.until_next(budget.per, now))
