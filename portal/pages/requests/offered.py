"""Offered: from which charges and meters of an account does a request choose?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiohttp import web
from markupsafe import Markup

from lk_sync.cache.reader import View
from lk_sync.records import Month, month_number
from portal.access import visitor
from portal.keys import CACHE
from portal.language import SOURCE
from portal.pages.charges.period import options
from portal.pages.charges.statement import Names
from portal.render import FORMATS, formats
from portal.subject import Subject, nothing_known, subject_of
from portal.vocabulary import vocabulary


class Offer(msgspec.Struct, frozen=True):
    """One thing to choose. `title` for the reader; `told`: for the supplier, in Russian."""

    value: str
    title: str
    told: str


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has to choose from. `lines` are the charges of the month `period`; `months`: those there are, as
    options."""

    meters: Sequence[Offer] = ()
    lines: Sequence[Offer] = ()
    period: Month | None = None
    months: Markup = Markup("")


NOTHING = Offers()


def offers(request: web.Request, period: str) -> Offers | web.Response:
    """Of the visitor's account; `period` as the address or the form has it. The page instead of a form: the
    account is not in the cache."""
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        months = view.charged_months(subject.key, since=subject.since_month)
        month = None if months is None else _month(period, *months)
        return Offers(
            meters=_meters(view, subject),
            lines=() if month is None else _lines(request, view, subject, month),
            period=month,
            months=options(*months, month, formats(request)) if months and month else Markup(""),
        )


def _month(text: str, earliest: Month, latest: Month) -> Month:
    """The one that is named, if there is such a one; else the latest."""
    try:
        wanted = month_number(text)
    except ValueError:
        return latest
    return wanted if earliest <= wanted <= latest else latest


def _meters(view: View, subject: Subject) -> list[Offer]:
    found = []
    for meter in view.meters(subject.key):
        if meter.removed_on is None:
            parts = (view.service_title(meter.service), meter.place, f"№ {meter.serial}")
            title = " · ".join(part for part in parts if part)
            found.append(Offer(meter.meter, title, f"{title} ({meter.meter})"))
    return found


def _lines(request: web.Request, view: View, subject: Subject, month: Month) -> list[Offer]:
    own, russian = formats(request), request.app[FORMATS[SOURCE]]
    names, words = Names(view, vocabulary(SOURCE)), vocabulary(SOURCE)
    found = []
    for line in sorted(view.charges(subject.key, month, month), key=lambda each: names[each[1], each[2]]):
        _, title, unit = names[line[1], line[2]]
        volume, tariff, charged, recalculated, total = line[3], line[4], line[6], line[7], line[10]
        said = [f"{russian.month(month)}, {title}: {russian.money(total)}"]
        if volume is not None:
            said.append(f"объём {russian.volume(volume)} {unit}".strip())
        if tariff is not None:
            said.append(f"тариф {russian.tariff(tariff)}")
        said += [words.methods[view.code(line[5])], f"начислено {russian.money(charged)}"]
        if recalculated:
            said.append(f"перерасчёт {russian.money(recalculated)}")
        value = f"{view.code(line[1])}.{view.code(line[2])}"
        found.append(Offer(value, f"{title}: {own.money(total)}", ", ".join(said)))
    return found
