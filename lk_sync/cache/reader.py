"""Reader: what does the cache know about an account, and as of when?

The portal's only way to the cache, through a door that cannot write (`doors`). A cache that is absent is an empty one,
in which nothing is loaded yet.

`with reader.view() as view:` is one consistent picture: what is published while a page is being made is not
half seen. Reads are short and indexed, made for the event loop; every statement begins with the account.
Rows are tuples in the order that the row types below name.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

import aiosql
import msgspec

from lk_sync.cache.answers import Answers
from lk_sync.cache.doors import Door, FileDoor
from lk_sync.cache.grounds import Grounds
from lk_sync.cache.house import FlatUse, House
from lk_sync.cache.papers import Papers
from lk_sync.cache.premises import Premises
from lk_sync.records import Day, Instant, Kopecks, Micro, Month, plain_account

HERE: Final = Path(__file__).parent
EVER: Final = 0
EVER_DAY: Final = ""
LAST_DAY: Final = "9999-12-31"
Labels = tuple[tuple[str, str], ...]  # what the supplier labels himself: label, text; in the order of the mapping
_LABELS: Final = msgspec.json.Decoder(dict[str, str])


class DatasetState(NamedTuple):
    """«Данные на»: which source a dataset came from, and when the run that last looked at it was published."""

    dataset: str
    source: str
    run: int
    published_at: Instant


class Title(NamedTuple):
    """How a component of a service is called on the bill."""

    service: str
    component: str
    title: str
    unit: str | None
    position: int


class Card(NamedTuple):
    """The account. `closed_on` set: no longer billed."""

    number: str
    unified_account: str | None
    holder_key: str
    holder_kind: str
    holder_since: Day | None
    address: str
    area_micro: Micro | None
    residents: int | None
    opened_on: Day | None
    closed_on: Day | None
    extra: Labels = ()
    living_area_micro: Micro | None = None
    registered: int | None = None


class BalanceRow(NamedTuple):
    """A service in a month. `accrued_kopecks` = charged + recalculated - benefit."""

    service: str
    period: Month
    opening_kopecks: Kopecks
    accrued_kopecks: Kopecks
    penalty_kopecks: Kopecks
    paid_kopecks: Kopecks
    closing_kopecks: Kopecks


class BillRow(NamedTuple):
    period: Month
    number: str
    issued_on: Day
    due_on: Day | None
    paid_until: Day | None
    amount_due_kopecks: Kopecks
    state: str
    extra: Labels = ()


class PaymentRow(NamedTuple):
    payment: str
    paid_on: Day
    period: Month
    amount_kopecks: Kopecks
    channel: str
    extra: Labels = ()
    state: str | None = None  # None and `booked`: it counts


class MeterRow(NamedTuple):
    meter: str
    serial: str
    service: str
    model: str | None
    place: str | None
    unit: str
    digits_int: int
    digits_frac: int
    installed_on: Day | None
    removed_on: Day | None
    verified_on: Day | None
    verification_due_on: Day | None
    automatic: bool
    extra: Labels = ()
    seal: str | None = None
    sealed_on: Day | None = None
    act: str | None = None
    replaces: str | None = None
    initial_micro: Micro | None = None
    final_micro: Micro | None = None


class ReadingRow(NamedTuple):
    taken_on: Day
    period: Month
    value_micro: Micro
    source: str
    extra: Labels = ()


class DocumentRow(NamedTuple):
    document: str
    kind: str
    number: str
    signed_on: Day
    title: str
    extra: Labels = ()
    valid_until: Day | None = None


# period, service id, component id, volume, tariff, method id, charged, recalculated, reason id, benefit, total, extra
ChargeLine = tuple[
    Month, int, int, Micro | None, Micro | None, int, Kopecks, Kopecks, int | None, Kopecks, Kopecks,
    str | None,
]  # fmt: skip
# period, service id, opening, penalty, paid, closing
Settlement = tuple[Month, int, Kopecks, Kopecks, Kopecks, Kopecks]
# service id, component id, volume, charged, recalculated, benefit, total
ChargeSum = tuple[int, int, Micro | None, Kopecks, Kopecks, Kopecks, Kopecks]


@cache
def statements() -> dict[str, str]:
    """Statement name → SQL text."""
    queries = aiosql.from_path(HERE / "reader.sql", "sqlite3", mandatory_parameters=False)
    return {name: getattr(queries, name).sql for name in queries.available_queries if not name.endswith("_cursor")}


class CacheReader:
    """One process's door to the cache, for one thread: the event loop's. Never writes."""

    def __init__(self, where: Path | Door) -> None:
        self._door: Door = FileDoor(where) if isinstance(where, Path) else where
        self._view = View(self._door)

    def view(self) -> View:
        """The cache as it stands now. Use it in `with`, without an `await` inside."""
        return self._view

    def account_key(self, number: str) -> int | None:
        """The key of an account number; None: the cache has never met a number of this form."""
        key = plain_account(number)
        if key is None:
            with self.view() as view:
                key = view.account_key(number)
        return key

    def holder_key(self, account: int) -> str | None:
        """Who holds the account; None: the cache does not hold the account (yet)."""
        self._door.look()
        return self._view.holder_key(account)

    def close(self) -> None:
        self._door.close()


class View(Grounds, House, Papers, Premises, Answers):
    """One consistent picture of the cache. Dictionaries live here as long as the data version does."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._sql = statements()
        self._version: Hashable = None
        self._states: dict[str, DatasetState] = {}
        self._codes: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self._service_order: dict[int, int] = {}
        self._services: dict[str, str] = {}
        self.titles: dict[tuple[int, int], Title] = {}
        self._flats: dict[tuple[int, Month, str], tuple[FlatUse, ...]] = {}

    def __enter__(self) -> View:
        version = self._door.begin()
        try:
            if version != self._version:
                self._refresh()
                self._version = version
        except BaseException:
            self._door.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.end()

    # The dictionaries

    def state(self, dataset: str) -> DatasetState | None:
        """None: the dataset has not been loaded yet, so nothing is known, which is not the same as nothing."""
        return self._states.get(dataset)

    def states(self) -> list[DatasetState]:
        """Of every dataset and source."""
        return [DatasetState(*row) for row in self._rows("states")]

    def oldest(self, *datasets: str) -> DatasetState | None:
        """The least fresh of `datasets`; None when one of them has not been loaded yet."""
        found = [self._states.get(dataset) for dataset in datasets]
        known = [state for state in found if state is not None]
        return min(known, key=lambda state: state.published_at) if len(known) == len(found) else None

    def code(self, number: int) -> str:
        """The word behind a code. KeyError: the cache holds no such code."""
        return self._codes[number]

    def code_id(self, word: str) -> int:
        """The code of a word, -1 for a word that no row can hold."""
        return self._ids.get(word, -1)

    def service_title(self, service: str) -> str:
        """The name of a service as a whole: what the titles of its components have before the colon."""
        return self._services.get(service, service)

    def title(self, service: str, component: str) -> Title:
        """How a component is called; one without a title has its codes for one."""
        found = self.titles.get((self.code_id(service), self.code_id(component)))
        return found or Title(service, component, f"{service}: {component}", None, 0)

    def service_position(self, service: str) -> int:
        """Where a service stands on the bill."""
        return self._service_order.get(self.code_id(service), 0)

    # The account

    def account_key(self, number: str) -> int | None:
        row = self._row("account_key", number=number)
        return None if row is None else int(row[0])

    def holder_key(self, account: int) -> str | None:
        row = self._row("holder_key", account=account)
        return None if row is None else str(row[0])

    def card(self, account: int) -> Card | None:
        row = self._row("card", account=account)
        if row is None:
            return None
        card = Card._make(row)
        return card._replace(holder_kind=self._codes[row[3]], extra=labels(row[10]))

    def balance(self, account: int) -> list[BalanceRow]:
        """By service, in the order of the bill. Empty: nothing was ever charged."""
        order, codes = self._service_order, self._codes
        found = self._rows("balance", account=account)
        found.sort(key=lambda row: order.get(row[0], 0))
        return [BalanceRow(codes[row[0]], *row[1:]) for row in found]

    def bills(self, account: int, *, since: Month = EVER, most: int = 50, passed: int = 0) -> list[BillRow]:
        codes = self._codes
        found = self._rows("bills", account=account, since=since, most=most, passed=passed)
        return [BillRow._make((*row[:6], codes[row[6]], labels(row[7]))) for row in found]

    def charged_months(self, account: int, *, since: Month = EVER) -> tuple[Month, Month] | None:
        """The first and the last month that has charges or a balance; None: no month has."""
        found = self._row("charged_months", account=account, since=since) or ()
        months = [month for month in found if month is not None]
        return (min(months), max(months)) if months else None

    def charges(self, account: int, first: Month, last: Month) -> list[ChargeLine]:
        return self._rows("charges", account=account, first=first, last=last)

    def settlements(self, account: int, first: Month, last: Month) -> list[Settlement]:
        return self._rows("settlements", account=account, first=first, last=last)

    def charge_sums(self, account: int, first: Month, last: Month) -> list[ChargeSum]:
        """What all months of a range come to, by service and component."""
        return self._rows("charge_sums", account=account, first=first, last=last)

    def turnover(
        self, account: int, first: Month, last: Month
    ) -> tuple[Kopecks, Kopecks, Kopecks | None, Kopecks | None]:
        """Penalty and payments of a range of months, and the balance it began and ended with."""
        penalty, paid, opening, closing = self._row("turnover", account=account, first=first, last=last) or ()
        return penalty or 0, paid or 0, opening, closing

    def payments(
        self, account: int, *, since: Day = EVER_DAY, until: Day = LAST_DAY, most: int = 50, passed: int = 0
    ) -> list[PaymentRow]:
        codes = self._codes
        found = self._rows("payments", account=account, since=since, until=until, most=most, passed=passed)
        return [
            PaymentRow._make((*row[:4], codes[row[4]], labels(row[5]), None if row[6] is None else codes[row[6]]))
            for row in found
        ]

    def payment_years(self, account: int, *, since: Day = EVER_DAY) -> list[str]:
        """The years that have payments, the latest first."""
        return [row[0] for row in self._rows("payment_years", account=account, since=since)]

    def last_payment(
        self, account: int, *, since: Day = EVER_DAY, after: Month = EVER
    ) -> tuple[PaymentRow, Kopecks] | None:
        """The latest booked payment, and the sum of those for months later than `after`."""
        row = self._row("last_payment", account=account, since=since, period=after)
        if row is None:
            return None
        return PaymentRow._make((*row[:4], self._codes[row[4]], labels(row[5]), None)), int(row[6])

    def meters(self, account: int) -> list[MeterRow]:
        """Meters in service first."""
        codes = self._codes
        found = self._rows("meters", account=account)
        return [
            MeterRow._make(
                (
                    *row[:2],
                    codes[row[2]],
                    *row[3:5],
                    codes[row[5]],
                    *row[6:12],
                    row[12] == 1,
                    labels(row[13]),
                    *row[14:],
                )
            )
            for row in found
        ]

    def last_readings(self, account: int, *, since: Day = EVER_DAY) -> dict[str, ReadingRow]:
        """Meter → its latest reading, whoever took it."""
        codes = self._codes
        found = self._rows("last_readings", account=account, since=since)
        return {row[0]: ReadingRow(row[1], row[2], row[3], codes[row[4]], labels(row[5])) for row in found}

    def readings(
        self, account: int, meter: str, *, since: Day = EVER_DAY, most: int = 50, passed: int = 0
    ) -> list[ReadingRow]:
        codes = self._codes
        found = self._rows("readings", account=account, meter=meter, since=since, most=most, passed=passed)
        return [ReadingRow(row[0], row[1], row[2], codes[row[3]], labels(row[4])) for row in found]

    def unit_price_micro(self, account: int, service: str, unit: str) -> Micro | None:
        """Rubles for a unit of the meter, all components together, in the latest month charged by meter.

        None: there was no such month, or no component is measured in `unit`.
        """
        row_of = {"account": account, "service": self.code_id(service), "method": self.code_id("meter")}
        lines = self._rows("unit_charges", **row_of)
        volume = sum(row[1] for row in lines if row[1] and self._unit(row_of["service"], row[0]) == unit)
        charged = sum(row[3] for row in lines)
        return charged * 10_000 * 1_000_000 // volume if volume > 0 and charged > 0 else None

    def norms_in_force(self, service: str, day: Day) -> list[tuple[str, Micro, str]]:
        """Component, norm, and for each of what, as they are in force on a day; of a component the latest."""
        codes = self._codes
        found = self._rows("norms_in_force", service=self.code_id(service), day=day)
        return [*{row[0]: (codes[row[0]], row[1], codes[row[2]]) for row in found}.values()]

    def documents(self, account: int, *, since: Day = EVER_DAY, most: int = 50, passed: int = 0) -> list[DocumentRow]:
        codes = self._codes
        found = self._rows("documents", account=account, since=since, most=most, passed=passed)
        return [DocumentRow(row[0], codes[row[1]], row[2], row[3], row[4], labels(row[5]), row[6]) for row in found]

    # The machinery

    def _unit(self, service: int, component: int) -> str | None:
        title = self.titles.get((service, component))
        return title.unit if title else None

    def _refresh(self) -> None:
        """Reads the dictionaries anew; they are small and name nobody."""
        newest_first = sorted(map(DatasetState._make, self._rows("states")), key=lambda s: s.published_at, reverse=True)
        self._states = {state.dataset: state for state in newest_first}  # of several sources the least fresh counts
        self._codes = dict(self._rows("codes"))
        self._flats.clear()
        self._ids = {word: number for number, word in self._codes.items()}
        codes = self._codes
        titles = {
            (row[0], row[1]): Title(codes[row[0]], codes[row[1]], row[2], codes.get(row[3]), row[4])
            for row in self._rows("services")
        }
        self.titles = titles
        ordered = sorted(titles.items(), key=lambda each: each[1].position, reverse=True)
        self._service_order = {service: title.position for (service, _), title in ordered}
        self._services = {title.service: title.title.partition(":")[0] for _, title in ordered}


def labels(extra: str | None) -> Labels:
    """Other information of a row, as it is to be shown."""
    return () if extra is None else tuple(_LABELS.decode(extra).items())
