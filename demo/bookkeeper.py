"""Bookkeeper: what has happened in the supplier's books since they were drawn up?

The generator's books never change; what is booked afterwards (a reading taken over, a payment, a recalculation, a new
holder, an answer to a request) is an entry in the journal, and the books of an account are the generated ones with its
entries applied. The books still close: a recalculation goes into the last closed month, payments and readings into the
open one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any, Final, assert_never

import msgspec

from demo.supplier import Books, Supplier
from lk_sync.records import DATASETS

Row = tuple[Any, ...]
CHANGED: Final = -1


class Entry(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One entry of the journal. `at`: when it was booked, ISO with offset."""

    account: str
    at: str


class ReadingTaken(Entry, frozen=True, kw_only=True):
    """A reading was taken over. `supersedes`: the reading whose place it takes."""

    reading: str
    meter: str
    taken_on: str
    period: int
    value_micro: int
    source: str = "subscriber"
    supersedes: str | None = None


class PaymentBooked(Entry, frozen=True, kw_only=True):
    payment: str
    paid_on: str
    amount_kopecks: int
    channel: str = "касса «Теплосбыт»"


class Recalculated(Entry, frozen=True, kw_only=True):
    """The first charge line of the service in the last closed month is recalculated by the amount."""

    service: str
    amount_kopecks: int
    reason: str


class HolderChanged(Entry, frozen=True, kw_only=True):
    holder_name: str
    since: str


class RequestAnswered(Entry, frozen=True, kw_only=True):
    """Something was said to a request about the account."""

    request: str
    answer: str
    state: str
    text: str
    answered_on: str


AnyEntry = ReadingTaken | PaymentBooked | Recalculated | HolderChanged | RequestAnswered


class UnknownAccount(LookupError):
    """This supplier has no such account."""


class Bookkeeper:
    """The supplier's books as they are now. Threads may share it.

    `journal`: the file that keeps the entries from one start to the next; None keeps them in memory.
    """

    def __init__(self, supplier: Supplier, journal: Path | None = None) -> None:
        self.supplier = supplier
        self._journal = journal
        self._lock = Lock()
        self._entries: dict[str, list[AnyEntry]] = defaultdict(list)
        for entry in _kept(journal):
            self._entries[entry.account].append(entry)

    def book(self, entry: AnyEntry) -> bool:
        """Enter it; False if the same entry (but for the time) is there already. Raises UnknownAccount."""
        if self.supplier.books_of(entry.account) is None:
            raise UnknownAccount(entry.account)
        with self._lock:
            if any(_same(entry, known) for known in self._entries[entry.account]):
                return False
            if self._journal is not None:
                with self._journal.open("ab") as file:
                    file.write(msgspec.json.encode(entry) + b"\n")
            self._entries[entry.account].append(entry)
        return True

    def books_of(self, account: str) -> Books | None:
        books = self.supplier.books_of(account)
        return None if books is None else self._applied(books)

    def every(self, first: int = 0, last: int | None = None) -> Iterator[Books]:
        """The books of all accounts, or of a range of indices."""
        return map(self._applied, self.supplier.every(first, last))

    def _applied(self, books: Books) -> Books:
        with self._lock:
            entries = tuple(self._entries.get(books["accounts"][0][0], ()))
        for entry in entries:
            apply(books, entry)
        return books


def _kept(journal: Path | None) -> list[AnyEntry]:
    if journal is None or not journal.exists():
        return []
    return [msgspec.json.decode(line, type=AnyEntry) for line in journal.read_bytes().splitlines()]


def _same(one: AnyEntry, other: AnyEntry) -> bool:
    return msgspec.structs.replace(one, at=other.at) == other


def apply(books: Books, entry: AnyEntry) -> None:
    """Change the books of the entry's account."""
    match entry:
        case ReadingTaken():
            _take_reading(books, entry)
        case PaymentBooked():
            _book_payment(books, entry)
        case Recalculated():
            _recalculate(books, entry)
        case HolderChanged():
            _change_holder(books, entry)
        case RequestAnswered():
            books["request_answers"].append(
                (entry.request, entry.answer, entry.state, entry.text, entry.answered_on, entry.at)
            )
        case _ as never:
            assert_never(never)


def _take_reading(books: Books, entry: ReadingTaken) -> None:
    books["readings"] = [row for row in books["readings"] if row[2] not in (entry.reading, entry.supersedes)]
    books["readings"].append(
        (entry.account, entry.meter, entry.reading, entry.taken_on, entry.period, entry.value_micro, entry.source,
         entry.at)
    )  # fmt: skip


def _book_payment(books: Books, entry: PaymentBooked) -> None:
    period = int(entry.paid_on[:4]) * 100 + int(entry.paid_on[5:7])
    books["payments"].append(
        (entry.account, entry.payment, entry.paid_on, period, entry.amount_kopecks, entry.channel, None, entry.at)
    )


def _recalculate(books: Books, entry: Recalculated) -> None:
    period = books["bills"][-1][1]
    amount = entry.amount_kopecks

    def of_service(row: dict[str, Any]) -> bool:
        return bool(row["period"] == period and row["service"] == entry.service)

    def line(row: dict[str, Any]) -> None:
        row["recalculated_kopecks"] += amount
        row["total_kopecks"] += amount
        row["recalculation_reason"] = entry.reason

    def balance(row: dict[str, Any]) -> None:
        row["recalculated_kopecks"] += amount
        row["closing_kopecks"] += amount

    def bill(row: dict[str, Any]) -> None:
        row["amount_due_kopecks"] += amount

    _edit(books, "charges", of_service, line, entry.at)
    _edit(books, "balances", of_service, balance, entry.at)
    _edit(books, "bills", lambda row: bool(row["period"] == period), bill, entry.at)


def _change_holder(books: Books, entry: HolderChanged) -> None:
    def holder(row: dict[str, Any]) -> None:
        person, _, sequence = row["holder_key"].partition("/")
        row.update(holder_key=f"{person}/{int(sequence) + 1}", holder_name=entry.holder_name, holder_since=entry.since)

    _edit(books, "accounts", lambda _: True, holder, entry.at)


def _edit(
    books: Books,
    dataset: str,
    which: Callable[[dict[str, Any]], bool],
    change: Callable[[dict[str, Any]], None],
    at: str,
) -> None:
    """Change the first row of the dataset for which `which` holds. Raises LookupError if there is none."""
    names = DATASETS[dataset].columns
    for position, row in enumerate(books[dataset]):
        named = dict(zip(names, row[:CHANGED], strict=True))
        if which(named):
            change(named)
            books[dataset][position] = (*named.values(), at)
            return
    raise LookupError(f"нет строки в {dataset}")
