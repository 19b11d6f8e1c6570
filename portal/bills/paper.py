"""Paper: what does the bill of a month say?

Lines, sums and balances are those of the page «Начисления», read by the same readers: nothing that is owed is computed
here. A paper holds everything its template needs, so that a worker without any door to the cache prints it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from lk_sync import bill_qr
from lk_sync.bill_code import bill_code
from lk_sync.bills_setting import Bills
from lk_sync.cache.grounds import HouseVolume, TakenReading
from lk_sync.cache.papers import PaperRow
from lk_sync.cache.premises import PriceRow
from lk_sync.cache.reader import Labels, MeterRow, View, labels
from lk_sync.config import Supplier
from lk_sync.records import Day, Kopecks, Micro, Month, month_text, next_month
from lk_sync.setting import SecretValue
from portal.pages.charges.period import Period
from portal.pages.charges.statement import Line, MonthShown, Sums, stated
from portal.pages.check.inputs import MONTHS_TO_LOOK_BACK, in_force
from portal.rounding import MICRO
from portal.subject import Subject
from portal.vocabulary import Vocabulary

LONGEST: Final = 400  # of a text: what is longer is a mistake of the source, or an attempt
MOST_PARTS: Final = 400  # of one kind on a bill
State = Literal["issued", "withdrawn", "none"]
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]+"
)
_SPACES: Final = re.compile("[ \u00a0]{2,}")


class MeterShown(NamedTuple):
    """A meter of the account in a month: what it showed before and at the end, and who has read it. None: not known."""

    title: str
    serial: str
    place: str
    unit: str
    was_micro: Micro | None
    now_micro: Micro | None
    used_micro: Micro | None
    taken_on: Day | None
    source: str
    verification_due_on: Day | None


class HouseShown(NamedTuple):
    """What the meter of the house showed of a service, and over which area it is shared."""

    title: str
    volume_micro: Micro
    unit: str
    area_micro: Micro | None


class PriceShown(NamedTuple):
    """A norm or a tariff in force. `per`: a norm is for each of this."""

    title: str
    micro: Micro
    unit: str
    per: str
    basis: str


class Reference(NamedTuple):
    """What stands on a bill for the reader's information."""

    meters: tuple[MeterShown, ...]
    house: tuple[HouseShown, ...]
    norms: tuple[PriceShown, ...]
    tariffs: tuple[PriceShown, ...]


class Payer(NamedTuple):
    account: str
    unified_account: str
    name: str
    address: str
    area_micro: Micro | None
    living_area_micro: Micro | None
    residents: int | None
    registered: int | None
    extra: Labels


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A bill. `state` none: the accounting system has issued no bill for the month; `due` is its balance then. `code`:
    what proves that whoever types it has this very bill; `qr`: what a bank reads, empty: there is nothing to pay."""

    payer: Payer
    period: Month
    state: State
    number: str = ""
    issued_on: Day | None = None
    due_on: Day | None = None
    paid_until: Day | None = None
    due: Kopecks | None
    lines: tuple[Line, ...]
    sums: Sums
    opening: Kopecks | None
    closing: Kopecks | None
    reference: Reference
    extra: Labels = ()
    code: str = ""
    qr: bytes = b""

    @property
    def payable(self) -> bool:
        return self.state == "issued" and self.due is not None and self.due > 0


class Desk(msgspec.Struct, frozen=True):
    """What is the same for all bills of a supplier. `code_key` None: no codes are printed."""

    supplier: Supplier
    bills: Bills
    vocabulary: Vocabulary
    code_key: SecretValue | None


def paper(view: View, subject: Subject, period: Month, desk: Desk, *, of: str | None = None) -> Paper | None:
    """The bill of a month; of several the latest that stands, or the one whose `tag` is `of`. None: nothing is known of
    the month, or its reader may not see it, or there is no such bill."""
    if period < subject.since_month:
        return None
    row, found = _chosen(view.papers(subject.key, period), of)
    shown = _month(view, subject, period, desk.vocabulary)
    if not found or (row is None and shown is None):
        return None
    return _made(view, subject, shown or MonthShown(period, month_text(period), [], Sums()), row, desk)


def tag(number: str) -> str:
    """A bill in an address: its number there would be in every journal, and it proves whose account it is."""
    return hashlib.sha256(number.encode()).hexdigest()[:12]


def _chosen(rows: Sequence[PaperRow], of: str | None) -> tuple[PaperRow | None, bool]:
    if of is not None:
        found = next((row for row in rows if tag(row.number) == of), None)
        return found, found is not None
    standing = [row for row in rows if row.state == "issued"] or rows
    return (standing[-1] if standing else None), True


def _month(view: View, subject: Subject, period: Month, vocabulary: Vocabulary) -> MonthShown | None:
    """As the page of charges shows it."""
    asked = Period(period, period, period, period, period)
    return next(iter(stated(view, subject.key, asked, vocabulary).months), None)


def _made(view: View, subject: Subject, shown: MonthShown, row: PaperRow | None, desk: Desk) -> Paper:
    payer = _payer(view, subject)
    given = Paper(
        payer=payer,
        period=shown.period,
        state="none" if row is None else "withdrawn" if row.state == "withdrawn" else "issued",
        due=shown.closing if row is None else row.amount_due_kopecks,
        lines=tuple(_clean_line(line) for line in shown.lines[:MOST_PARTS]),
        sums=shown.sums,
        opening=shown.opening,
        closing=shown.closing,
        reference=_reference(view, subject, shown.period, desk.vocabulary),
    )
    return given if row is None else _with_bill(given, row, subject, desk)


def _with_bill(given: Paper, row: PaperRow, subject: Subject, desk: Desk) -> Paper:
    issued = msgspec.structs.replace(
        given,
        number=clean(row.number),
        issued_on=row.issued_on,
        due_on=row.due_on,
        paid_until=row.paid_until,
        extra=() if row.extra is None else _clean_labels(labels(row.extra)),
    )
    if not issued.payable:
        return issued
    account, period, key = subject.card.number, given.period, desk.code_key
    code = "" if key is None else bill_code(key, account=account, period=period, number=row.number)
    qr = bill_qr.payment_code(
        desk.supplier,
        desk.bills,
        account=account,
        period=period,
        kopecks=row.amount_due_kopecks,
        address=given.payer.address,
    )
    return msgspec.structs.replace(issued, code=code, qr=qr or b"")


def _payer(view: View, subject: Subject) -> Payer:
    card = subject.card
    return Payer(
        clean(card.number),
        clean(card.unified_account or ""),
        clean(view.payer(subject.key)),
        clean(card.address),
        card.area_micro,
        card.living_area_micro,
        card.residents,
        card.registered,
        _clean_labels(card.extra),
    )


# The reference part


def _reference(view: View, subject: Subject, period: Month, words: Vocabulary) -> Reference:
    """Meters, what the house took, norms and tariffs of a month."""
    key, since = subject.key, f"{month_text(period)}-01"
    readings = view.readings_of(key, next_month(period, -MONTHS_TO_LOOK_BACK), period, since=subject.since_day)
    return Reference(
        tuple(_meters(view, view.meters(key), readings, period, words))[:MOST_PARTS],
        tuple(_house(view, view.house_volumes(key, period, period), words))[:MOST_PARTS],
        tuple(_prices(view, view.norms(key, since), period, words))[:MOST_PARTS],
        tuple(_prices(view, view.tariffs(key, since), period, words))[:MOST_PARTS],
    )


def _meters(
    view: View, meters: Sequence[MeterRow], readings: Sequence[TakenReading], period: Month, words: Vocabulary
) -> Iterator[MeterShown]:
    first, after = f"{month_text(period)}-01", f"{month_text(next_month(period))}-01"
    for meter in meters:
        gone = meter.removed_on is not None and meter.removed_on < first
        if gone or (meter.installed_on is not None and meter.installed_on >= after):
            continue
        own = [each for each in readings if each.meter == meter.meter]
        yield _meter(view, meter, own, period, words)


def _meter(view: View, meter: MeterRow, own: Sequence[TakenReading], period: Month, words: Vocabulary) -> MeterShown:
    was = next((each.value_micro for each in reversed(own) if each.period < period), meter.initial_micro)
    now = next((each for each in reversed(own) if each.period == period), None)
    return MeterShown(
        clean(view.service_title(meter.service)),
        clean(meter.serial),
        clean(meter.place or ""),
        words.units[meter.unit],
        was,
        now and now.value_micro,
        None if was is None or now is None else _used(was, now.value_micro, meter.digits_int),
        now and now.taken_on,
        "" if now is None else words.sources[now.source],
        meter.verification_due_on,
    )


def _used(was: Micro, now: Micro, digits: int) -> Micro:
    """A meter that has passed its zero begins anew."""
    return now - was if now >= was else now - was + 10**digits * MICRO


def _house(view: View, volumes: Sequence[HouseVolume], words: Vocabulary) -> Iterator[HouseShown]:
    units = {title.service: title.unit for title in view.titles.values()}
    for each in volumes:
        unit = units.get(each.service)
        title = clean(view.service_title(each.service))
        yield HouseShown(title, each.volume_micro, words.units[unit] if unit else "", each.area_micro)


def _prices(view: View, rows: Sequence[PriceRow], period: Month, words: Vocabulary) -> Iterator[PriceShown]:
    """Those in force in the month, in the order of the bill."""
    order = {(title.service, title.component): title for title in view.titles.values()}
    known: dict[tuple[str, str], list[PriceRow]] = {}
    for row in rows:
        known.setdefault((row.service, row.component), []).append(row)
    for key in sorted(known, key=lambda each: order[each].position if each in order else 0):
        title = view.title(*key)
        unit = words.units[title.unit] if title.unit else ""
        for row in in_force(known[key], period):
            per = words.norm_bases[row.per] if row.per else ""
            yield PriceShown(clean(title.title), row.micro, unit, per, clean(row.basis or ""))


# What others have typed


def clean(text: str) -> str:
    """On one line, without what is not seen or turns the text around it, and not longer than a bill can bear."""
    seen = _SPACES.sub(" ", _UNSEEN.sub(" ", text)).strip()
    return seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 1]}…"


def _clean_labels(found: Labels) -> Labels:
    return tuple((clean(label), clean(text)) for label, text in found if text)


def _clean_line(line: Line) -> Line:
    return line._replace(
        title=clean(line.title), method=clean(line.method), reason=clean(line.reason), extra=_clean_labels(line.extra)
    )
