"""Without: what does this account pay in the next months if its owner hands in nothing?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import web

from lk_sync.cache.grounds import FullCharge
from lk_sync.cache.reader import View
from lk_sync.flow import acceptance
from lk_sync.flow.without import Facts, Meant, NormOf, Preview, preview
from lk_sync.records import Micro, next_month
from portal.access import Need, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE
from portal.pages.readings.gauge import Gauge, gauges, span
from portal.render import render
from portal.subject import Subject, nothing_known, subject_of
from portal.today import today

routes = web.RouteTableDef()
MONTHS_BACK: Final = 12


class Outlook(msgspec.Struct, frozen=True):
    """A service whose meters are read by hand."""

    service: str
    preview: Preview


@routes.get("/readings/without")
@open_to(Need.METERS)
async def without(request: web.Request) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        found = [each for each in gauges(request, view, subject) if _read_by_hand(each)]
        services = {each.meter.service: each.service for each in found}
        outlooks = [
            Outlook(title, preview(_facts(request, view, subject, service, found)))
            for service, title in services.items()
        ]
        stated_as_of = as_of(request, view, "meters", "readings", "charges")
    return render(
        request,
        "readings/without.html",
        outlooks=outlooks,
        closed_on=subject.card.closed_on,
        as_of=stated_as_of,
    )


def _read_by_hand(gauge: Gauge) -> bool:
    return not gauge.dial.automatic and not gauge.dial.removed and gauge.refusal != "account_closed"


def _facts(request: web.Request, view: View, subject: Subject, service: str, found: Sequence[Gauge]) -> Facts:
    around = span(request)
    lines = [
        line
        for line in view.full_charges(subject.key, next_month(around.period, -MONTHS_BACK), around.period)
        if line.service == service and line.period >= subject.since_month
    ]
    charged = {line.period for line in lines}
    first = max(around.period, next_month(max(charged))) if charged else around.period
    return Facts(
        first=first,
        meters=[_meant(gauge) for gauge in found if gauge.meter.service == service],
        averaged=_averaged(lines),
        norms=[NormOf._make(row) for row in view.norms_in_force(service, today(request).isoformat())],
        residents=subject.card.residents,
        area_micro=subject.card.area_micro,
        tariffs={line.component: line.tariff_micro for line in lines if line.tariff_micro is not None},
        uplifts=_uplifts(lines),
    )


def _meant(gauge: Gauge) -> Meant:
    return Meant(average_micro=acceptance.average(gauge.past.books), price_micro=gauge.price_micro)


def _averaged(lines: Sequence[FullCharge]) -> int:
    """How many months up to the latest were charged by average, one after another."""
    count = 0
    for period in sorted({line.period for line in lines}, reverse=True):
        if not any(line.period == period and line.method == "average" for line in lines):
            break
        count += 1
    return count


def _uplifts(lines: Sequence[FullCharge]) -> dict[str, Micro]:
    """What the supplier raised the norm by when it was last used; nothing otherwise."""
    return {line.component: line.uplift_micro for line in lines if line.method == "norm" and line.uplift_micro}
