"""Recompute: does a line of charges follow from what is published?

Four questions of each line, each answered apart: is the volume what the inputs give, is the tariff the one that was
set, is the sum volume × tariff, is the total charged + recalculated - benefit. A deviation within the supplier's
rounding is none. What lacks an input is not answered, and the input is named.

Nothing here is what is owed: that is what the accounting system says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, Literal, NamedTuple

import msgspec

from lk_sync.cache.grounds import FullCharge
from lk_sync.records import Kopecks, Micro
from portal.pages.check.inputs import Inputs, Step
from portal.rounding import MICRO, MICRO_SQUARED_PER_KOPECK, charge, half_up

Question = Literal["volume", "tariff", "charged", "total"]
Verdict = Literal["same", "rounding", "differs", "unknown"]
Overall = Literal["same", "rounding", "differs", "unknown", "partly"]
Way = Literal["norm_area", "norm_residents", "heat_of_water", "house_share", "readings", ""]
Missing = Literal[
    "volume", "tariff", "set_tariff", "norm", "area", "residents", "water", "house_volume", "house_area", "readings",
    "average", "way", "months", "recalculation",
]  # fmt: skip
DIGITS: Final = 6
A_KOPECK: Final = 1


class Answer(NamedTuple):
    """`given` is published, `computed` is ours; kopecks or millionths. `missing`: what is needed for an answer."""

    question: Question
    verdict: Verdict
    given: int | None = None
    computed: int | None = None
    missing: tuple[Missing, ...] = ()

    @property
    def off(self) -> int | None:
        return None if self.given is None or self.computed is None else self.given - self.computed


class Volume(msgspec.Struct, frozen=True):
    """How a volume is found: `base` × `rate` × `uplift`, or `base` × `rate` ÷ `divisor`, or the sum of `steps`."""

    way: Way
    base_micro: Micro = 0
    rate_micro: Micro = 0
    divisor_micro: Micro = MICRO
    uplift_micro: Micro = MICRO
    steps: Sequence[Step] = ()
    missing: tuple[Missing, ...] = ()

    @property
    def exact(self) -> Fraction:
        """Millionths."""
        if self.way == "readings":
            return Fraction(sum(step.used_micro for step in self.steps))
        if self.way == "house_share":
            return Fraction(self.base_micro * self.rate_micro, self.divisor_micro)
        return Fraction(self.base_micro * self.rate_micro * self.uplift_micro, MICRO * MICRO)


class Checked(msgspec.Struct, frozen=True):
    """A line with its answers."""

    line: FullCharge
    unit: str | None
    volume: Volume
    answers: tuple[Answer, ...]

    @property
    def verdict(self) -> Overall:
        """The worst of the answers; `partly`: nothing differs, but not everything could be answered."""
        verdicts = {answer.verdict for answer in self.answers}
        if "differs" in verdicts:
            return "differs"
        if "unknown" in verdicts:
            return "partly" if self.recomputed else "unknown"
        return "rounding" if "rounding" in verdicts else "same"

    @property
    def recomputed(self) -> bool:
        """Whether the sum itself could be computed."""
        return any(answer.question == "charged" and answer.verdict != "unknown" for answer in self.answers)

    @property
    def missing(self) -> tuple[Missing, ...]:
        return tuple(dict.fromkeys(name for answer in self.answers for name in answer.missing))

    def answer(self, question: Question) -> Answer | None:
        return next((answer for answer in self.answers if answer.question == question), None)


def check(
    line: FullCharge,
    published: Inputs,
    *,
    unit: str | None,
    water: FullCharge | None,
    decimals: Mapping[str, int],
) -> Checked:
    """`water`: the line of the same service and month that counts its cubic metres, if there is one beside this."""
    if only_recalculates(line):
        return Checked(line, unit, Volume(""), (Answer("charged", "unknown", missing=("recalculation",)), _total(line)))
    volume = _volume(line, published, unit, water)
    return Checked(
        line,
        unit,
        volume,
        (
            _volume_answer(line, volume, unit, decimals),
            _tariff(line, published),
            _charged(line, unit, decimals),
            _total(line),
        ),
    )


def only_recalculates(line: FullCharge) -> bool:
    """Such as the yearly adjustment of heating: there is nothing to multiply."""
    return not line.charged_kopecks and line.volume_micro is None


# The volume


def _volume(line: FullCharge, published: Inputs, unit: str | None, water: FullCharge | None) -> Volume:
    if water is not None and unit != "m3":
        return _heat_of_water(line, published, water)
    match line.method:
        case "norm":
            return _by_norm(line, published, unit)
        case "house_meter":
            return _house_share(line, published)
        case "meter" | "average":
            return _readings(line, published)
        case _:
            return Volume("", missing=("way",))


def _heat_of_water(line: FullCharge, published: Inputs, water: FullCharge) -> Volume:
    """The heat that warms the water: cubic metres × the norm of warming."""
    rate = _norm_of(line, published)
    known: dict[Missing, int | None] = {"water": water.volume_micro, "norm": rate}
    if missing := _missing(known):
        return Volume("heat_of_water", missing=missing)
    uplift = MICRO if line.uplift_micro == water.uplift_micro else line.uplift_micro or MICRO
    return Volume("heat_of_water", water.volume_micro or 0, rate or 0, uplift_micro=uplift)


def _by_norm(line: FullCharge, published: Inputs, unit: str | None) -> Volume:
    uplift = MICRO if line.uplift_micro is None else line.uplift_micro
    rate = _norm_of(line, published)
    if _per(line, published, unit) == "m2":
        if missing := _missing({"area": published.area_micro, "norm": rate}):
            return Volume("norm_area", missing=missing)
        return Volume("norm_area", published.area_micro or 0, rate or 0, uplift_micro=uplift)
    if _per(line, published, unit) == "person":
        if missing := _missing({"residents": published.residents, "norm": rate}):
            return Volume("norm_residents", missing=missing)
        return Volume("norm_residents", (published.residents or 0) * MICRO, rate or 0, uplift_micro=uplift)
    return Volume("", missing=("way",))


def _norm_of(line: FullCharge, published: Inputs) -> Micro | None:
    """The norm that the line was counted with; where it does not say, the one that was set."""
    if line.norm_micro is not None:
        return line.norm_micro
    norm = published.norm(line)
    return None if norm is None else norm.micro


def _per(line: FullCharge, published: Inputs, unit: str | None) -> str | None:
    norm = published.norm(line)
    if norm is not None:
        return norm.per
    return {("heating", "Gcal"): "m2", ("hot_water", "m3"): "person"}.get((line.service, unit or ""))


def _house_share(line: FullCharge, published: Inputs) -> Volume:
    """What the house took, shared by area."""
    house = published.house.get((line.period, line.service))
    known: dict[Missing, int | None] = {
        "house_volume": None if house is None else house.volume_micro,
        "house_area": None if house is None else house.area_micro or None,
        "area": published.area_micro,
    }
    if missing := _missing(known):
        return Volume("house_share", missing=missing)
    return Volume(
        "house_share", known["house_volume"] or 0, known["area"] or 0, divisor_micro=known["house_area"] or MICRO
    )


def _readings(line: FullCharge, published: Inputs) -> Volume:
    metered = published.steps.get((line.period, line.service))
    if line.method == "average" and (metered is None or not metered.calculated):
        return Volume("", missing=("average",))
    if metered is None:
        return Volume("readings", missing=("readings",))
    if not metered.whole and metered.used_micro != line.volume_micro:
        return Volume("readings", missing=("months",))
    return Volume("readings", steps=metered.steps)


def _missing(known: Mapping[Missing, int | None]) -> tuple[Missing, ...]:
    return tuple(name for name, value in known.items() if value is None)


# The answers


def _volume_answer(line: FullCharge, volume: Volume, unit: str | None, decimals: Mapping[str, int]) -> Answer:
    if line.volume_micro is None:
        return Answer("volume", "unknown", missing=("volume",))
    if volume.missing:
        return Answer("volume", "unknown", line.volume_micro, missing=volume.missing)
    step: int = 10 ** (DIGITS - decimals_of(line.volume_micro, unit, decimals))
    computed = half_up(volume.exact / step) * step
    off = abs(line.volume_micro - volume.exact)
    verdict: Verdict = "same" if computed == line.volume_micro else "rounding" if off <= step else "differs"
    return Answer("volume", verdict, line.volume_micro, computed)


def decimals_of(volume_micro: Micro, unit: str | None, decimals: Mapping[str, int]) -> int:
    """To how many a volume was rounded: those of its unit, or more if it has more."""
    own = len(f"{abs(volume_micro) % MICRO:06d}".rstrip("0"))
    return max(decimals.get(unit or "", DIGITS), own)


def _tariff(line: FullCharge, published: Inputs) -> Answer:
    if line.tariff_micro is None:
        return Answer("tariff", "unknown", missing=("tariff",))
    known = [tariff.micro for tariff in published.tariffs_of(line)]
    if not known:
        return Answer("tariff", "unknown", line.tariff_micro, missing=("set_tariff",))
    computed = line.tariff_micro if line.tariff_micro in known else known[0]
    return Answer("tariff", "same" if computed == line.tariff_micro else "differs", line.tariff_micro, computed)


def _charged(line: FullCharge, unit: str | None, decimals: Mapping[str, int]) -> Answer:
    if line.volume_micro is None or line.tariff_micro is None:
        lacking: dict[Missing, int | None] = {"volume": line.volume_micro, "tariff": line.tariff_micro}
        return Answer("charged", "unknown", line.charged_kopecks, missing=_missing(lacking))
    computed = charge(line.volume_micro, line.tariff_micro)
    off = abs(line.charged_kopecks - computed)
    return Answer("charged", _sum_verdict(off, tolerance(line, unit, decimals)), line.charged_kopecks, computed)


def tolerance(line: FullCharge, unit: str | None, decimals: Mapping[str, int]) -> Kopecks:
    """By how much a sum may differ when it was counted with the volume before it was rounded: half of its last digit at
    the tariff, and a kopeck."""
    last_digit: int = 10 ** (DIGITS - decimals_of(line.volume_micro or 0, unit, decimals))
    return last_digit * abs(line.tariff_micro or 0) // (2 * MICRO_SQUARED_PER_KOPECK) + A_KOPECK


def _sum_verdict(off: Kopecks, allowed: Kopecks) -> Verdict:
    return "same" if not off else "rounding" if off <= allowed else "differs"


def _total(line: FullCharge) -> Answer:
    computed = line.charged_kopecks + line.recalculated_kopecks - line.benefit_kopecks
    return Answer("total", "same" if computed == line.total_kopecks else "differs", line.total_kopecks, computed)
