"""Cards: what does the page show of each meter, and what stands in its field of the form?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import uuid4

import msgspec
from aiohttp import web

from lk_sync.flow.acceptance import CALCULATED, Span
from lk_sync.flow.typos import Guess
from lk_sync.records import Kopecks
from portal.pages.readings.gauge import Gauge, handed_in, span
from portal.pages.readings.history import Entry, entries
from portal.pages.readings.refusals import sentence
from portal.pages.readings.verification import Verification, verification_of
from portal.pages.readings.way import Way, way_of
from portal.render import formats
from portal.today import today

__all__ = ["MeterCard", "Typed", "cards", "handed_in", "span"]

SHOWN_READINGS: Final = 6
SHOWN_WAYS: Final = 3


class Typed(msgspec.Struct, frozen=True):
    """What was typed for a meter. `problem`: why it was not taken; `guesses`: what may have been meant;
    `exchange`: what gives each of two meters the other's value."""

    text: str
    submission: str
    problem: str = ""
    guesses: Sequence[Guess] = ()
    exchange: str = ""
    focus: bool = False


class MeterCard(msgspec.Struct, frozen=True):
    """A meter with its newest readings and the ways of what was handed in. `number`: its place in the form.

    `refusal`: why there is no field now. `usual_kopecks`: about what an ordinary month of it costs.
    """

    number: int
    gauge: Gauge
    entries: list[Entry]
    ways: list[Way]
    refusal: str | None
    verification: Verification
    usual_kopecks: tuple[Kopecks, Kopecks] | None
    typed: Typed

    @property
    def estimated(self) -> bool:
        """Is one of the values that are shown not a reading?"""
        return any(entry.reading.source == CALCULATED for entry in self.entries)


def cards(request: web.Request, found: Sequence[Gauge], typed: Mapping[str, Typed]) -> list[MeterCard]:
    """`typed`: by meter."""
    around = span(request)
    return [_card(request, number, gauge, around, typed) for number, gauge in enumerate(found, start=1)]


def _card(request: web.Request, number: int, gauge: Gauge, around: Span, typed: Mapping[str, Typed]) -> MeterCard:
    code = gauge.refusal
    return MeterCard(
        number=number,
        gauge=gauge,
        entries=entries(gauge.readings[: SHOWN_READINGS + 1], gauge.dial, SHOWN_READINGS),
        ways=[way_of(request, each) for each in gauge.handed_in[:SHOWN_WAYS]],
        refusal=sentence(code, dial=gauge.dial, span=around, before=None, formats=formats(request)) if code else None,
        verification=verification_of(gauge.meter, today(request)),
        usual_kopecks=_usual_cost(gauge),
        typed=typed.get(gauge.meter.meter) or Typed("", str(uuid4())),
    )


def _usual_cost(gauge: Gauge) -> tuple[Kopecks, Kopecks] | None:
    if gauge.expected is None:
        return None
    least, most = (gauge.cost_kopecks(each) for each in (gauge.expected.least_micro, gauge.expected.most_micro))
    return None if least is None or most is None else (least, most)
