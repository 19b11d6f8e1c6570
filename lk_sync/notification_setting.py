"""Notification setting: when are subscribers told of what, and when are they left alone?"""

from __future__ import annotations

from typing import Annotated

import msgspec

from lk_sync.setting import Positive, Strict

Hour = Annotated[int, msgspec.Meta(ge=0, le=23)]
Days = Annotated[int, msgspec.Meta(ge=0, le=366)]


class Notifications(Strict, frozen=True, kw_only=True):
    """Hours of the supplier's clock. `letter_hour`: when the day's letter is written; not in quiet hours, which begin
    at `quiet_from` and end at `quiet_until`. `day_hour`: from when on it is looked what the day brings.

    `closes_days` before the last day of the window whoever has handed in nothing is reminded. `verification_days`:
    so many days before a meter is due, and once when it is past. `works_days`: so long before works begin.
    """

    day_hour: Hour = 8
    letter_hour: Hour = 10
    quiet_from: Hour = 21
    quiet_until: Hour = 8
    closes_days: Days = 1
    verification_days: Annotated[tuple[Days, ...], msgspec.Meta(max_length=10)] = (40, 7)
    works_days: Days = 7
    kept_days: Positive = 1095
    calendar_reads_per_hour: Positive = 60

    def __post_init__(self) -> None:
        if self.is_quiet(self.letter_hour):
            raise ValueError(
                f"letter_hour {self.letter_hour} – тихий час (с {self.quiet_from} до {self.quiet_until}), "
                "письма не уходили бы никогда"
            )

    def is_quiet(self, hour: int) -> bool:
        """Whether the hour of a day lies between them; the same hour twice: never."""
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= hour < self.quiet_until
        return hour >= self.quiet_from or hour < self.quiet_until
