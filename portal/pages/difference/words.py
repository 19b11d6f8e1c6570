"""Words: how is a part of a difference said to somebody who has never heard of a tariff?"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, NamedTuple

from babel.support import Translations

from lk_sync.cache.grounds import FullCharge
from lk_sync.formats import UNKNOWN, Formats
from lk_sync.records import Kopecks, Micro, Month
from portal.language import N_
from portal.pages.difference.comparison import LineDifference, ServiceDifference
from portal.pages.difference.parts import Kind, Part, counts_days, is_nothing
from portal.rounding import MICRO, half_up
from portal.vocabulary import Vocabulary

NAMES: Final[dict[Kind, str]] = {
    "presence": N_("Начислялась ли услуга"),
    "uplift": N_("Повышающий коэффициент"),
    "days": N_("Число дней"),
    "method": N_("Способ расчёта"),
    "volume": N_("Объём"),
    "tariff": N_("Тариф"),
    "recalculation": N_("Перерасчёт"),
    "benefit": N_("Льгота"),
    "penalty": N_("Пени"),
    "unexplained": N_("Не объяснено источником"),
}
WARMED: Final = ("meter", "house_meter")  # ways of counting that weather shows in


class Said(NamedTuple):
    """A part in words. `name`, `was`, `now`: its row of the table; `sentence`: what it is due to."""

    kind: Kind
    kopecks: Kopecks
    name: str
    component: str
    was: str
    now: str
    sentence: str


class Weather(NamedTuple):
    """Degree-days of the two months, millionths."""

    was_micro: Micro
    now_micro: Micro


class Speaker:
    """Says parts in one language, for two months."""

    def __init__(
        self,
        words: Translations,
        formats: Formats,
        vocabulary: Vocabulary,
        months: tuple[Month, Month],
        weather: Weather | None = None,
    ) -> None:
        self._ = words.gettext
        self._formats = formats
        self._vocabulary = vocabulary
        self._was, self._now = (formats.month(month) for month in months)
        self._weather = weather

    def signed(self, kopecks: Kopecks) -> str:
        """With its sign, a plus as well."""
        return f"{'+' if kopecks > 0 else ''}{self._formats.money(kopecks)}"

    def of_service(self, service: ServiceDifference) -> list[Said]:
        """Everything a service's difference is made of, the largest first."""
        several = len(service.lines) > 1
        found = [self._said(part, line, several) for line in service.lines for part in line.parts]
        if service.penalty:
            found.append(self._penalty(service))
        return sorted(found, key=lambda said: -abs(said.kopecks))

    def _said(self, part: Part, line: LineDifference, several: bool) -> Said:
        component = line.title.partition(": ")[2] or line.title if several else ""
        was, now, sentence = self._words(part, line)
        return Said(part.kind, part.kopecks, self._(NAMES[part.kind]), component, was, now, sentence)

    def _words(self, part: Part, line: LineDifference) -> tuple[str, str, str]:
        was, now = line.was, line.now
        match part.kind:
            case "presence":
                return self._presence(was, now)
            case "recalculation":
                return self._recalculation(was, now)
            case "benefit":
                return self._benefit(was, now)
            case _ if was is None or now is None or part.kind == "unexplained":
                return UNKNOWN, UNKNOWN, self._unexplained(was, now)
            case _:
                return self._counted(part.kind, was, now, line.unit)

    def _counted(self, kind: Kind, was: FullCharge, now: FullCharge, unit: str | None) -> tuple[str, str, str]:
        match kind:
            case "uplift":
                return self._uplift(was, now)
            case "days":
                return self._days(was, now)
            case "method":
                return self._method(was, now, unit)
            case "tariff":
                return self._tariff(was, now, unit)
            case _:
                return self._volume(was, now, unit)

    def _presence(self, was: FullCharge | None, now: FullCharge | None) -> tuple[str, str, str]:
        absent = self._was if was is None or is_nothing(was) else self._now
        return (
            self._charged(was),
            self._charged(now),
            self._("за %(month)s эта услуга не начислялась") % {"month": absent},
        )

    def _charged(self, line: FullCharge | None) -> str:
        return UNKNOWN if line is None or is_nothing(line) else self._formats.money(line.charged_kopecks)

    def _uplift(self, was: FullCharge, now: FullCharge) -> tuple[str, str, str]:
        before, after = (
            self._formats.volume(MICRO if line.uplift_micro is None else line.uplift_micro) for line in (was, now)
        )
        return before, after, self._("повышающий коэффициент %(now)s вместо %(was)s") % {"now": after, "was": before}

    def _days(self, was: FullCharge, now: FullCharge) -> tuple[str, str, str]:
        before, after = was.days or 0, now.days or 0
        text = (
            self._("дней в расчёте больше: %(now)s вместо %(was)s")
            if after > before
            else self._("дней в расчёте меньше: %(now)s вместо %(was)s")
        )
        return str(before), str(after), text % {"now": after, "was": before}

    def _method(self, was: FullCharge, now: FullCharge, unit: str | None) -> tuple[str, str, str]:
        before, after = self._vocabulary.methods[was.method], self._vocabulary.methods[now.method]
        volumes = {"was": self._amount(was.volume_micro, unit), "now": self._amount(now.volume_micro, unit)}
        text = self._("посчитано «%(after)s», а было «%(before)s»: %(now)s вместо %(was)s")
        return before, after, text % {"before": before, "after": after, **volumes}

    def _tariff(self, was: FullCharge, now: FullCharge, unit: str | None) -> tuple[str, str, str]:
        per = f"/{self._vocabulary.units[unit]}" if unit else ""
        before, after = (self._formats.tariff(line.tariff_micro) + per for line in (was, now))
        higher = (now.tariff_micro or 0) > (was.tariff_micro or 0)
        text = self._("тариф выше: %(now)s вместо %(was)s") if higher else self._("тариф ниже: %(now)s вместо %(was)s")
        return before, after, text % {"now": after, "was": before}

    def _volume(self, was: FullCharge, now: FullCharge, unit: str | None) -> tuple[str, str, str]:
        before, after = self._amount(was.volume_micro, unit), self._amount(now.volume_micro, unit)
        if counts_days(was, now) and was.days != now.days:
            text = self._by_day(was, now, unit)
        elif (now.volume_micro or 0) > (was.volume_micro or 0):
            text = self._("объём больше: %(now)s вместо %(was)s") % {"now": after, "was": before}
        else:
            text = self._("объём меньше: %(now)s вместо %(was)s") % {"now": after, "was": before}
        return before, after, text + self._norm(was, now) + self._cold(was, now)

    def _by_day(self, was: FullCharge, now: FullCharge, unit: str | None) -> str:
        """What is left of a difference of volumes when the days are accounted for."""
        former, present = (Fraction(line.volume_micro or 0, line.days or 1) for line in (was, now))
        text = (
            self._("на день приходится больше: %(now)s вместо %(was)s")
            if present > former
            else self._("на день приходится меньше: %(now)s вместо %(was)s")
        )
        return text % {"now": self._amount(half_up(present), unit), "was": self._amount(half_up(former), unit)}

    def _norm(self, was: FullCharge, now: FullCharge) -> str:
        if was.norm_micro is None or now.norm_micro is None or was.norm_micro == now.norm_micro:
            return ""
        norms = {"now": self._formats.volume(now.norm_micro), "was": self._formats.volume(was.norm_micro)}
        return "; " + self._("норматив %(now)s вместо %(was)s") % norms

    def _cold(self, was: FullCharge, now: FullCharge) -> str:
        """Weather is named only where it speaks for itself: measured heat that rose with cold or fell with warmth."""
        weather = self._weather
        if weather is None or now.service != "heating" or now.method not in WARMED:
            return ""
        more = (now.volume_micro or 0) - (was.volume_micro or 0)
        colder = weather.now_micro - weather.was_micro
        if more * colder <= 0:
            return ""
        text = (
            self._("месяц был холоднее: %(now)s градусо-суток вместо %(was)s")
            if colder > 0
            else self._("месяц был теплее: %(now)s градусо-суток вместо %(was)s")
        )
        before, after = (self._formats.volume(half_up(Fraction(micro, MICRO)) * MICRO) for micro in weather)
        return "; " + text % {"was": before, "now": after}

    def _recalculation(self, was: FullCharge | None, now: FullCharge | None) -> tuple[str, str, str]:
        before, after = (0 if line is None else line.recalculated_kopecks for line in (was, now))
        said = [
            self._("перерасчёт за %(month)s: %(sum)s") % {"month": month, "sum": self._formats.money(kopecks)}
            + (f" ({line.recalculation_reason})" if line and line.recalculation_reason else "")
            for month, kopecks, line in ((self._now, after, now), (self._was, before, was))
            if kopecks
        ]
        return self._formats.money(before), self._formats.money(after), "; ".join(said)

    def _benefit(self, was: FullCharge | None, now: FullCharge | None) -> tuple[str, str, str]:
        before, after = (self._formats.money(0 if line is None else -line.benefit_kopecks) for line in (was, now))
        return before, after, self._("льгота %(now)s вместо %(was)s") % {"now": after, "was": before}

    def _penalty(self, service: ServiceDifference) -> Said:
        before, after = self._formats.money(service.penalty_was), self._formats.money(service.penalty_now)
        text = self._("пени %(now)s вместо %(was)s") % {"now": after, "was": before}
        return Said("penalty", service.penalty, self._(NAMES["penalty"]), "", before, after, text)

    def _unexplained(self, was: FullCharge | None, now: FullCharge | None) -> str:
        unknown = [line for line in (was, now) if line and (line.volume_micro is None or line.tariff_micro is None)]
        if unknown and not any(line.charged_kopecks == 0 for line in unknown):
            return self._("не объяснено источником: поставщик не указал объём или тариф")
        return self._("не объяснено источником: сумма не равна объёму, умноженному на тариф")

    def _amount(self, micro: Micro | None, unit: str | None) -> str:
        text = self._formats.volume(micro)
        return f"{text}\N{NO-BREAK SPACE}{self._vocabulary.units[unit]}" if unit and micro is not None else text
