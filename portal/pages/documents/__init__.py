"""Documents: which papers does my account have, what stands in my premise, and what do its services cost?"""

from datetime import timedelta
from typing import Final

import msgspec
from aiohttp import web

from lk_sync.cache.premises import PriceRow, WorksRow
from lk_sync.cache.reader import View
from lk_sync.clock import instant
from portal.access import Need, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE, CLOCK
from portal.language import N_
from portal.paging import part
from portal.render import MenuItem, frame_of, render
from portal.subject import nothing_known, subject_of
from portal.vocabulary import vocabulary

MENU = MenuItem("/documents", N_("Документы"))
SHOWN_BACK: Final = timedelta(days=3 * 366)
routes = web.RouteTableDef()


class Price(msgspec.Struct, frozen=True):
    """A tariff or a norm under the name of its component. `unit`: of the service; `per`: what a norm is for."""

    title: str
    unit: str
    row: PriceRow
    per: str


class Works(msgspec.Struct, frozen=True):
    service: str | None
    row: WorksRow


@routes.get("/documents")
@open_to(Need.VIEW)
async def show(request: web.Request) -> web.Response:
    now = request.app[CLOCK]()
    since = (now - SHOWN_BACK).date().isoformat()
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        listed = part(request, view.documents, subject.key, since=subject.since_day)
        tariffs = _prices(request, view, view.tariffs(subject.key, since))
        norms = _prices(request, view, view.norms(subject.key, since))
        works = [_works(view, row) for row in view.works(subject.key, instant(now))]
        equipment = view.equipment(subject.key)
        stated = {name: as_of(request, view, name) for name in ("documents", "equipment", "tariffs", "norms", "works")}
    return render(
        request,
        "documents/page.html",
        card=subject.card,
        documents=listed,
        equipment=equipment,
        tariffs=tariffs,
        norms=norms,
        works=works,
        stated=stated,
    )


def _prices(request: web.Request, view: View, rows: list[PriceRow]) -> list[Price]:
    words = vocabulary(frame_of(request).language)
    found = []
    for row in rows:
        title = view.title(row.service, row.component)
        unit = words.units[title.unit] if title.unit else ""
        found.append((title.position, Price(title.title, unit, row, words.norm_bases[row.per] if row.per else "")))
    return [price for _, price in sorted(found, key=lambda each: each[0])]


def _works(view: View, row: WorksRow) -> Works:
    return Works(None if row.service is None else view.service_title(row.service), row)
