"""Allocations: which month's charge or penalty of which service has each ruble of a payment closed?

What is owed longest is closed first. What nothing is owed for is an advance, and the next charges are owed that much
less. A payment that is taken back opens again what it had closed.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from lk_sync.records import DATASETS

Row = tuple[Any, ...]
ACCOUNT, PAYMENT, AMOUNT, CHANGED = (
    *(DATASETS["payments"].columns.index(name) for name in ("account", "payment", "amount_kopecks")), -1
)  # fmt: skip
Owed = tuple[int, str, int]
"""Month, part of the bill, kopecks."""


class Allocations:
    """The allocations of one account, in the order of its payments."""

    def __init__(self, services: Iterable[str]) -> None:
        self.rows: list[Row] = []
        self._owed: Final[dict[str, deque[Owed]]] = {service: deque() for service in services}
        self._ahead: Final[dict[str, int]] = defaultdict(int)
        self._closed: list[tuple[str, Owed]] = []  # by the last payment

    def owe(self, service: str, period: int, *, charge: int, penalty: int = 0) -> None:
        """Less than nothing is an advance."""
        for part, kopecks in (("charge", charge), ("penalty", penalty)):
            left = kopecks - self._ahead.pop(service, 0)
            if left < 0:
                self._ahead[service] = -left
            elif left:
                self._owed[service].append((period, part, left))

    def take(self, payments: Sequence[Row], paid: Mapping[str, int], period: int) -> None:
        """Payments of a month; `paid` is what they come to, service by service."""
        left = dict(paid)
        for payment in payments:
            if payment[AMOUNT] < 0:
                self._open_again(payment)
                continue
            spread = left if sum(left.values()) == payment[AMOUNT] else {next(iter(left)): payment[AMOUNT]}
            self._closed = [
                each for service, kopecks in spread.items() for each in self._close(service, kopecks, period)
            ]
            self._note(payment, self._closed)
            left = dict.fromkeys(left, 0)

    def _close(self, service: str, kopecks: int, period: int) -> list[tuple[str, Owed]]:
        closed: list[tuple[str, Owed]] = []
        owed = self._owed[service]
        while kopecks > 0 and owed:
            month, part, amount = owed.popleft()
            if amount > kopecks:
                owed.appendleft((month, part, amount - kopecks))
            closed.append((service, (month, part, min(amount, kopecks))))
            kopecks -= min(amount, kopecks)
        if kopecks:
            self._ahead[service] += kopecks
            closed.append((service, (period, "advance", kopecks)))
        return closed

    def _open_again(self, payment: Row) -> None:
        for service, (month, part, kopecks) in reversed(self._closed):
            if part == "advance":
                self._ahead[service] -= kopecks
            else:
                self._owed[service].appendleft((month, part, kopecks))
        self._note(payment, [(service, (month, part, -kopecks)) for service, (month, part, kopecks) in self._closed])

    def _note(self, payment: Row, closed: Iterable[tuple[str, Owed]]) -> None:
        for number, (service, (month, part, kopecks)) in enumerate(closed, start=1):
            self.rows.append(
                (payment[ACCOUNT], payment[PAYMENT], f"{number:03d}", month, service, part, kopecks, payment[CHANGED])
            )
