"""Evidence: does what somebody told of an account match the books?

The sum due by a bill of the account's two latest months, and beside it a second datum wherever the sum alone proves too
little. Whether it does is decided by the sum that was typed and by what is counted of all accounts together.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

import msgspec

from lk_sync.bill_code import bill_code, typed_code
from lk_sync.cache import census
from lk_sync.cache.census import Census, plain
from lk_sync.cache.reader import BillRow, CacheReader, Card, View
from lk_sync.proofs import CODES, PROOFS, Proof, Registering
from lk_sync.records import Kopecks
from lk_sync.setting import SecretValue
from lk_sync.store.registrations import Registration

BILLS_LOOKED_AT: Final = 12  # a month may have several, withdrawn ones among them
PAYMENTS_LOOKED_AT: Final = 12  # reversed ones among them


class Rules(msgspec.Struct, frozen=True):
    """What this supplier asks for. `code_key` None: bills carry no code."""

    section: Registering
    code_key: SecretValue | None

    def offered(self, counted: Census | None, *, codes_only: bool = False) -> tuple[Proof, ...]:
        """The second data that are taken now, in the order in which a page names them."""
        return tuple(each for each in PROOFS if self._takes(each, counted) and (each in CODES or not codes_only))

    def _takes(self, proof: Proof, counted: Census | None) -> bool:
        if proof == "desk_code":
            return True
        if proof == "bill_number" and (counted is None or counted.numbers_in_order):
            return False
        return self.prints_codes if proof == "bill_code" else proof in self.section.proofs

    @property
    def prints_codes(self) -> bool:
        """Does a bill of ours carry a code?"""
        return "bill_code" in self.section.proofs and self.code_key is not None

    def wants_more(self, amount: Kopecks, counted: Census | None) -> bool:
        """Does this sum alone prove too little, whoever's it may be?"""
        if amount <= 0 or self.section.second_datum == "always":
            return True
        return self.section.second_datum == "shared" and (counted is None or amount in counted.sums)


class Evidence(msgspec.Struct, frozen=True):
    """What the books say about a request. `holder_key` None: there is no such account. `spends`: the code of a bill
    that proves it, which may do so once."""

    holder_key: str | None
    organisation: bool
    matches: bool
    spends: str | None = None


def evidence(cache: CacheReader, rules: Rules, counted: Census, request: Registration, now: datetime) -> Evidence:
    """A code of the desk is the store's matter: it proves nothing here."""
    key = cache.account_key(request.account)
    with cache.view() as view:
        card = None if key is None else view.card(key)
        if key is None or card is None:
            return Evidence(None, organisation=False, matches=False)
        inquiry = _Inquiry(view, key, card, rules, counted, request)
        bill = inquiry.bill(now)
        return Evidence(
            card.holder_key,
            card.holder_kind == "organisation",
            matches=bill is not None,
            spends=None if bill is None else inquiry.spent_by(bill),
        )


def due(bills: list[BillRow], now: datetime) -> list[BillRow]:
    """The bills that are evidence: issued, of the two latest months that have one, none too old."""
    issued = [bill for bill in bills if bill.state == "issued" and bill.period >= census.since(now)]
    months = sorted({bill.period for bill in issued})[-census.MONTHS :]
    return [bill for bill in issued if bill.period in months]


class _Inquiry(msgspec.Struct, frozen=True):
    view: View
    key: int
    card: Card
    rules: Rules
    counted: Census
    request: Registration

    def bill(self, now: datetime) -> BillRow | None:
        """A bill that the request knows; None: it does not, or too little of it."""
        asked = self.request
        if asked.proof_kind == "desk_code":
            return None
        if asked.proof_kind is None and self.rules.wants_more(asked.amount_kopecks, self.counted):
            return None
        bills = due(self.view.bills(self.key, most=BILLS_LOOKED_AT), now)
        return next((bill for bill in bills if self._fits(bill)), None)

    def spent_by(self, bill: BillRow) -> str | None:
        if self.request.proof_kind != "bill_code":
            return None
        return hashlib.sha256(f"{self.card.number} {self._code(bill)}".encode()).hexdigest()

    def _fits(self, bill: BillRow) -> bool:
        typed, printed = self.request.amount_kopecks, bill.amount_due_kopecks
        same = printed <= 0 if typed == 0 else typed == printed
        return same and (self.request.proof_kind is None or self._is_proved(bill))

    def _is_proved(self, bill: BillRow) -> bool:
        kind, typed = self.request.proof_kind, self.request.proof or ""
        if kind not in self.rules.offered(self.counted):
            return False
        if kind is None or is_common(self.counted, kind, typed):
            return False
        match kind:
            case "bill_number":
                return typed == plain(bill.number)
            case "bill_code":
                return typed == typed_code(self._code(bill))
            case "payment":
                return typed in self._payments()
            case _:
                return typed in self._serials()

    def _code(self, bill: BillRow) -> str:
        if self.rules.code_key is None:
            raise LookupError("registration.code_key")
        return bill_code(self.rules.code_key, account=self.card.number, period=bill.period, number=bill.number)

    def _payments(self) -> list[str]:
        found = self.view.payments(self.key, most=PAYMENTS_LOOKED_AT)
        booked = [each for each in found if each.amount_kopecks > 0][: census.PAYMENTS]
        return [census.payment(each.amount_kopecks, each.paid_on) for each in booked]

    def _serials(self) -> list[str]:
        return [plain(meter.serial) for meter in self.view.meters(self.key) if meter.removed_on is None]


def is_common(counted: Census, kind: Proof, typed: str) -> bool:
    """Do several accounts have this second datum, so that it proves nothing of any?"""
    match kind:
        case "payment":
            return typed in counted.payments
        case "bill_number":
            return typed in counted.numbers
        case "meter":
            return typed in counted.serials
    return False
