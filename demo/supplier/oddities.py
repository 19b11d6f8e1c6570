"""Oddities: which accounts are unlike the others, so that every size from 50 on holds every case?

The first accounts of any supplier are cast by hand; the rest are drawn by chance.
"""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Final


class Oddity(StrEnum):
    ORDINARY = auto()
    BENEFIT = auto()
    TWO_METERS = auto()
    CLOSED = auto()
    CLOSED_WITH_DEBT = auto()
    CREDIT = auto()
    ZERO = auto()
    DEBTOR = auto()
    HOLDER_CHANGED = auto()
    YO = auto()
    TWIN = auto()  # its number is another account's number without the leading zeros
    APOSTROPHE = auto()
    QUOTES = auto()
    COMMA = auto()
    LONG = auto()
    LATIN_LETTER = auto()
    SEMICOLON = auto()
    ORGANISATION = auto()
    ROLLOVER = auto()
    METER_REPLACED = auto()
    VERIFICATION_EXPIRED = auto()
    AUTOMATIC = auto()
    NO_METER = auto()
    HEATING_ONLY = auto()
    RECALCULATED = auto()
    OPENED_LATELY = auto()
    BILL_WITHDRAWN = auto()
    PAYMENT_REVERSED = auto()
    NO_RESIDENTS = auto()
    PAYMENT_ON_ITS_WAY = auto()  # one that is not booked yet, and an old one that came back


CAST: Final[dict[int, Oddity]] = dict(enumerate(Oddity))
"""Account index → oddity, in the order of the enumeration. Indices beyond it are cast by chance."""

BY_CHANCE_PERMILLE: Final = (
    (Oddity.CLOSED, 15),
    (Oddity.CLOSED_WITH_DEBT, 3),
    (Oddity.CREDIT, 20),
    (Oddity.DEBTOR, 45),
    (Oddity.ZERO, 40),
    (Oddity.HOLDER_CHANGED, 10),
    (Oddity.METER_REPLACED, 80),
    (Oddity.ROLLOVER, 2),
    (Oddity.VERIFICATION_EXPIRED, 15),
    (Oddity.AUTOMATIC, 30),
    (Oddity.NO_METER, 130),
    (Oddity.HEATING_ONLY, 60),
    (Oddity.BENEFIT, 60),
    (Oddity.OPENED_LATELY, 30),
    (Oddity.BILL_WITHDRAWN, 3),
    (Oddity.PAYMENT_REVERSED, 4),
    (Oddity.ORGANISATION, 8),
    (Oddity.NO_RESIDENTS, 10),
)


def oddity(index: int, lot: float) -> Oddity:
    """What is odd about the account; `lot` in [0, 1) is drawn for it."""
    if index in CAST:
        return CAST[index]
    drawn = int(lot * 1000)
    for kind, permille in BY_CHANCE_PERMILLE:
        drawn -= permille
        if drawn < 0:
            return kind
    return Oddity.ORDINARY
