"""Proofs: what does whoever registers show beside the sum of the bill, and when is it asked for?

The sum of a bill is a weak secret: where people are billed by norm, many bills have the same one. A second datum is
asked for by the sum that was typed, never by the account, so that the question tells nothing about the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from lk_sync.errors import SettingsError
from lk_sync.setting import Positive, Secret, SecretValue, Strict

Proof = Literal["bill_number", "bill_code", "payment", "meter", "desk_code"]
PROOFS: Final[tuple[Proof, ...]] = get_args(Proof)
SHORTEST_KEY: Final = 16
_ASKED: Final = {
    "shared": "вторая примета — если сумма у более чем {few} счетов, ноль или переплата",
    "always": "вторая примета — всегда",
    "never": "вторая примета — только при нуле и переплате",
}
CODES: Final[tuple[Proof, ...]] = ("bill_code", "desk_code")
"""Those that nobody guesses: 30 bits and more."""


class Registering(Strict, frozen=True, kw_only=True):
    """`second_datum`: asked for sums that more than `few` accounts share (`shared`), for all (`always`), or only where
    a sum proves nothing at all (`never`), which somebody answers for by name in `risk_accepted`. `proofs`: which second
    data are taken; a code printed at the desk always is."""

    second_datum: Literal["shared", "always", "never"] = "shared"
    risk_accepted: str = ""
    few: Positive = 3
    proofs: tuple[Literal["bill_number", "bill_code", "payment", "meter"], ...] = (
        "bill_number",
        "bill_code",
        "payment",
        "meter",
    )
    code_key: Secret | None = None
    desk_code_hours: Positive = 24
    recovery_hours: Positive = 2


def refuse_unsigned_risk(section: Registering, place: str) -> None:
    """Raises SettingsError: the second datum is switched off, and nobody answers for it."""
    if section.second_datum == "never" and len(section.risk_accepted.split()) < 2:
        raise SettingsError(
            f"{place}: second_datum: never — без второй приметы чужой счёт открывается подбором суммы; кто и когда "
            "принял этот риск, пишется в risk_accepted, например «директор Иванов И. И., 01.12.2026»"
        )


def checked_key(value: SecretValue) -> SecretValue:
    """Raises SettingsError for a key that could be guessed."""
    if len(value.reveal()) < SHORTEST_KEY:
        raise SettingsError(
            f"registration.code_key: секрет короче {SHORTEST_KEY} знаков; сделайте новый: openssl rand -base64 32"
        )
    return value


def told(section: Registering, environment: Mapping[str, str]) -> str:
    """What an operator wants to know of it. Raises SettingsError when the key of codes is set and not there."""
    if section.code_key is not None:
        checked_key(section.code_key.value(environment))
    codes = "коды на квитанциях включены" if section.code_key else "кодов на квитанциях нет (не задан code_key)"
    return f"{_ASKED[section.second_datum].format(few=section.few)}; {codes}"
