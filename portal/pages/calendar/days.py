"""Days: which days of an account stand in its calendar?

The window of readings, the day a bill is to be paid by, a verification that is due, an outage, the heating season.
Nothing says whose they are or how much is owed, unless the owner wants the sums. The name of an event in the calendar
never changes, so that a day that moves moves in the reader's calendar too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from babel.support import Translations

from lk_sync.cache.reader import BillRow, MeterRow, View
from lk_sync.cache.works import touching
from lk_sync.clock import moment
from lk_sync.config import Window
from lk_sync.flow.acceptance import window_of
from lk_sync.formats import Formats
from lk_sync.records import Month

WINDOWS: Final = 12
BILLS: Final = 3
UNKNOWN_END: Final = timedelta(hours=1)


class Entry(NamedTuple):
    """`ident` is unique in a calendar and stays. `first` and `last` are days, both included, or moments. `alarm`: the
    day of it on which its reader wants to be reminded; `path`: the page where something can be done."""

    ident: str
    first: date | datetime
    last: date | datetime
    words: str
    path: str
    alarm: date | None = None


def windows(today: date, window: Window, meters: Sequence[MeterRow], _: Translations) -> Iterator[Entry]:
    """This one or the next, and those that follow; none where nothing can be handed in."""
    if all(meter.automatic or meter.removed_on is not None for meter in meters):
        return
    words, day = _.gettext("Передать показания"), today
    for _number in range(WINDOWS):
        span = window_of(day, window)
        yield Entry(f"readings-{span.period}", span.first, span.last, words, "/readings", span.last)
        day = span.last + timedelta(days=1)


def payments(bills: Sequence[BillRow], formats: Formats, _: Translations, *, with_sums: bool) -> Iterator[Entry]:
    for bill in bills:
        if bill.state == "issued" and bill.due_on is not None and bill.amount_due_kopecks > 0:
            words = _.gettext("Оплатить квитанцию за %(month)s") % {"month": formats.month(bill.period)}
            if with_sums:
                words += f": {formats.money(bill.amount_due_kopecks)}"
            due = date.fromisoformat(bill.due_on)
            yield Entry(f"bill-{bill.period}-{bill.number}", due, due, words, "/bills", due)


def verifications(view: View, meters: Sequence[MeterRow], _: Translations) -> Iterator[Entry]:
    for meter in meters:
        if meter.removed_on is None and meter.verification_due_on is not None:
            due = date.fromisoformat(meter.verification_due_on)
            place = f" ({meter.place})" if meter.place else ""
            words = _.gettext("Срок поверки прибора") + f": {view.service_title(meter.service)}{place}"
            yield Entry(f"verification-{meter.meter}", due, due, words, "/readings", due)


def works(view: View, account: int, now: datetime, _: Translations) -> Iterator[Entry]:
    """Outages of the house with their hours; what has no end yet is an hour long."""
    for work in touching(view, account, now):
        first = moment(work.starts_at)
        last = moment(work.ends_at) if work.ends_at else first + UNKNOWN_END
        kind = _.gettext("Плановые работы") if work.planned else _.gettext("Отключение")
        service = f" ({work.service})" if work.service else ""
        if last > first:
            yield Entry(f"works-{work.works}", first, last, f"{kind}{service}: {work.what}", "/notifications")


def season(today: date, window: Window, _: Translations) -> Iterator[Entry]:
    """The one that goes on or comes next, by the supplier's months."""
    months = frozenset(window.season_months)
    if not months or len(months) == 12:
        return
    first = _month(today, -1 if today.month in months else 0)
    while first.month in months:
        first = _month(first, -1)
    while first.month not in months:
        first = _month(first, 1)
    beyond = first
    while beyond.month in months:
        beyond = _month(beyond, 1)
    words = _.gettext("Отопительный сезон (обычные сроки; точные назначает администрация)")
    yield Entry(f"season-{first:%Y}", first, beyond - timedelta(days=1), words, "/")


def _month(day: date, by: int) -> date:
    """The first day of the month `by` months away."""
    index = day.year * 12 + day.month - 1 + by
    return date(index // 12, index % 12 + 1, 1)


def of_account(
    view: View,
    account: int,
    *,
    now: datetime,
    today: date,
    window: Window,
    since: Month,
    is_closed: bool,
    formats: Formats,
    words: Translations,
    with_sums: bool,
) -> list[Entry]:
    """What there is of the account now. A closed one has only its bills left."""
    found = list(payments(view.bills(account, since=since, most=BILLS), formats, words, with_sums=with_sums))
    if not is_closed:
        meters = view.meters(account)
        found += windows(today, window, meters, words)
        found += verifications(view, meters, words)
        found += works(view, account, now, words)
        found += season(today, window, words)
    return found
