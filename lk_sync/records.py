"""Records: what does each dataset hold, and in which units?

A record is one row of a dataset as the accounting system means it. Units are part of the type:
`Kopecks` (integer kopecks), `Micro` (integer millionths of m³, Gcal, m², rubles per unit …), `Month`
(integer YYYYMM), `Day` (ISO date text), `Instant` (UTC text, see `clock`). Never a float.

Sign of a balance: > 0 means that the subscriber owes.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final, Literal, get_args, get_origin, get_type_hints

import msgspec

Kind = Literal["account", "code", "text", "int", "bool", "money", "volume", "date", "datetime", "month"]


class Field(msgspec.Struct, frozen=True):
    """One field of a dataset. `words` limits a code to an enumeration; empty = any short code."""

    name: str
    kind: Kind
    required: bool
    words: tuple[str, ...] = ()


class Of(msgspec.Struct, frozen=True):
    """Marks an annotation with its kind."""

    kind: Kind
    words: tuple[str, ...] = ()


AccountNumber = Annotated[str, Of("account")]
Code = Annotated[str, Of("code")]
Text = Annotated[str, Of("text")]
Count = Annotated[int, Of("int")]
Flag = Annotated[bool, Of("bool")]
Kopecks = Annotated[int, Of("money")]
Micro = Annotated[int, Of("volume")]
Day = Annotated[str, Of("date")]
Instant = Annotated[str, Of("datetime")]
Month = Annotated[int, Of("month")]

Method = Annotated[str, Of("code", ("meter", "house_meter", "average", "norm", "one_twelfth", "other"))]
ReadingSource = Annotated[str, Of("code", ("subscriber", "inspector", "calculated", "supplier"))]
HolderKind = Annotated[str, Of("code", ("person", "organisation"))]
DocumentKind = Annotated[str, Of("code", ("contract", "act", "other"))]
Unit = Annotated[str, Of("code", ("m3", "Gcal", "GJ", "kWh", "m2", "person"))]
NormBasis = Annotated[str, Of("code", ("m2", "person", "m3"))]
AllocationPart = Annotated[str, Of("code", ("charge", "penalty", "advance"))]
PaymentState = Annotated[str, Of("code", ("processing", "booked", "returned"))]
WorksKind = Annotated[str, Of("code", ("planned", "emergency"))]
AnswerState = Annotated[str, Of("code", ("in_work", "answered", "refused"))]
BillState = Annotated[str, Of("code", ("issued", "withdrawn"))]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all records."""


class Account(Record, frozen=True, kw_only=True):
    """Лицевой счёт: who is billed, for which premise. `holder_key` changes when the holder changes. `building` is a key
    of `buildings`; `registered` people may be more or fewer than the `residents` who are billed."""

    account: AccountNumber
    number: Text
    unified_account: Text | None = None
    holder_key: Text
    holder_name: Text
    holder_kind: HolderKind
    holder_since: Day | None = None
    address: Text
    area_micro: Micro | None = None
    residents: Count | None = None
    opened_on: Day | None = None
    closed_on: Day | None = None
    building: Code | None = None
    living_area_micro: Micro | None = None
    registered: Count | None = None


class Service(Record, frozen=True, kw_only=True):
    """Услуга and its component as the bill names them; `unit` is the unit of its volume, None where there is none."""

    service: Code
    component: Code
    title: Text
    unit: Unit | None = None
    position: Count


class Charge(Record, frozen=True, kw_only=True):
    """Строка начисления. total = charged + recalculated - benefit. `days` of the month that were billed; `norm_micro`
    and `uplift_micro` (повышающий коэффициент, 1 000 000 = none) as they were used for the volume."""

    account: AccountNumber
    period: Month
    service: Code
    component: Code
    volume_micro: Micro | None = None
    tariff_micro: Micro | None = None
    method: Method
    charged_kopecks: Kopecks
    recalculated_kopecks: Kopecks
    recalculation_reason: Code | None = None
    benefit_kopecks: Kopecks
    total_kopecks: Kopecks
    days: Count | None = None
    norm_micro: Micro | None = None
    uplift_micro: Micro | None = None


class Balance(Record, frozen=True, kw_only=True):
    """Сальдо of a service in a month: opening + charged + recalculated - benefit + penalty - paid = closing."""

    account: AccountNumber
    period: Month
    service: Code
    opening_kopecks: Kopecks
    charged_kopecks: Kopecks
    recalculated_kopecks: Kopecks
    benefit_kopecks: Kopecks
    penalty_kopecks: Kopecks
    paid_kopecks: Kopecks
    closing_kopecks: Kopecks


class Bill(Record, frozen=True, kw_only=True):
    """Платёжный документ. A month may have several: a withdrawn one and the one instead of it, one for each contract.
    `amount_due_kopecks` < 0 is an advance, nothing to pay. `due_on` None: the accounting system does not say."""

    account: AccountNumber
    period: Month
    number: Text
    issued_on: Day
    due_on: Day | None = None
    paid_until: Day | None = None
    amount_due_kopecks: Kopecks
    state: BillState


class Payment(Record, frozen=True, kw_only=True):
    """Платёж as the accounting system has booked it."""

    account: AccountNumber
    payment: Text
    paid_on: Day
    period: Month
    amount_kopecks: Kopecks
    channel: Code
    state: PaymentState | None = None


class Allocation(Record, frozen=True, kw_only=True):
    """Распределение платежа: which service and month a part of it has closed. `allocation` tells the parts of one
    payment apart; together they are at most the payment."""

    account: AccountNumber
    payment: Text
    allocation: Text
    period: Month
    service: Code
    part: AllocationPart
    amount_kopecks: Kopecks


class Meter(Record, frozen=True, kw_only=True):
    """Прибор учёта. Digits limit what may be submitted; `removed_on` set = replaced or taken away. `replaces` is the
    meter that hung here before; `initial_micro` and `final_micro` are what the act says at installation and removal."""

    account: AccountNumber
    meter: Text
    serial: Text
    service: Code
    model: Text | None = None
    place: Text | None = None
    unit: Unit
    digits_int: Count
    digits_frac: Count
    installed_on: Day | None = None
    removed_on: Day | None = None
    verified_on: Day | None = None
    verification_due_on: Day | None = None
    automatic: Flag
    seal: Text | None = None
    sealed_on: Day | None = None
    act: Text | None = None
    replaces: Text | None = None
    initial_micro: Micro | None = None
    final_micro: Micro | None = None


class Reading(Record, frozen=True, kw_only=True):
    """Показание in the accounting system's books. `period` is the month it was used for."""

    account: AccountNumber
    meter: Text
    reading: Text
    taken_on: Day
    period: Month
    value_micro: Micro
    source: ReadingSource


class Document(Record, frozen=True, kw_only=True):
    """Requisites of a contract or an act."""

    account: AccountNumber
    document: Text
    kind: DocumentKind
    number: Text
    signed_on: Day
    title: Text
    valid_until: Day | None = None


class Equipment(Record, frozen=True, kw_only=True):
    """Оборудование of the premise that is no meter: a heat exchanger, a regulator, an allocator."""

    account: AccountNumber
    equipment: Text
    title: Text
    serial: Text | None = None
    place: Text | None = None
    installed_on: Day | None = None
    removed_on: Day | None = None


class Tariff(Record, frozen=True, kw_only=True):
    """Тариф of a component from the day `since` on, in rubles per unit; `basis` is the order that set it."""

    service: Code
    component: Code
    since: Day
    until: Day | None = None
    tariff_micro: Micro
    basis: Text | None = None


class Norm(Record, frozen=True, kw_only=True):
    """Норматив of a component from the day `since` on, in its unit per m², person or m³ and month."""

    service: Code
    component: Code
    since: Day
    until: Day | None = None
    norm_micro: Micro
    per: NormBasis
    basis: Text | None = None


class Building(Record, frozen=True, kw_only=True):
    """Дом. `area_micro` is the area of all premises that are heated."""

    building: Code
    address: Text
    area_micro: Micro | None = None
    house_meter: Flag | None = None


class BuildingMonth(Record, frozen=True, kw_only=True):
    """What the house meter showed for a service in a month, and over which area it was divided."""

    building: Code
    period: Month
    service: Code
    volume_micro: Micro
    area_micro: Micro | None = None


class Weather(Record, frozen=True, kw_only=True):
    """Градусо-сутки of a month, millionths of °C·day: as they were and as the norm takes them."""

    period: Month
    degree_days_micro: Micro
    normal_degree_days_micro: Micro | None = None


class Works(Record, frozen=True, kw_only=True):
    """Отключение, planned or not. No `building`: the whole town; no `service`: all of them."""

    works: Text
    kind: WorksKind
    building: Code | None = None
    service: Code | None = None
    starts_at: Instant
    ends_at: Instant | None = None
    what: Text


class RequestAnswer(Record, frozen=True, kw_only=True):
    """What the supplier says to a request. `request`: its number as it was exported; it names no account."""

    request: Text
    answer: Text
    state: AnswerState
    text: Text | None = None
    answered_on: Day


class Dataset(msgspec.Struct, frozen=True):
    """A dataset: its record, its key in key order, and its fields (keys first)."""

    name: str
    record: type[Record]
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    totals: tuple[str, ...]  # money fields whose sums are compared with the source

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns if name not in self.key)

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)


def _field(name: str, hint: object) -> Field:
    required = True
    if get_origin(hint) is not Annotated:  # X | None
        (hint,) = (part for part in get_args(hint) if part is not type(None))
        required = False
    mark = next(part for part in get_args(hint) if isinstance(part, Of))
    return Field(name=name, kind=mark.kind, required=required, words=mark.words)


def _dataset(name: str, record: type[Record], *key: str) -> Dataset:
    hints = get_type_hints(record, include_extras=True)
    fields = {column: _field(column, hints[column]) for column in record.__struct_fields__}
    ordered = tuple(fields.pop(column) for column in key) + tuple(fields.values())
    totals = tuple(field.name for field in ordered if field.kind == "money")
    return Dataset(name=name, record=record, key=key, fields=ordered, totals=totals)


DATASETS: Final[dict[str, Dataset]] = {
    dataset.name: dataset
    for dataset in (
        _dataset("accounts", Account, "account"),
        _dataset("services", Service, "service", "component"),
        _dataset("charges", Charge, "account", "period", "service", "component"),
        _dataset("balances", Balance, "account", "period", "service"),
        _dataset("bills", Bill, "account", "period", "number"),
        _dataset("payments", Payment, "account", "payment"),
        _dataset("meters", Meter, "account", "meter"),
        _dataset("readings", Reading, "account", "meter", "reading"),
        _dataset("documents", Document, "account", "document"),
        _dataset("allocations", Allocation, "account", "payment", "allocation"),
        _dataset("equipment", Equipment, "account", "equipment"),
        _dataset("tariffs", Tariff, "service", "component", "since"),
        _dataset("norms", Norm, "service", "component", "since"),
        _dataset("buildings", Building, "building"),
        _dataset("building_months", BuildingMonth, "building", "period", "service"),
        _dataset("weather", Weather, "period"),
        _dataset("works", Works, "works"),
        _dataset("request_answers", RequestAnswer, "request", "answer"),
    )
}


MAX_PLAIN_DIGITS: Final = 18


@cache
def _digits() -> frozenset[str]:
    return frozenset("0123456789")


def plain_account(number: str) -> int | None:
    """The key of an account number that is 1 to 18 ASCII digits: the number with a 1 before it.

    Keeps leading zeros apart (`007` → 1007, `7` → 17) and needs no table. `None`: the number is of another
    form and gets a negative key from the cache's `account_keys`.
    """
    if 0 < len(number) <= MAX_PLAIN_DIGITS and _digits().issuperset(number):
        return int("1" + number)
    return None


def month_text(period: int) -> str:
    """202610 → `2026-10`."""
    return f"{period // 100:04d}-{period % 100:02d}"


def month_number(text: str) -> int:
    """`2026-10` → 202610. Raises ValueError for anything else."""
    year, dash, month = text.partition("-")
    if not (dash and len(year) == 4 and len(month) == 2 and _digits().issuperset(year + month)):
        raise ValueError(text)
    if not 1 <= int(month) <= 12:
        raise ValueError(text)
    return int(year) * 100 + int(month)


def next_month(period: int, by: int = 1) -> int:
    """The month `by` months later (earlier when negative)."""
    index = period // 100 * 12 + period % 100 - 1 + by
    return index // 12 * 100 + index % 12 + 1
