"""Words: how are a formula, its clause, its outcome and what it lacks said to a reader?"""

from __future__ import annotations

from typing import Final, NamedTuple

from babel.support import Translations

from lk_sync.cache.grounds import FullCharge
from lk_sync.formats import MINUS, Formats
from lk_sync.records import Micro
from portal.language import N_
from portal.pages.check.inputs import Step
from portal.pages.check.recompute import Answer, Checked, Missing, Question, Volume
from portal.rounding import MICRO
from portal.vocabulary import Vocabulary

QUESTIONS: Final[dict[Question, str]] = {
    "volume": N_("Объём"),
    "tariff": N_("Тариф"),
    "charged": N_("Начислено"),
    "total": N_("Итого"),
}
VERDICTS: Final = {
    "same": ("✓", N_("сходится")),
    "rounding": ("≈", N_("сходится с точностью до округления")),
    "differs": ("✗", N_("не сходится")),
    "partly": ("◐", N_("сходится, но проверено не всё")),
    "unknown": ("?", N_("проверить нельзя")),
}
MISSING: Final[dict[Missing, str]] = {
    "volume": N_("объём"),
    "tariff": N_("тариф"),
    "set_tariff": N_("установленный тариф с датой, с которой он действует"),
    "norm": N_("норматив"),
    "area": N_("площадь помещения"),
    "residents": N_("число жителей"),
    "water": N_("объём горячей воды"),
    "house_volume": N_("показание общедомового прибора за этот месяц"),
    "house_area": N_("площадь дома"),
    "readings": N_("показания прибора за этот месяц и предыдущий"),
    "average": N_("за какие месяцы взято среднее"),
    "way": N_("способ, которым найден объём"),
    "months": N_("показание прибора за предыдущий месяц: расход накоплен за несколько месяцев"),
    "recalculation": N_("исходные данные перерасчёта"),
}
HOUSE_FORMULAS: Final = N_("формулы 3, 3(1), 3(2) приложения 2")


class Said(NamedTuple):
    """An answer as it is shown. `mark` is a shape that tells outcomes apart without colour."""

    question: str
    formula: str
    given: str
    off: str
    verdict: str
    mark: str
    outcome: str
    missing: str


class Line(NamedTuple):
    """A line as it is shown."""

    title: str
    method: str
    clause: str
    verdict: str
    mark: str
    outcome: str
    answers: list[Said]
    recalculated: str
    reason: str


class Speaker:
    """Says checked lines in one language."""

    def __init__(self, words: Translations, formats: Formats, vocabulary: Vocabulary) -> None:
        self._ = words.gettext
        self._formats = formats
        self._vocabulary = vocabulary

    def line(self, checked: Checked, title: str, *, metered: bool) -> Line:
        line = checked.line
        return Line(
            title,
            self._vocabulary.methods[line.method],
            self.clause(line, metered=metered),
            checked.verdict,
            *self.outcome(checked.verdict),
            [self._answer(answer, checked) for answer in checked.answers],
            self._formats.money(line.recalculated_kopecks) if line.recalculated_kopecks else "",
            line.recalculation_reason or "",
        )

    def outcome(self, verdict: str) -> tuple[str, str]:
        """Its shape and its words."""
        mark, text = VERDICTS[verdict]
        return mark, self._(text)

    def clause(self, line: FullCharge, *, metered: bool) -> str:
        """The clause of Rules 354 that a line follows; empty where we know of none."""
        numbers = {"heating": ["42(1)"], "hot_water": ["38"]}.get(line.service, [])
        if line.method == "average":
            numbers = [*numbers, "59"]
        elif line.method == "norm" and metered:
            numbers = [*numbers, "60"]
        parts = [self._("п. %(number)s") % {"number": number} for number in numbers]
        if line.service == "heating" and line.method == "house_meter":
            parts.append(self._(HOUSE_FORMULAS))
        return self._("Правила № 354, %(clauses)s") % {"clauses": ", ".join(parts)} if parts else ""

    def missing(self, names: tuple[Missing, ...]) -> str:
        return ", ".join(self._(MISSING[name]) for name in names)

    def _answer(self, answer: Answer, checked: Checked) -> Said:
        return Said(
            self._(QUESTIONS[answer.question]),
            self._formula(answer, checked),
            self._value(answer.question, answer.given, checked.unit),
            self._off(answer, checked.unit),
            answer.verdict,
            *self.outcome(answer.verdict),
            self.missing(answer.missing),
        )

    def _off(self, answer: Answer, unit: str | None) -> str:
        if not answer.off:
            return ""
        return f"{'+' if answer.off > 0 else ''}{self._value(answer.question, answer.off, unit)}"

    def _value(self, question: Question, value: int | None, unit: str | None) -> str:
        if value is None:
            return ""
        match question:
            case "volume":
                return self._amount(value, unit)
            case "tariff":
                return self._formats.tariff(value)
            case _:
                return self._formats.money(value)

    def _formula(self, answer: Answer, checked: Checked) -> str:
        if answer.computed is None:
            return ""
        line = checked.line
        result = self._value(answer.question, answer.computed, checked.unit)
        match answer.question:
            case "volume":
                return f"{self._volume(checked.volume, checked.unit)} = {result}"
            case "charged":
                tariff = self._formats.tariff(line.tariff_micro)
                return f"{self._amount(line.volume_micro or 0, checked.unit)} × {tariff} = {result}"
            case "total":
                return f"{self._terms(line)} = {result}"
            case _:
                return self._("установлен %(tariff)s") % {"tariff": result}

    def _terms(self, line: FullCharge) -> str:
        """Charged, and what is added to it and taken off."""
        money, terms = self._formats.money, self._formats.money(line.charged_kopecks)
        for kopecks in (line.recalculated_kopecks, -line.benefit_kopecks):
            if kopecks:
                terms += f" {MINUS if kopecks < 0 else '+'} {money(abs(kopecks))}"
        return terms

    def _volume(self, volume: Volume, unit: str | None) -> str:
        amount = self._amount
        uplift = "" if volume.uplift_micro == MICRO else f" × {self._formats.volume(volume.uplift_micro)}"
        match volume.way:
            case "readings":
                return self._steps(volume)
            case "house_share":
                share = f"{amount(volume.rate_micro, 'm2')} ÷ {amount(volume.divisor_micro, 'm2')}"
                return f"{amount(volume.base_micro, unit)} × {share}"
            case way:
                base = {"norm_area": "m2", "norm_residents": "person", "heat_of_water": "m3"}.get(way)
                return f"{amount(volume.base_micro, base)} × {amount(volume.rate_micro, unit)}{uplift}"

    def _steps(self, volume: Volume) -> str:
        steps = [self._step(step) for step in volume.steps]
        return steps[0] if len(steps) == 1 else " + ".join(f"({step})" for step in steps)

    def _step(self, step: Step) -> str:
        return f"{self._formats.volume(step.now_micro)} {MINUS} {self._formats.volume(step.was_micro)}"

    def _amount(self, micro: Micro, unit: str | None) -> str:
        text = self._formats.volume(micro)
        return f"{text}\N{NO-BREAK SPACE}{self._vocabulary.units[unit]}" if unit else text
