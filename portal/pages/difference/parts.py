"""Parts: of what is the difference between a line of charges in two months made?

The parts of a line add up to its difference to the kopeck, always. How a sum is divided when volume and tariff have
both changed is a matter of agreement; ours, as the page says it: what is due to the number of days, to the way of
counting and to the volume is taken at the former tariff, what is due to the tariff at the present volume. Each part is
rounded to the kopeck; the kopecks that rounding leaves go to the largest part. What volume and tariff do not account
for is not guessed at: it is called unexplained.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, Literal, NamedTuple

from lk_sync.cache.grounds import FullCharge
from lk_sync.records import Kopecks
from portal.rounding import MICRO, cost, half_up

Kind = Literal[
    "presence", "uplift", "days", "method", "volume", "tariff", "recalculation", "benefit", "penalty", "unexplained"
]
WITHIN_ROUNDING: Final = 1  # kopeck: between the product and what was charged, whichever way a supplier rounds


class Part(NamedTuple):
    """`kopecks` of a difference, and what they are due to."""

    kind: Kind
    kopecks: Kopecks


def parts_of(was: FullCharge | None, now: FullCharge | None) -> list[Part]:
    """What `now.total - was.total` is made of, without parts of nothing. None: there was no such line."""
    charged = _charged(now) - _charged(was)
    recalculated = _recalculated(now) - _recalculated(was)
    benefit = _benefit(was) - _benefit(now)
    rest = _total(now) - _total(was) - charged - recalculated - benefit
    found = [*_parts_of_charged(was, now, charged), Part("recalculation", recalculated), Part("benefit", benefit)]
    return _joined([*found, Part("unexplained", rest)])


def _joined(parts: list[Part]) -> list[Part]:
    """Parts of one kind in one, none of nothing; in the order they came."""
    sums: dict[Kind, Kopecks] = {}
    for kind, kopecks in parts:
        sums[kind] = sums.get(kind, 0) + kopecks
    return [Part(kind, kopecks) for kind, kopecks in sums.items() if kopecks]


def _parts_of_charged(was: FullCharge | None, now: FullCharge | None, difference: Kopecks) -> list[Part]:
    if was is None or now is None or is_nothing(was) or is_nothing(now):
        return [Part("presence", difference)]
    effects = _effects(was, now)
    if effects is None:
        return [Part("unexplained", difference)]
    unexplained = half_up(_beyond(now) - _beyond(was))
    return [*_rounded(effects, difference - unexplained), Part("unexplained", unexplained)]


def is_nothing(line: FullCharge) -> bool:
    """A line that charges nothing, such as one that only recalculates former months."""
    return not line.charged_kopecks and not line.volume_micro


def _beyond(line: FullCharge) -> Fraction:
    """What was charged beyond volume × tariff, if it is more than rounding."""
    rest = line.charged_kopecks - cost(line.volume_micro or 0, line.tariff_micro or 0)
    return Fraction(0) if abs(rest) <= WITHIN_ROUNDING else rest


def _effects(was: FullCharge, now: FullCharge) -> list[tuple[Kind, Fraction]] | None:
    """Exact parts of `now.volume × now.tariff - was.volume × was.tariff`. None: a volume or a tariff is not known."""
    if was.volume_micro is None or now.volume_micro is None or was.tariff_micro is None or now.tariff_micro is None:
        return None
    former = was.tariff_micro
    plain = plain_volume(was, now)
    expected = expected_volume(was, now)
    rest: Kind = "volume" if was.method == now.method else "method"
    return [
        ("uplift", cost(now.volume_micro - plain, former)),
        ("days", cost(expected - was.volume_micro, former)),
        (rest, cost(plain - expected, former)),
        ("tariff", cost(now.volume_micro, now.tariff_micro - former)),
    ]


def plain_volume(was: FullCharge, now: FullCharge) -> Fraction:
    """The present volume as it would be with the former uplift."""
    before, after = (MICRO if line.uplift_micro is None else line.uplift_micro for line in (was, now))
    volume = Fraction(now.volume_micro or 0)
    return volume * before / after if after > 0 and before > 0 else volume


def expected_volume(was: FullCharge, now: FullCharge) -> Fraction:
    """The former volume in as many days as are billed now."""
    volume = Fraction(was.volume_micro or 0)
    return volume * (now.days or 1) / (was.days or 1) if counts_days(was, now) else volume


def counts_days(was: FullCharge, now: FullCharge) -> bool:
    """Whether the source says for how many days both volumes are."""
    return (was.days or 0) > 0 and (now.days or 0) > 0


def _rounded(effects: list[tuple[Kind, Fraction]], whole: Kopecks) -> list[Part]:
    """The effects in whole kopecks that add up to `whole`; the rest of rounding goes to the largest of them."""
    rounded = [Part(kind, half_up(effect)) for kind, effect in effects]
    rest = whole - sum(part.kopecks for part in rounded)
    largest = max(range(len(rounded)), key=lambda at: abs(effects[at][1]))
    if not effects[largest][1]:
        return [Part("unexplained", whole)]
    kind, kopecks = rounded[largest]
    rounded[largest] = Part(kind, kopecks + rest)
    return rounded


def _charged(line: FullCharge | None) -> Kopecks:
    return 0 if line is None else line.charged_kopecks


def _recalculated(line: FullCharge | None) -> Kopecks:
    return 0 if line is None else line.recalculated_kopecks


def _benefit(line: FullCharge | None) -> Kopecks:
    return 0 if line is None else line.benefit_kopecks


def _total(line: FullCharge | None) -> Kopecks:
    return 0 if line is None else line.total_kopecks
