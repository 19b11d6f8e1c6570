"""Form: what has a person who wants to be registered told us, and can it be so?

Everything wrong is gathered and told at once. What is told depends on the form alone, never on the books.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from lk_sync.records import Kopecks
from portal.accounts import canonical
from portal.language import N_

EMAIL_LONGEST: Final = 254
_LOCAL: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL: Final = re.compile(rf"(?=.{{1,64}}@){_LOCAL}@(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]")
_AMOUNT: Final = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,2}))?")
_SPACES: Final = re.compile(r"[\s\u00a0\u202f]+")
_RUBLES: Final = re.compile(r"(?:₽|руб\.?|р\.)$", re.IGNORECASE)


class Wanted(msgspec.Struct, frozen=True):
    """A form without faults."""

    account: str
    email: str
    amount_kopecks: Kopecks


class Faults(msgspec.Struct, frozen=True):
    """Field → sentences in Russian, to be translated."""

    by_field: dict[str, list[str]]


def read(fields: Mapping[str, str]) -> Wanted | Faults:
    account, email = canonical(fields.get("account", "")), address(fields.get("email", ""))
    amount = kopecks(fields.get("amount", ""))
    faults = {
        "account": account is None
        and N_("Введите номер лицевого счёта, как на квитанции: цифры и буквы без других знаков."),
        "email": email is None and N_("Введите один адрес электронной почты, например ivanova@example.ru."),
        "amount": amount is None and N_("Введите сумму с копейками, как на квитанции, например 1234,56."),
        "rules": fields.get("rules") != "yes" and N_("Без согласия с правилами зарегистрироваться нельзя."),
        "consent": fields.get("consent") != "yes" and N_("Без этого согласия мы не можем создать учётную запись."),
    }
    if amount == 0:
        faults["amount"] = N_("По квитанции с нулевой суммой или переплатой зарегистрироваться нельзя: позвоните нам.")
    found = {field: [sentence] for field, sentence in faults.items() if sentence}
    if found or account is None or email is None or amount is None:
        return Faults(found)
    return Wanted(account, email, amount)


def address(text: str) -> str | None:
    """One e-mail address, its domain in lower case; None when it is none, or more than one."""
    text = text.strip()
    if len(text) > EMAIL_LONGEST or not _EMAIL.fullmatch(text):
        return None
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def kopecks(text: str) -> Kopecks | None:
    """The exact amount: `1234`, `1234,5`, `1 234.56 ₽`. None for anything that could be read in two ways."""
    found = _AMOUNT.fullmatch(_RUBLES.sub("", _SPACES.sub("", text)))
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else None
