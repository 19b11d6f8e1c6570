"""Without: what would the next months cost if no reading were handed in?

Pure, and an estimate: the accounting system alone decides what is owed. Rules 354: for up to three billing periods in a
row the average of the meter counts (п. 59), after that the norm (п. 60). A raising factor is used only where the
supplier's own charges by norm have one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from lk_sync.records import Kopecks, Micro, Month, next_month

MOST_BY_AVERAGE: Final = 3
MONTHS_SHOWN: Final = 5
MILLION: Final = 1_000_000

Missing = Literal["average", "price", "norm", "residents", "area", "tariff"]


class NormOf(NamedTuple):
    """A norm in force: so much of a component for each m², person or m³ of the service's water."""

    component: str
    norm_micro: Micro
    per: str


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one meter: its average month and about what a unit costs."""

    average_micro: Micro | None
    price_micro: Micro | None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Of a service. `averaged`: so many months in a row have been charged by average already; `tariffs`, `uplifts`: by
    component, in millionths, as the supplier's latest charges have them."""

    first: Month
    meters: Sequence[Meant]
    averaged: int = 0
    norms: Sequence[NormOf] = ()
    residents: int | None = None
    area_micro: Micro | None = None
    tariffs: Mapping[str, Micro] = msgspec.field(default_factory=dict)
    uplifts: Mapping[str, Micro] = msgspec.field(default_factory=dict)


class Ahead(msgspec.Struct, frozen=True):
    """A month without a reading. `cost_kopecks` None: something is missing for it."""

    period: Month
    method: Literal["average", "norm"]
    cost_kopecks: Kopecks | None


class Preview(msgspec.Struct, frozen=True):
    """`uplifted`: a raising factor is in the months by norm. `missing`: what is not known, in the order of asking."""

    months: Sequence[Ahead]
    uplifted: bool
    missing: Sequence[Missing]

    @property
    def total_kopecks(self) -> Kopecks | None:
        costs = [month.cost_kopecks for month in self.months]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None


def preview(facts: Facts) -> Preview:
    """The next months, from the one whose readings are taken now."""
    missing: list[Missing] = []
    by_average = _by_average(facts, missing)
    by_norm = _by_norm(facts, missing)
    left = max(0, MOST_BY_AVERAGE - facts.averaged)
    months = [
        Ahead(next_month(facts.first, ahead), "average", by_average)
        if ahead < left
        else Ahead(next_month(facts.first, ahead), "norm", by_norm)
        for ahead in range(MONTHS_SHOWN)
    ]
    uplifted = by_norm is not None and any(
        facts.uplifts.get(norm.component, MILLION) != MILLION for norm in facts.norms
    )
    return Preview(
        months, uplifted, missing if left else [each for each in missing if each not in ("average", "price")]
    )


def _by_average(facts: Facts, missing: list[Missing]) -> Kopecks | None:
    total = 0
    for meter in facts.meters:
        if meter.average_micro is None:
            missing.append("average")
            return None
        if meter.price_micro is None:
            missing.append("price")
            return None
        total += cost_kopecks(meter.average_micro, meter.price_micro)
    return total


def _by_norm(facts: Facts, missing: list[Missing]) -> Kopecks | None:
    volumes = volumes_by_norm(facts, missing)
    if volumes is None:
        return None
    total = 0
    for component, volume in volumes.items():
        tariff = facts.tariffs.get(component)
        if tariff is None:
            missing.append("tariff")
            return None
        total += cost_kopecks(volume * facts.uplifts.get(component, MILLION) // MILLION, tariff)
    return total


def volumes_by_norm(facts: Facts, missing: list[Missing]) -> dict[str, Micro] | None:
    """By component. A norm for each m³ is of the water that the norms for each person come to."""
    found: dict[str, Micro] = {}
    for norm in facts.norms:
        if norm.per == "person":
            if facts.residents is None:
                missing.append("residents")
                return None
            found[norm.component] = norm.norm_micro * facts.residents
        elif norm.per == "m2":
            if facts.area_micro is None:
                missing.append("area")
                return None
            found[norm.component] = _times(norm.norm_micro, facts.area_micro)
    water = sum(found[norm.component] for norm in facts.norms if norm.per == "person")
    found |= {norm.component: _times(norm.norm_micro, water) for norm in facts.norms if norm.per == "m3" and water}
    if not found or len(found) < len(facts.norms):
        missing.append("norm")
        return None
    return found


def _times(one_micro: Micro, other_micro: Micro) -> Micro:
    return (one_micro * other_micro + MILLION // 2) // MILLION


def cost_kopecks(volume_micro: Micro, tariff_micro: Micro) -> Kopecks:
    return (volume_micro * tariff_micro + 5 * 10**9) // 10**10
