"""Filling: what has been filled into the form of a request, and can it be so?

Everything wrong is gathered and told at once. What is told the supplier is told in Russian, whatever the reader's
language; what the reader has typed stays as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from lk_sync.request_setting import Asked, RequestKind
from lk_sync.store.requests import Told
from portal.language import N_, SOURCE
from portal.pages.register.form import address, day
from portal.pages.requests.offered import Offer, Offers

MOST_LINES: Final = 40
FIELD: Final = "field-"
LINE: Final = "line-"
_NUMBER: Final = re.compile(r"[0-9]{1,12}(?:[.,][0-9]{1,6})?")
_PHONE: Final = re.compile(r"\+?[0-9]{6,15}")
_IN_A_PHONE: Final = re.compile(r"[\s()\u00a0-]+")
_UNSEEN: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_SENTENCES: Final = {
    "line": N_("Заполните это поле."),
    "text": N_("Заполните это поле."),
    "date": N_("Введите день в виде 31.12.2026."),
    "choice": N_("Выберите что-нибудь одно."),
    "number": N_("Введите число, например 2."),
    "phone": N_("Введите телефон, например +7 905 123-45-67."),
    "email": N_("Введите один адрес электронной почты, например ivanova@example.ru."),
    "meter": N_("Выберите прибор."),
    "lines": N_("Отметьте хотя бы одно начисление."),
}
TOO_LONG: Final = N_("Слишком длинно: здесь помещается знаков: %(most)s. Остальное можно приложить файлом.")


class Filled(msgspec.Struct, frozen=True):
    """`typed`: field → what to show in it again; `chosen`: ticked lines. `errors`: field → a sentence in Russian, to be
    translated, and what belongs into it."""

    typed: Mapping[str, str]
    chosen: frozenset[str]
    told: Sequence[Told]
    errors: Mapping[str, tuple[str, Mapping[str, object]]]

    @property
    def email(self) -> str:
        """Where to answer: the first address in the form."""
        return next((each.text for each in self.told if "@" in each.text and address(each.text)), "")


def fill(kind: RequestKind, fields: Mapping[str, str], offers: Offers) -> Filled:
    typed: dict[str, str] = {}
    told: list[Told] = []
    errors: dict[str, tuple[str, Mapping[str, object]]] = {}
    chosen = frozenset(each.value for each in offers.lines if f"{LINE}{each.value}" in fields)
    for asked in kind.fields:
        given = cleaned(fields.get(FIELD + asked.name, ""), lines=asked.kind == "text")
        typed[asked.name] = given
        text = _lines(offers, chosen) if asked.kind == "lines" else _said(asked, given, offers)
        if text is None or (asked.required and not text):
            errors[asked.name] = (_SENTENCES[asked.kind], {})
        elif asked.kind != "lines" and len(given) > asked.most:
            errors[asked.name] = (TOO_LONG, {"most": asked.most})
        elif text:
            told.append(Told(asked.name, asked.title.to(SOURCE), text))
    return Filled(typed, chosen, told, errors)


def cleaned(text: str, *, lines: bool) -> str:
    """Without what no screen shows; line ends only where a field may have lines."""
    text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    return text.strip() if lines else " ".join(text.split())


def _lines(offers: Offers, chosen: frozenset[str]) -> str:
    return "\n".join([each.told for each in offers.lines if each.value in chosen][:MOST_LINES])


def _said(asked: Asked, given: str, offers: Offers) -> str | None:
    """What the supplier is told; None: it cannot be so. Empty: nothing was filled in."""
    if not given:
        return ""
    match asked.kind:
        case "date":
            return day(given)
        case "number":
            return given.replace(",", ".") if _NUMBER.fullmatch(given) else None
        case "phone":
            plain = _IN_A_PHONE.sub("", given)
            return plain if _PHONE.fullmatch(plain) else None
        case "email":
            return address(given)
        case "choice":
            return next((each.title.to(SOURCE) for each in asked.choices if each.value == given), None)
        case "meter":
            return _told(offers.meters, given)
    return given


def _told(offered: Sequence[Offer], value: str) -> str | None:
    return next((each.told for each in offered if each.value == value), None)
