"""Proofs: what does whoever registers show beside the sum of the bill, and when is it asked for?

The sum of a bill is a weak secret: where people are billed by norm, many bills have the same one. A second datum is
asked for by the sum that was typed, never by the account, so that the question tells nothing about the account.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from lk_sync.errors import SettingsError
from lk_sync.setting import Positive, Secret, Strict

Proof = Literal["bill_number", "bill_code", "payment", "meter", "desk_code"]
PROOFS: Final[tuple[Proof, ...]] = get_args(Proof)
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
