"""Files: how do the payments that are on the screen look in a spreadsheet?

The same rows in the same order. Nothing is summed up: a returned payment stands among the booked ones.
"""

from __future__ import annotations

from babel.support import Translations

from lk_sync.cache.reader import PaymentRow
from lk_sync.formats import NBSP, Formats
from portal.pages.payments.booked import ADVANCE, PENALTY, Booked, Closed
from portal.spreadsheet import Cell, Column, Sheet


def sheet(found: Booked, words: Translations, formats: Formats) -> Sheet:
    _ = words.gettext
    columns = [
        Column(_("Дата"), width=16),
        Column(_("Учтён за"), width=16),
        Column(_("Как заплатили"), width=28),
        Column(_("Номер"), width=24),
        Column(_("Состояние"), width=18),
        Column(_("Сумма, ₽"), "money"),
        Column(_("Что закрыл"), width=60),
        Column(_("Другие сведения"), width=30),
    ]
    rows = [_row(payment, found.closed.get(payment.payment, []), words, formats) for payment in found.listed.rows]
    return Sheet(title=_("Платежи"), columns=columns, rows=rows)


def _row(payment: PaymentRow, closed: list[Closed], words: Translations, formats: Formats) -> tuple[Cell, ...]:
    _ = words.gettext
    states = {"processing": _("обрабатывается"), "returned": _("возвращён")}
    return (
        formats.short_day(payment.paid_on),
        formats.month(payment.period).replace(NBSP, " "),
        payment.channel,
        payment.payment,
        states.get(payment.state or "", _("учтён")),
        payment.amount_kopecks,
        "; ".join(_closed(each, words, formats) for each in closed),
        "; ".join(f"{label}: {text}" for label, text in payment.extra),
    )


def _closed(each: Closed, words: Translations, formats: Formats) -> str:
    parts = {PENALTY: words.gettext("пени"), ADVANCE: words.gettext("аванс")}
    what = ", ".join(filter(None, (each.service, formats.month(each.period), parts.get(each.part))))
    return f"{what}: {formats.money(each.kopecks)}".replace(NBSP, " ")


def name(account: str, found: Booked) -> str:
    """With the account and the year, so that files of several accounts and years lie side by side."""
    return "_".join(filter(None, ("payments", account, found.year)))
