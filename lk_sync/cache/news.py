"""News: to which accounts did anything happen since a run that somebody has already been told of?

A bill that was not there before, a closed month whose charges or balance are not what they were, a payment that the
supplier has booked, and one that is no longer booked. Several runs are told as one: what came and went again is no
news. A first load is none either. Account by account, so that a month's bills of a million accounts take no memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple

import msgspec

from lk_sync.cache.reader import View
from lk_sync.records import Month

_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])
_KEPT: Final = frozenset({"run", "origin"})  # who wrote a row is no news to its subscriber
ALL_BILLS: Final = 1_000

What = Literal["bill", "month", "payment", "payment_gone"]
Row = dict[str, Any] | None


class Event(NamedTuple):
    """`account` is the number. `subject`: the bill's or payment's id, None for a month. `kopecks`: amount due of the
    bill, amount of the payment, by how much the closed month's charges grew."""

    what: What
    account: str
    period: Month
    subject: str | None
    kopecks: int


class Change(NamedTuple):
    """Of one row, over all the runs: what it was before them and is after them."""

    dataset: str
    was: Row
    now: Row


class Growth(NamedTuple):
    """By how much a month has grown: id of the service → kopecks."""

    charged: Counter[int]
    penalty: Counter[int]


def since(view: View, run: int) -> Iterator[Event]:
    """What the runs after `run` have brought, accounts in the order of their keys. Reads while `view` is open."""
    for account, entries in groupby(view.news(run), key=itemgetter(0)):
        changes = changes_of([entry[1:] for entry in entries])
        number = view.number_of(account) if changes else None
        if number is not None:  # else nobody can see it
            yield from _bills(view, number, changes)
            yield from _months(view, account, number, changes)
            yield from _payments(view, number, changes)


def changes_of(entries: Iterable[tuple[str, str, str | None, str | None]]) -> list[Change]:
    """The rows that are not what they were; entries are (dataset, key, was, now) in the order of the runs."""
    first: dict[tuple[str, str], str | None] = {}
    last: dict[tuple[str, str], str | None] = {}
    for dataset, key, was, now in entries:
        first.setdefault((dataset, key), was)
        last[dataset, key] = now
    changes = (Change(place[0], _decoded(first[place]), _decoded(last[place])) for place in sorted(first))
    return [change for change in changes if _bare(change.was) != _bare(change.now)]


def _decoded(row: str | None) -> Row:
    return None if row is None else _OBJECT.decode(row)


def _bare(row: Row) -> Row:
    return None if row is None else {name: cell for name, cell in row.items() if name not in _KEPT}


def _bills(view: View, number: str, changes: list[Change]) -> Iterator[Event]:
    for dataset, was, now in changes:
        if dataset == "bills" and now and view.code(now["state"]) == "issued" and was is None:
            yield Event("bill", number, now["period"], now["number"], now["amount_due_kopecks"])


def _months(view: View, account: int, number: str, changes: list[Change]) -> Iterator[Event]:
    """Months that had a bill before the runs and are different now."""
    grown = growths_of(changes)
    if not grown:
        return
    billed = billed_before(view, account, changes)
    for period in sorted(grown.keys() & billed):
        yield Event("month", number, period, None, sum(grown[period].charged.values()))


def billed_before(view: View, account: int, changes: list[Change]) -> set[Month]:
    """Months with a bill that the changes have not brought."""
    new = {(now["period"], now["number"]) for d, was, now in changes if d == "bills" and now and was is None}
    return {bill.period for bill in view.bills(account, most=ALL_BILLS) if (bill.period, bill.number) not in new}


def growths_of(changes: list[Change]) -> dict[Month, Growth]:
    """Every month of which a charge or a balance is not what it was."""
    grown: dict[Month, Growth] = {}
    for change in changes:
        if change.dataset in ("charges", "balances"):
            month = grown.setdefault(_period(change), Growth(Counter(), Counter()))
            service = (change.now or change.was or {})["service"]
            if change.dataset == "charges":
                month.charged[service] += _cell(change.now, "total_kopecks") - _cell(change.was, "total_kopecks")
            else:
                month.penalty[service] += _cell(change.now, "penalty_kopecks") - _cell(change.was, "penalty_kopecks")
    return grown


def _period(change: Change) -> Month:
    period: Month = (change.now or change.was or {})["period"]
    return period


def _cell(row: Row, name: str) -> int:
    return int(row[name]) if row else 0


def booked(view: View, row: Row) -> Row:
    """The row of a payment that counts; None: there is none, it is on its way, or it was returned."""
    state = None if row is None else row.get("state")
    return row if state is None or view.code(state) == "booked" else None


def _payments(view: View, number: str, changes: list[Change]) -> Iterator[Event]:
    changed = [(booked(view, was), booked(view, now)) for dataset, was, now in changes if dataset == "payments"]
    for was, now in changed:
        if now and was is None:
            yield Event("payment", number, now["period"], now["payment"], now["amount_kopecks"])
        if was and now is None:
            yield Event("payment_gone", number, was["period"], was["payment"], was["amount_kopecks"])
