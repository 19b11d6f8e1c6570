"""Registrar: does a registration request match the books, and what follows?

A background task of every portal process, apart from the browser: what a request turns out to be shows neither in
the answer nor in its time. What proves a request is `evidence`'s matter. Failures are paid for in advance: a request is
taken in hand only while its budget lasts, and gets back what it has paid when it was a rightful one, so that no rush of
guesses is answered before it is counted. Somebody who is registered already is told, and nothing changes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from lk_sync.bell import Bell
from lk_sync.cache.census import Census
from lk_sync.cache.reader import CacheReader
from lk_sync.clock import Clock, instant, moment
from lk_sync.config import Lk
from lk_sync.setting import SecretValue
from lk_sync.store import attempts, audit, codes, consents, letters, links, registrations, users
from lk_sync.store.attempts import Budget
from lk_sync.store.consents import Consent
from lk_sync.store.database import Store, Tx
from lk_sync.store.registrations import Outcome, Registration
from lk_sync.store.users import ONE_TIME, User
from portal import budgets, passwords
from portal.census import CensusTaker
from portal.evidence import Evidence, Rules, evidence
from portal.passwords import Passwords
from portal.refusal import Refusal

log: Final = logging.getLogger("portal.registrar")

LEASE: Final = timedelta(minutes=2)
GUESSABLE: Final = "bill_number"  # as good as any second datum that is no code
ACT: Final = "отметка на странице регистрации"


class Taken(msgspec.Struct, frozen=True):
    """A request in hand, and the budgets of failures that it has used in advance."""

    request: Registration
    budgets: tuple[Budget, ...]
    now: datetime


class Registrar:
    """`run` until cancelled; `wake` when there is a new request. `letter_written` is called after each one."""

    def __init__(
        self,
        store: Store,
        cache: CacheReader,
        clock: Clock,
        passwords: Passwords,
        lk: Lk,
        rules: Rules,
        census: CensusTaker,
        letter_written: Callable[[], None],
    ) -> None:
        self._store = store
        self._cache = cache
        self._clock = clock
        self._passwords = passwords
        self._lk = lk
        self._rules = rules
        self._census = census
        self._letter_written = letter_written
        self._bell = Bell()

    def wake(self) -> None:
        self._bell.ring()

    async def run(self) -> None:
        while True:
            await self.settle_waiting()
            await self._bell.wait()

    async def settle_waiting(self) -> int:
        """Settles what waits, as far as it can be settled now. How many requests that were."""
        settled = 0
        while self._something_waits() and self._books_are_open():
            counted = await self._census.fresh()
            taken = await self._claim(counted)
            if taken is None:
                break
            settled += await self._settle(taken, counted)
        return settled

    def _something_waits(self) -> bool:
        return registrations.waiting(self._store.reading) > 0

    def _books_are_open(self) -> bool:
        with self._cache.view() as view:
            return view.oldest("accounts", "bills") is not None

    async def _claim(self, counted: Census) -> Taken | None:
        """None: nothing waits, or so many of its kind did not match that the rest waits until they are forgotten."""
        now, limits, few = self._clock(), self._lk.budgets, self._rules.section.few

        def work(tx: Tx) -> Taken | None:
            sums, guessable = (
                budgets.has_room(tx, budgets.failures(limits, kind, accounts=counted.accounts, few=few), now=now)
                for kind in (None, GUESSABLE)
            )
            request = registrations.claim(tx, now=now, lease_until=now + LEASE, sums=sums, guessable=guessable)
            if request is None:
                return None
            paid = budgets.failures(limits, request.proof_kind, accounts=counted.accounts, few=few)
            attempts.take(tx, paid, now=now)
            return Taken(request, paid, now)

        return await self._store.write(work)

    async def _settle(self, taken: Taken, counted: Census) -> bool:
        request, now = taken.request, self._clock()
        found = evidence(self._cache, self._rules, counted, request, now)
        proved = found.matches or self._is_from_the_desk(request, now)
        password = passwords.one_time()
        try:
            hashed = await self._passwords.hash(passwords.typed_one_time(password)) if proved else ""
        except Refusal:  # the threads are busy with logins; the lease ends, the request stays
            await self._store.write(lambda tx: attempts.give_back(tx, taken.budgets, now=taken.now))
            return False
        decision = Decision(self._lk, taken, found, proved, SecretValue(password), hashed, self._clock())
        outcome = await self._store.write(decision.carry_out)
        log.info("регистрация %s: %s", request.registration, outcome)
        self._letter_written()
        return outcome is not None

    def _is_from_the_desk(self, request: Registration, now: datetime) -> bool:
        code = request.proof if request.proof_kind == "desk_code" else None
        return code is not None and codes.is_good(self._store.reading, account=request.account, code=code, now=now)


class Decision(msgspec.Struct, frozen=True):
    """One request and all that is known about it."""

    lk: Lk
    taken: Taken
    evidence: Evidence
    proved: bool
    password: SecretValue
    password_hash: str
    now: datetime

    @property
    def request(self) -> Registration:
        return self.taken.request

    def carry_out(self, tx: Tx) -> Outcome | None:
        """One unit of work. None: another process has settled the request."""
        user = self._present_user(tx)
        outcome = self._outcome(tx, user)
        if not registrations.settle(tx, registration=self.request.registration, outcome=outcome, now=self.now):
            return None
        match outcome:
            case "created":
                self._create(tx, user)
            case "added":
                self._add(tx, user)
            case "renewed":
                self._renew(tx, user)
            case "organisation":
                self._write(tx, "organisation", self.request.email, self.request.language, {})
            case "taken" | "mismatch":
                self._tell_owner(tx, user)
        if outcome in ("created", "renewed"):  # of others nobody may learn, by what is left, that the sum was right
            attempts.give_back(tx, self.taken.budgets, now=self.taken.now)
        return outcome

    def _outcome(self, tx: Tx, user: User | None) -> Outcome:
        if not self.proved or self.evidence.holder_key is None:
            return "mismatch"
        if self.evidence.organisation:
            return "organisation"
        if user is None or self._lapsed(user):
            if not self._spend(tx, again=user is not None):
                return "mismatch"
            return "created" if self.request.user_code is None else "added"
        if self.request.user_code is not None:
            return "taken"
        unused = user.password_kind == ONE_TIME
        return "renewed" if unused and user.email == self.request.email else "taken"

    def _spend(self, tx: Tx, *, again: bool) -> bool:
        """A code registers once; `again`: the one it has registered never came in, a wrong address perhaps."""
        request, spends = self.request, self.evidence.spends
        if request.proof_kind == "desk_code":
            return codes.spend(tx, account=request.account, code=request.proof or "", now=self.now)
        return spends is None or codes.spend_bill(tx, account=request.account, digest=spends, now=self.now) or again

    def _present_user(self, tx: Tx) -> User | None:
        """Whoever has the account now. A former holder's link ends here, if it has not ended before."""
        user = users.of_account(tx, account=self.request.account)
        if user is None or self.evidence.holder_key in (None, user.holder_key):
            return user
        users.end_holder(tx, account=user.account, holder_key=user.holder_key, reason="holder_changed", now=self.now)
        return None

    def _lapsed(self, user: User) -> bool:
        """The only password was never used, and nobody can be logged in by it any more: a wrong e-mail, perhaps."""
        if user.password_kind != ONE_TIME or user.password_expires_at is None:
            return False
        return moment(user.password_expires_at) + timedelta(hours=self.lk.portal.session_hours) < self.now

    @property
    def _lasts(self) -> timedelta:
        return timedelta(hours=self.lk.portal.one_time_password_hours)

    def _create(self, tx: Tx, lapsed: User | None) -> None:
        if lapsed is not None:
            users.end(tx, user_code=lapsed.user_code, reason="never_used", now=self.now)
        user_code = users.create(
            tx,
            account=self.request.account,
            holder_key=self.evidence.holder_key or "",
            email=self.request.email,
            language=self.request.language,
            password_hash=self.password_hash,
            lasts=self._lasts,
            now=self.now,
        )
        self._registered(tx, user_code, "registered")

    def _add(self, tx: Tx, lapsed: User | None) -> None:
        """Under a user record that is there. What it was let into before, it owns now."""
        adder, account = users.find(tx, user_code=self.request.user_code or ""), self.request.account
        if lapsed is not None:
            users.end(tx, user_code=lapsed.user_code, reason="never_used", now=self.now)
        if adder is None:  # it has ended while the request waited
            return
        code, holder_key = adder.user_code, self.evidence.holder_key or ""
        if (lent := links.one(tx, user_code=code, account=account, now=self.now)) is not None:
            links.end(tx, link=lent.link, now=self.now)
        links.make(tx, user_code=code, account=account, holder_key=holder_key, now=self.now)
        self._audit(tx, code, "account_added")
        self._write(tx, "account_linked", adder.email, adder.language, {"linked_at": instant(self.now)})

    def _renew(self, tx: Tx, user: User | None) -> None:
        if user is None:
            raise LookupError(self.request.registration)
        users.give_one_time(
            tx,
            user_code=user.user_code,
            password_hash=self.password_hash,
            language=self.request.language,
            lasts=self._lasts,
            now=self.now,
        )
        self._registered(tx, user.user_code, "one_time_password_renewed")

    def _registered(self, tx: Tx, user_code: str, act: str) -> None:
        for kind, version, sha256 in (
            ("rules", self.request.rules_version, self.request.rules_sha256),
            ("personal_data", self.request.consent_version, self.request.consent_sha256),
        ):
            consents.give(
                tx,
                user_code=user_code,
                consent=Consent(
                    kind=kind,  # type: ignore[arg-type]  # a literal of the tuple above
                    version=version,
                    sha256=sha256,
                    act=ACT,
                    address=self.request.address,
                    browser=self.request.browser,
                    given_at=self.request.created_at,
                ),
            )
        self._audit(tx, user_code, act)
        told = {"password": self.password.reveal(), "expires_at": instant(self.now + self._lasts)}
        self._write(tx, "one_time_password", self.request.email, self.request.language, told)

    def _tell_owner(self, tx: Tx, user: User | None) -> None:
        """Once a day at most, however often it is tried."""
        self._audit(tx, "visitor", "registration_refused")
        if user is None:
            return
        letters.write(
            tx,
            kind="registration_attempt",
            once=f"registration_attempt:{user.user_code}:{attempts.slot('day', self.now)}",
            recipient=user.email,
            language=user.language,
            context={"account": user.account, "attempted_at": self.request.created_at},
            now=self.now,
        )

    def _write(self, tx: Tx, kind: str, recipient: str, language: str, told: dict[str, str]) -> None:
        letters.write(
            tx,
            kind=kind,
            once=f"{kind}:{self.request.registration}",
            recipient=recipient,
            language=language,
            context={"account": self.request.account} | told,
            now=self.now,
        )

    def _audit(self, tx: Tx, actor: str, act: str) -> None:
        audit.append(
            tx,
            actor=actor,
            act=act,
            object=f"account:{self.request.account}",
            now=self.now,
            address=self.request.address,
            detail={"registration": self.request.registration},
        )
