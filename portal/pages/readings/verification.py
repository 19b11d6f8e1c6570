"""Verification: is the meter verified, does it fall due soon, has it run out?"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

import msgspec

from lk_sync.cache.reader import MeterRow
from lk_sync.records import Day

SOON_DAYS: Final = 90  # what it takes to call a laboratory and to hand over its act


class Verification(msgspec.Struct, frozen=True):
    """`days`: until it is due, negative after it; None: the supplier does not say when it is due."""

    state: Literal["valid", "soon", "expired", "unknown"]
    verified_on: Day | None
    due_on: Day | None
    days: int | None


def verification_of(meter: MeterRow, today: date) -> Verification:
    """On the last day the meter is still good."""
    if meter.verification_due_on is None:
        return Verification("unknown", meter.verified_on, None, None)
    days = (date.fromisoformat(meter.verification_due_on) - today).days
    state: Literal["valid", "soon", "expired"] = "expired" if days < 0 else "soon" if days <= SOON_DAYS else "valid"
    return Verification(state, meter.verified_on, meter.verification_due_on, days)
