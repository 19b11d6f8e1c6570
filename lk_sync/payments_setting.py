"""Payments setting: how long does a payment take from a channel to the supplier's books?"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lk_sync.setting import Positive, Strict


class Payments(Strict, frozen=True, kw_only=True):
    """Working days. `usual_days`: by the channel as the accounting system calls it; `other_days`: by any other."""

    usual_days: Mapping[str, Positive] = msgspec.field(default_factory=dict)
    other_days: Positive = 3

    @property
    def least_and_most(self) -> tuple[int, int]:
        """Of all channels, the others among them."""
        days = (*self.usual_days.values(), self.other_days)
        return min(days), max(days)
