"""Files: how do the charges that are on the screen look in a spreadsheet?

The same rows in the same order: the lines of each month, its penalty, its sum with the balance before and after, and
the whole at the end. Sums are those of the page; nothing is computed anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from babel.support import Translations

from lk_sync.formats import NBSP, Formats
from lk_sync.records import month_text
from portal.pages.charges.period import Period
from portal.pages.charges.statement import Line, MonthShown, Statement
from portal.spreadsheet import Cell, Column, Sheet

Row = tuple[Cell, ...]


def sheets(statement: Statement, period: Period, words: Translations, formats: Formats) -> list[Sheet]:
    """The lines; and what services come to in the period, where the page shows it."""
    found = [lines(statement, period, words, formats)]
    return [*found, _services(statement, words)] if statement.services else found


def lines(statement: Statement, period: Period, words: Translations, formats: Formats) -> Sheet:
    _ = words.gettext
    rows: list[Row] = []
    bold: list[int] = []
    for month in statement.months:
        rows += _month(month, formats.month(month.period).replace(NBSP, " "), words)
        bold.append(len(rows) - 1)
    rows.append(_whole(statement, period, words, formats))
    return Sheet(
        title=_("Начисления"),
        columns=_columns(words),
        rows=rows,
        bold=frozenset((*bold, len(rows) - 1)),
    )


def _columns(words: Translations) -> list[Column]:
    _ = words.gettext
    return [
        Column(_("Месяц"), width=16),
        Column(_("Услуга"), width=44),
        Column(_("Как посчитано"), width=24),
        Column(_("Объём"), "volume"),
        Column(_("Единица"), width=9),
        Column(_("Тариф, ₽"), "price"),
        Column(_("Начислено, ₽"), "money"),
        Column(_("Перерасчёт, ₽"), "money"),
        Column(_("Основание перерасчёта"), width=28),
        Column(_("Льгота, ₽"), "money"),
        Column(_("Итого, ₽"), "money"),
        Column(_("Сальдо на начало, ₽"), "money", 18),
        Column(_("Учтено платежей, ₽"), "money", 18),
        Column(_("Сальдо на конец, ₽"), "money", 18),
        Column(_("Другие сведения"), width=30),
    ]


def _month(shown: MonthShown, title: str, words: Translations) -> Iterator[Row]:
    for line in shown.lines:
        yield _line(title, line)
    sums = shown.sums
    if sums.penalty:
        yield (title, words.gettext("Пени"), *(None,) * 8, sums.penalty, *(None,) * 4)
    yield (
        title, words.gettext("Итого за месяц"), *(None,) * 4, sums.charged, sums.recalculated, None, -sums.benefit,
        sums.total, shown.opening, sums.paid if shown.opening is not None else None, shown.closing, None,
    )  # fmt: skip


def _line(title: str, line: Line) -> Row:
    extra = "; ".join(f"{label}: {text}" for label, text in line.extra)
    return (
        title, line.title, line.method, line.volume_micro, line.unit, line.tariff_micro, line.charged,
        line.recalculated, line.reason, -line.benefit, line.total, None, None, None, extra,
    )  # fmt: skip


def _whole(statement: Statement, period: Period, words: Translations, formats: Formats) -> Row:
    whole = statement.whole
    first, last = (formats.month(month).replace(NBSP, " ") for month in (period.first, period.last))
    return (
        first if first == last else f"{first} — {last}", words.gettext("Всего за период"), *(None,) * 4, whole.charged,
        whole.recalculated, None, -whole.benefit, whole.total, statement.opening, whole.paid, statement.closing, None,
    )  # fmt: skip


def _services(statement: Statement, words: Translations) -> Sheet:
    _ = words.gettext
    columns = [
        Column(_("Услуга"), width=44),
        Column(_("Объём"), "volume"),
        Column(_("Единица"), width=9),
        Column(_("Начислено, ₽"), "money"),
        Column(_("Перерасчёт, ₽"), "money"),
        Column(_("Льгота, ₽"), "money"),
        Column(_("Итого, ₽"), "money"),
    ]
    whole = statement.whole
    rows: list[Row] = [(*each[:5], -each.benefit, each.total) for each in statement.services]
    if whole.penalty:
        rows.append((_("Пени"), *(None,) * 5, whole.penalty))
    rows.append((_("Всего"), None, None, whole.charged, whole.recalculated, -whole.benefit, whole.total))
    return Sheet(title=_("По услугам"), columns=columns, rows=rows, bold=frozenset({len(rows) - 1}))


def name(account: str, period: Period) -> str:
    """With the account and the months, so that files of several accounts and months lie side by side."""
    months = dict.fromkeys(month_text(month) for month in (period.first, period.last))
    return "_".join(("charges", account, *months))
