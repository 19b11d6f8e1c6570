"""Waiting: what does the subscriber have to do, and what first?

Readings that were refused, a verification that has run out, readings to be handed in, a verification that falls due,
works: in this order. What is owed stands above all of it, in a place of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal, NamedTuple

import msgspec

from lk_sync.cache.premises import WorksRow
from lk_sync.cache.reader import MeterRow, ReadingRow
from lk_sync.flow.acceptance import Span
from lk_sync.records import Day
from portal.pages.readings.verification import verification_of
from portal.pages.readings.way import Way

ORDER = ("refused", "expired", "readings", "verification", "works")


class Meter(NamedTuple):
    """A meter in service: its last reading in the books, and what was handed in for the open window."""

    meter: MeterRow
    last: ReadingRow | None
    way: Way | None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`serials`: of the meters concerned. `day`: until when, or since when. `days`: until then, at least 0."""

    kind: Literal["refused", "expired", "readings", "verification", "works"]
    href: str
    serials: Sequence[str] = ()
    day: Day | None = None
    days: int = 0
    works: WorksRow | None = None


def tasks(meters: Sequence[Meter], works: Sequence[WorksRow], span: Span, today: date, *, closed: bool) -> list[Task]:
    """Nothing is asked of a subscriber whose account is closed."""
    if closed:
        return []
    found = [*_refused(meters), *_to_hand_in(meters, span, today), *_verifications(meters, today)]
    found += [Task(kind="works", href="/documents", works=each) for each in works[:1]]
    return sorted(found, key=lambda task: (ORDER.index(task.kind), task.day or ""))


def _refused(meters: Sequence[Meter]) -> list[Task]:
    return [
        Task(kind="refused", href=f"/readings/{each.way.submitted.submission}", serials=[each.meter.serial])
        for each in meters
        if each.way is not None and each.way.kind == "bad"
    ]


def _to_hand_in(meters: Sequence[Meter], span: Span, today: date) -> list[Task]:
    """While the window is open: meters that nobody has read for its month yet."""
    serials = [each.meter.serial for each in meters if not each.meter.automatic and not _is_read(each, span)]
    if not span.open or not serials:
        return []
    days = (span.last - today).days
    return [Task(kind="readings", href="/readings", serials=serials, day=span.last.isoformat(), days=days)]


def _is_read(of: Meter, span: Span) -> bool:
    if of.way is not None and of.way.submitted.period == span.period:
        return of.way.kind != "past"
    return of.last is not None and of.last.period >= span.period and of.last.source != "calculated"


def _verifications(meters: Sequence[Meter], today: date) -> list[Task]:
    found = []
    for each in meters:
        seen = verification_of(each.meter, today)
        kind: Literal["expired", "verification"] = "expired" if seen.state == "expired" else "verification"
        if seen.state in ("expired", "soon"):
            serials = [each.meter.serial]
            task = Task(kind=kind, href="/readings", serials=serials, day=seen.due_on, days=max(0, seen.days or 0))
            found.append(task)
    return found
