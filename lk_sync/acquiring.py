"""Acquiring: what must a payment provider do so that a subscriber's money can be trusted to it?

The payer gives the card to the provider's own page; we never see it. A provider makes a payment (`create`), says what
became of it (`query`), gives money back (`refund`) and may call us (`heard`). Only the answer to `query` says what has
been paid, and only when `fits` finds our own order in it: what comes by a call says merely that it is time to ask.
Found by entry point: group `lk_sync.acquirers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Protocol

import msgspec

from lk_sync.contracts import Channel
from lk_sync.errors import LkError
from lk_sync.records import Kopecks, Month

State = Literal["pending", "held", "paid", "failed", "expired", "refunded", "refunded_in_part"]
Vat = Literal[
    "none", "vat0", "vat5", "vat7", "vat10", "vat20", "vat22", "vat105", "vat107", "vat110", "vat120", "vat122"
]
RUB = "RUB"


class Declined(LkError):
    """The provider says no, for good: nothing has been made. `code` is its own."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class Forged(LkError):
    """A call that does not come from the provider, or was altered on the way."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a part of the sum is for; becomes a line of the fiscal receipt. `service` is looked up in its mapping."""

    service: str
    title: str
    amount_kopecks: Kopecks


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid. `order` is ours, at most 32 signs, and never used for another payment; the parts amount to
    `amount_kopecks`. `account`, `unified_account`, `bill` and `period`: which bill of the subscriber it is for.
    `contact`: e-mail or phone (`+7…`) for the fiscal receipt."""

    order: str
    amount_kopecks: Kopecks
    purpose: str
    parts: tuple[Part, ...]
    return_url: str
    call_url: str
    contact: str
    account: str
    period: Month
    unified_account: str = ""
    bill: str = ""
    lives_seconds: int = 1200


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A payment at the provider. `page`: where the payer goes; None: it was made before, and its page is not told
    again."""

    payment: str
    page: str | None


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider says when it is asked. `amount_kopecks`: of the whole payment; `refunded_kopecks` of it went
    back, 0 also where the provider does not say how much. `order` is ours as the provider knows it. `reason`: why it
    was not paid, in the provider's word."""

    payment: str
    order: str
    amount_kopecks: Kopecks
    currency: str
    state: State
    refunded_kopecks: Kopecks = 0
    reason: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request that came to our address for the provider. `address`: where from."""

    address: str
    body: bytes = b""
    query: str = ""
    headers: Mapping[str, str] = {}


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Which payment a call is about. It is no fact: `query` says what became of it. `order` is empty where the call
    does not name it; `answer` is what the provider wants to read."""

    payment: str
    order: str
    answer: bytes = b""


class Acquirer(Protocol):
    """Built as `Acquirer(settings)`, like a source. Every method may raise Unreachable, after which nobody knows what
    happened: ask again for the same order; AccessDenied, when our credentials are refused; BadData for an answer that
    cannot be understood, which is as unknown as no answer."""

    settings_type: ClassVar[type[msgspec.Struct]]

    def channel(self) -> Channel:
        """As `Source.channel`."""

    async def create(self, order: Order, *, again: bool = False) -> Made:
        """Makes the payment. `again`: it may be made already, for its answer never came; it is not made twice. Raises
        Declined."""

    async def query(self, order: str, payment: str) -> Fact:
        """What became of it. Raises Declined when the provider does not know it."""

    async def refund(self, payment: str, amount_kopecks: Kopecks, *, refund: str) -> None:
        """Gives `amount_kopecks` back. The same `refund` asked again is the same refund where the provider knows keys;
        `query` says how much went back. Raises Declined."""

    def heard(self, call: Call) -> Heard:
        """Raises Forged unless the call is the provider's."""


def fits(fact: Fact, *, order: str, payment: str, amount_kopecks: Kopecks) -> bool:
    """Whether the answer speaks of our payment: the same order, payment, sum and currency. What does not fit changes
    nothing and goes to a person."""
    return (fact.order, fact.payment, fact.amount_kopecks, fact.currency) == (order, payment, amount_kopecks, RUB)
