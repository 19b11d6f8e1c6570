"""Recoverer: does a request for a new password come from whoever the user record belongs to, and what follows?

A background task of every portal process, as the registrar is: whether there is such a user record shows neither in the
answer nor in its time. The address that is known gets a letter with a link, and the password stays until the link is
used. Whoever has no access to that address brings a code of the desk, which puts another one in its place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from lk_sync.bell import Bell
from lk_sync.cache.reader import CacheReader
from lk_sync.clock import Clock, instant
from lk_sync.config import Lk
from lk_sync.store import audit, codes, letters, recoveries, sessions, users
from lk_sync.store.database import Store, Tx
from lk_sync.store.recoveries import Outcome, Recovery
from lk_sync.store.users import User

log: Final = logging.getLogger("portal.recoverer")


class Recoverer:
    """`run` until cancelled; `wake` when there is a new request. `letter_written` is called after each one."""

    def __init__(
        self, store: Store, cache: CacheReader, clock: Clock, lk: Lk, letter_written: Callable[[], None]
    ) -> None:
        self._store = store
        self._cache = cache
        self._clock = clock
        self._lasts = timedelta(hours=lk.registration.recovery_hours)
        self._letter_written = letter_written
        self._bell = Bell()

    def wake(self) -> None:
        self._bell.ring()

    async def run(self) -> None:
        while True:
            await self.settle_waiting()
            await self._bell.wait()

    async def settle_waiting(self) -> int:
        """How many requests were settled."""
        settled = 0
        while (request := recoveries.due(self._store.reading)) is not None:
            user = users.of_login(self._store.reading, name=request.account, now=self._clock())
            theirs = user if user is not None and self._is_still_theirs(user) else None
            outcome = await self._store.write(partial(self._settle, request=request, user=theirs))
            log.info("новый пароль: %s", outcome)
            self._letter_written()
            settled += outcome is not None
        return settled

    def _is_still_theirs(self, user: User) -> bool:
        """A former holder has no way back."""
        key = self._cache.account_key(user.account)
        return key is None or self._cache.holder_key(key) in (None, user.holder_key)

    def _settle(self, tx: Tx, *, request: Recovery, user: User | None) -> Outcome | None:
        """One unit of work. None: another process has settled the request."""
        now = self._clock()
        outcome = self._outcome(tx, request, user, now)
        if not recoveries.settle(tx, recovery=request.recovery, outcome=outcome, now=now):
            return None
        match outcome:
            case "sent" if user is not None:
                self._send(tx, user, user.email, user.language, request, now)
            case "restored" if user is not None:
                self._restore(tx, user, request, now)
            case _:
                self._note(tx, "visitor", "recovery_refused", request, now)
        return outcome

    def _outcome(self, tx: Tx, request: Recovery, user: User | None, now: datetime) -> Outcome:
        if user is None:
            return "unknown"
        if request.desk_code is not None:
            good = codes.spend(tx, account=user.account, code=request.desk_code, now=now)
            return "restored" if good else "unknown"
        return "sent" if user.email.casefold() == request.email.casefold() else "unknown"

    def _restore(self, tx: Tx, user: User, request: Recovery, now: datetime) -> None:
        """The desk has seen who it is: the former address is told, and nobody stays logged in."""
        users.change_email(tx, user_code=user.user_code, was=user.email, email=request.email)
        sessions.end_all(tx, user_code=user.user_code)
        if user.email.casefold() != request.email.casefold():
            self._write(tx, "email_replaced", user.email, user.language, request, {"changed_at": instant(now)}, now)
        self._note(tx, user.user_code, "email_replaced_at_desk", request, now)
        self._send(tx, user, request.email, request.language, request, now)

    def _send(self, tx: Tx, user: User, email: str, language: str, request: Recovery, now: datetime) -> None:
        secret = recoveries.open_way(tx, user_code=user.user_code, lasts=self._lasts, now=now)
        told = {"secret": secret, "expires_at": instant(now + self._lasts)}
        self._write(tx, "new_password", email, language, request, told, now)
        self._note(tx, user.user_code, "recovery_sent", request, now)

    def _write(
        self,
        tx: Tx,
        kind: str,
        recipient: str,
        language: str,
        request: Recovery,
        told: dict[str, str],
        now: datetime,
    ) -> None:
        letters.write(
            tx,
            kind=kind,
            once=f"{kind}:{request.recovery}",
            recipient=recipient,
            language=language,
            context={"account": request.account} | told,
            now=now,
        )

    def _note(self, tx: Tx, actor: str, act: str, request: Recovery, now: datetime) -> None:
        audit.append(tx, actor=actor, act=act, object=f"account:{request.account}", now=now, address=request.address)
