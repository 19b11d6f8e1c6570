"""Files: how can the check be repeated in a spreadsheet, with formulas that live?

Published figures stand in the cells as numbers; everything that follows from them is a formula over those cells, so
that a reader can put in another area or another reading and see what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from babel.support import Translations

from lk_sync.formats import NBSP, Formats
from lk_sync.records import Micro, month_text
from portal.pages.check.months import MonthChecked
from portal.pages.check.recompute import Checked, Volume, decimals_of, tolerance
from portal.pages.check.words import Speaker
from portal.spreadsheet import Cell, Column, Formula, Sheet

FIRST_ROW: Final = 2  # below the titles


class Base(NamedTuple):
    """Of what a volume is made, cell by cell; None where it is made otherwise."""

    base: Cell = None
    rate: Cell = None
    divisor: Cell = None
    uplift: Cell = None
    now: Cell = None
    was: Cell = None
    computed: Cell = None


def sheet(
    months: Sequence[MonthChecked],
    titles: Mapping[tuple[str, str], str],
    speaker: Speaker,
    words: Translations,
    formats: Formats,
    decimals: Mapping[str, int],
) -> Sheet:
    rows: list[tuple[Cell, ...]] = []
    rows_of_water: dict[tuple[int, str], int] = {}
    for month in months:
        for checked in month.lines:
            at = FIRST_ROW + len(rows)
            if checked.unit == "m3":
                rows_of_water[month.period, checked.line.service] = at
            base = _base(checked, at, rows_of_water.get((month.period, checked.line.service)), decimals)
            title = titles[checked.line.service, checked.line.component]
            rows.append((*_head(checked, month, title, speaker, formats), *base, *_sums(checked, at, words, decimals)))
    rows.append(_last(len(rows), words))
    return Sheet(title=words.gettext("Проверка"), columns=_columns(words), rows=rows, bold=frozenset({len(rows) - 1}))


def _columns(words: Translations) -> list[Column]:
    _ = words.gettext
    return [
        Column(_("Месяц"), width=16),
        Column(_("Услуга"), width=40),
        Column(_("Как посчитано"), width=22),
        Column(_("Пункт"), width=26),
        Column(_("Чего не хватает"), width=34),
        Column(_("Основа: площадь, жители, объём воды или дома"), "volume", 20),
        Column(_("Норматив или площадь помещения"), "volume", 18),
        Column(_("Площадь дома"), "volume"),
        Column(_("Повышающий коэффициент"), "volume", 16),
        Column(_("Показания сейчас"), "volume", 16),
        Column(_("Показания были"), "volume", 16),
        Column(_("Объём по расчёту"), "volume", 16),
        Column(_("Объём у поставщика"), "volume", 16),
        Column(_("Разница объёма"), "volume", 16),
        Column(_("Тариф, ₽"), "price"),
        Column(_("Начислено по расчёту, ₽"), "money", 18),
        Column(_("Начислено поставщиком, ₽"), "money", 18),
        Column(_("Разница, ₽"), "money"),
        Column(_("Допустимо из-за округления, ₽"), "money", 18),
        Column(_("Вывод (ориентировочно)"), width=20),
        Column(_("Перерасчёт, ₽"), "money"),
        Column(_("Льгота, ₽"), "money"),
        Column(_("Итого по расчёту, ₽"), "money", 16),
        Column(_("Итого у поставщика, ₽"), "money", 16),
    ]


def _head(checked: Checked, month: MonthChecked, title: str, speaker: Speaker, formats: Formats) -> Iterator[Cell]:
    line = speaker.line(checked, title, metered=checked.line.service in month.metered)
    yield formats.month(month.period).replace(NBSP, " ")
    yield line.title
    yield line.method
    yield line.clause
    yield speaker.missing(checked.missing)


def _base(checked: Checked, at: int, row_of_water: int | None, decimals: Mapping[str, int]) -> Base:
    volume, line = checked.volume, checked.line
    answer = checked.answer("volume")
    if answer is None or answer.computed is None or line.volume_micro is None:
        return Base()
    digits = decimals_of(line.volume_micro, checked.unit, decimals)
    if volume.way == "readings":
        now, was = _both(volume)
        return Base(now=now, was=was, computed=Formula(f"=ROUND(J{at}-K{at},{digits})"))
    if volume.way == "house_share":
        return Base(
            volume.base_micro, volume.rate_micro, volume.divisor_micro,
            computed=Formula(f"=ROUND(F{at}*G{at}/H{at},{digits})"),
        )  # fmt: skip
    base: Cell = volume.base_micro
    if volume.way == "heat_of_water" and row_of_water is not None:
        base = Formula(f"=M{row_of_water}")
    return Base(
        base, volume.rate_micro, None, volume.uplift_micro, computed=Formula(f"=ROUND(F{at}*G{at}*I{at},{digits})")
    )


def _both(volume: Volume) -> tuple[Micro, Micro]:
    """Meters together: what they show, and what they showed before."""
    return sum(step.now_micro for step in volume.steps), sum(step.was_micro for step in volume.steps)


def _sums(checked: Checked, at: int, words: Translations, decimals: Mapping[str, int]) -> Iterator[Cell]:
    line = checked.line
    volume, charged = checked.answer("volume"), checked.answer("charged")
    yield line.volume_micro
    yield Formula(f"=M{at}-L{at}") if volume is not None and volume.computed is not None else None
    yield line.tariff_micro
    known = charged is not None and charged.computed is not None
    yield Formula(f"=ROUND(M{at}*O{at},2)") if known else None
    yield line.charged_kopecks
    yield Formula(f"=Q{at}-P{at}") if known else None
    yield tolerance(line, checked.unit, decimals) if known else None
    yield _outcome(at, words) if known else words.gettext("проверить нельзя")
    yield line.recalculated_kopecks
    yield -line.benefit_kopecks
    yield Formula(f"=Q{at}+U{at}+V{at}")
    yield line.total_kopecks


def _outcome(at: int, words: Translations) -> Formula:
    _ = words.gettext
    return Formula(f'=IF(ABS(ROUND(R{at},2))<=S{at},"{_("сходится")}","{_("не сходится")}")')


def _last(count: int, words: Translations) -> tuple[Cell, ...]:
    """The sums of all lines."""
    last = FIRST_ROW + count - 1
    total = {letter: Formula(f"=SUM({letter}{FIRST_ROW}:{letter}{last})") for letter in "PQRUVWX"}
    cells: list[Cell] = [words.gettext("Всего")]
    return (*cells, *(total.get(letter) for letter in "BCDEFGHIJKLMNOPQRSTUVWX"))


def name(account: str, months: Sequence[MonthChecked]) -> str:
    found = sorted({month_text(month.period) for month in months})
    return "_".join(("check", account, *dict.fromkeys((*found[:1], *found[-1:]))))
