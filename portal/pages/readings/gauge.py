"""Gauge: what is known of a meter that a new reading is compared with, and about what would it cost?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec
from aiohttp import web

from lk_sync.cache.reader import MeterRow, ReadingRow, View
from lk_sync.config import Window
from lk_sync.flow import acceptance
from lk_sync.flow.acceptance import Dial, Known, Past, Span
from lk_sync.flow.chain import chain_of
from lk_sync.flow.usual import Expected, Usual, expected, monthly, usual
from lk_sync.records import Kopecks, Micro, next_month
from lk_sync.store import submissions
from lk_sync.store.submissions import Submitted
from portal.access import visitor
from portal.keys import LK, STORE
from portal.pages.readings.history import dial_of, hung_of, past
from portal.subject import Subject
from portal.today import today

READINGS_LOOKED_AT: Final = 26  # the year of an average, with room for corrections and inspections
MONTHS_OF_WAYS: Final = 6


class Gauge(msgspec.Struct, frozen=True):
    """A meter, its latest readings (newest first), what was handed in for it, and what follows from them.

    `before`: the reading that a new one has to continue. `refusal`: the code of why nothing can be handed in today.
    """

    meter: MeterRow
    service: str
    dial: Dial
    readings: Sequence[ReadingRow]
    handed_in: Sequence[Submitted]
    past: Past
    before: Known | None
    usual: Usual | None
    expected: Expected | None
    price_micro: Micro | None
    refusal: str | None
    expired: bool

    @property
    def waiting(self) -> Submitted | None:
        """What is handed in already for the month that readings are taken for."""
        return next((each for each in self.handed_in if each.state in ("waiting", "batched", "exported")), None)

    @property
    def newest(self) -> str:
        """What was handed in last, empty if nothing was."""
        return next((each.submission for each in self.handed_in), "")

    def cost_kopecks(self, consumption_micro: Micro | None) -> Kopecks | None:
        """About what the consumption would cost by the latest bill; None: there is nothing to go by."""
        if self.price_micro is None or consumption_micro is None:
            return None
        return (self.price_micro * consumption_micro + 5 * 10**9) // 10**10

    def used_micro(self, value_micro: Micro, *, turned: bool = False) -> Micro | None:
        """What was used up to the value since the reading before it."""
        if self.before is None:
            return None
        return value_micro - self.before.value_micro + (self.dial.full_turn_micro if turned else 0)


def span(request: web.Request) -> Span:
    return acceptance.window_of(today(request), request.app[LK].readings)


def handed_in(request: web.Request, span: Span) -> list[Submitted]:
    """What was handed in lately for the account, for all meters, the newest first."""
    reader = visitor(request)
    since = next_month(span.period, -MONTHS_OF_WAYS)
    return submissions.of_account(
        request.app[STORE].reading, account=reader.account, holder_key=reader.holder_key, since=since
    )


def gauges(request: web.Request, view: View, subject: Subject) -> list[Gauge]:
    """Of every meter of the account, those in service first."""
    now, window = today(request), request.app[LK].readings
    around = acceptance.window_of(now, window)
    sent = handed_in(request, around)
    prices, meters = _Prices(view, subject), view.meters(subject.key)
    former = _Former(view, subject, meters)
    return [_gauge(view, subject, meter, sent, prices, former, around, now, window) for meter in meters]


def _gauge(
    view: View, subject: Subject, meter: MeterRow, sent: Sequence[Submitted],
    prices: _Prices, former: _Former, around: Span, now: date, window: Window,
) -> Gauge:  # fmt: skip
    dial = dial_of(meter)
    readings = view.readings(subject.key, meter.meter, since=subject.since_day, most=READINGS_LOOKED_AT)
    ours = [each for each in sent if each.meter == meter.meter]
    known = past(meter, readings, ours)
    before = acceptance.before(known, around.period)
    found = usual(monthly(known.books)) or former.usual(meter)
    refusal = "account_closed" if subject.card.closed_on is not None else None
    if refusal is None and (refused := acceptance.unacceptable(dial, around, now, window)):
        refusal = refused.code
    return Gauge(
        meter=meter,
        service=view.service_title(meter.service),
        dial=dial,
        readings=readings,
        handed_in=ours,
        past=known,
        before=before,
        usual=found,
        expected=_expected(before, found, dial, around),
        price_micro=prices.of(meter) if refusal is None else None,
        refusal=refusal,
        expired=acceptance.expired(dial, now),
    )


def _expected(before: Known | None, found: Usual | None, dial: Dial, around: Span) -> Expected | None:
    if before is None or found is None:
        return None
    return expected(before.value_micro, acceptance.months_between(before.period, around.period), found, dial)


class _Prices:
    """Rubles for a unit, asked for once for all meters of a service."""

    def __init__(self, view: View, subject: Subject) -> None:
        self._view = view
        self._account = subject.key
        self._known: dict[tuple[str, str], Micro | None] = {}

    def of(self, meter: MeterRow) -> Micro | None:
        key = (meter.service, meter.unit)
        if key not in self._known:
            self._known[key] = self._view.unit_price_micro(self._account, *key)
        return self._known[key]


class _Former:
    """What was usual of the meter that hung there before a new one, of which too little is known yet."""

    def __init__(self, view: View, subject: Subject, meters: Sequence[MeterRow]) -> None:
        self._view, self._subject, self._meters = view, subject, meters

    def usual(self, meter: MeterRow) -> Usual | None:
        if meter.removed_on is not None or all(each.removed_on is None for each in self._meters):
            return None
        by_meter = {each.meter: each for each in self._meters}
        chain = chain_of(meter.meter, [hung_of(each) for each in self._meters])
        for before in reversed(chain[:-1]):
            found = self._of(by_meter[before.meter])
            if found is not None:
                return found
        return None

    def _of(self, meter: MeterRow) -> Usual | None:
        rows = self._view.readings(
            self._subject.key, meter.meter, since=self._subject.since_day, most=READINGS_LOOKED_AT
        )
        return usual(monthly(past(meter, rows, ()).books))
