"""Form: what has a person who wants to be registered told us, and can it be so?

Everything wrong is gathered and told at once. What is told depends on the form alone, never on the books.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Final

import msgspec

from lk_sync.bill_code import DESK_LENGTH, LENGTH, LETTERS, typed_code
from lk_sync.cache.census import payment, plain
from lk_sync.proofs import Proof
from lk_sync.records import Kopecks
from portal.accounts import canonical
from portal.language import N_

EMAIL_LONGEST: Final = 254
NUMBER_LONGEST: Final = 60
_LOCAL: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL: Final = re.compile(rf"(?=.{{1,64}}@){_LOCAL}@(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]")
_AMOUNT: Final = re.compile(r"([-−–]?)([0-9]{1,9})(?:[.,]([0-9]{1,2}))?")
_SPACES: Final = re.compile(r"[\s\u00a0\u202f]+")
_RUBLES: Final = re.compile(r"(?:₽|руб\.?|р\.)$", re.IGNORECASE)
_DAY: Final = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-](20[0-9]{2})")
_DAY_BACKWARDS: Final = re.compile(r"(20[0-9]{2})-([0-9]{2})-([0-9]{2})")

FIELDS: Final[dict[Proof, tuple[str, ...]]] = {
    "bill_number": ("bill_number",),
    "bill_code": ("bill_code",),
    "payment": ("payment_sum", "payment_day"),
    "meter": ("meter",),
    "desk_code": ("desk_code",),
}
_WRONG: Final[dict[Proof, str]] = {
    "bill_number": N_("Введите номер квитанции, как он напечатан."),
    "bill_code": N_("В коде шесть букв и цифр, например K7M-4QX."),
    "payment": N_("Введите сумму платежа с копейками и день в виде 05.11.2026."),
    "meter": N_("Введите номер с корпуса счётчика, без показаний."),
    "desk_code": N_("В коде десять букв и цифр, например 7K2MQ-4XH9C."),
}


class Wanted(msgspec.Struct, frozen=True):
    """A form without faults. `proof`: the second datum as it is compared, None when there is none."""

    account: str
    email: str
    amount_kopecks: Kopecks
    proof_kind: Proof | None = None
    proof: str | None = None


class Faults(msgspec.Struct, frozen=True):
    """Field → sentences in Russian, to be translated."""

    by_field: dict[str, list[str]]


def read(fields: Mapping[str, str]) -> Wanted | Faults:
    account, email = canonical(fields.get("account", "")), address(fields.get("email", ""))
    amount = kopecks(fields.get("amount", ""))
    shown = [kind for kind, names in FIELDS.items() if any(fields.get(name, "").strip() for name in names)]
    kind = shown[0] if shown else None
    proof = None if kind is None else _second(kind, fields)
    if amount is None and kind == "desk_code" and not fields.get("amount", "").strip():
        amount = 0  # whoever has been at the desk needs no bill
    faults = {
        "account": account is None
        and N_("Введите номер лицевого счёта, как на квитанции: цифры и буквы без других знаков."),
        "email": email is None and N_("Введите один адрес электронной почты, например ivanova@example.ru."),
        "amount": amount is None and N_("Введите сумму с копейками, как на квитанции, например 1234,56."),
        "rules": fields.get("rules") != "yes" and N_("Без согласия с правилами зарегистрироваться нельзя."),
        "consent": fields.get("consent") != "yes" and N_("Без этого согласия мы не можем создать учётную запись."),
        "proof": len(shown) > 1 and N_("Заполните что-нибудь одно, остальное оставьте пустым."),
        kind or "": kind is not None and proof is None and _WRONG[kind],
    }
    found = {field: [sentence] for field, sentence in faults.items() if sentence}
    if found or account is None or email is None or amount is None:
        return Faults(found)
    return Wanted(account, email, amount, kind, proof)


def _second(kind: Proof, fields: Mapping[str, str]) -> str | None:
    """The second datum as it is compared; None when it cannot be one."""
    first = fields.get(FIELDS[kind][0], "")
    match kind:
        case "payment":
            paid, on = kopecks(first), day(fields.get("payment_day", ""))
            return payment(paid, on) if paid and paid > 0 and on else None
        case "bill_code" | "desk_code":
            return code(first, LENGTH if kind == "bill_code" else DESK_LENGTH)
        case _:
            number = plain(first)
            return number if 0 < len(number) <= NUMBER_LONGEST else None


def code(text: str, length: int) -> str | None:
    typed = typed_code(text)
    return typed if len(typed) == length and set(typed) <= set(LETTERS) else None


def address(text: str) -> str | None:
    """One e-mail address, its domain in lower case; None when it is none, or more than one."""
    text = text.strip()
    if len(text) > EMAIL_LONGEST or not _EMAIL.fullmatch(text):
        return None
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def kopecks(text: str) -> Kopecks | None:
    """The exact amount: `1234`, `1234,5`, `1 234.56 ₽`, `−50,00`. None for what could be read in two ways."""
    found = _AMOUNT.fullmatch(_RUBLES.sub("", _SPACES.sub("", text)))
    if found is None:
        return None
    amount = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
    return -amount if found[1] else amount


def day(text: str) -> str | None:
    """A day as people write it, as it is stored."""
    text = _SPACES.sub("", text).removesuffix("г.").removesuffix("г")
    forwards, backwards = _DAY.fullmatch(text), _DAY_BACKWARDS.fullmatch(text)
    parts = forwards.groups()[::-1] if forwards else backwards.groups() if backwards else None
    with suppress(ValueError):
        return date(*map(int, parts)).isoformat() if parts else None
    return None
