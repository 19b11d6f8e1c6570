"""Months: the lines of one month, or of twelve, with what was found of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from lk_sync.cache.reader import View
from lk_sync.records import Month
from portal.pages.check.inputs import inputs
from portal.pages.check.recompute import Checked, Overall, check
from portal.subject import Subject

WORST_FIRST: Final[tuple[Overall, ...]] = ("differs", "unknown", "partly", "rounding")
MOST_LINES: Final = (
    1000  # of all months together: nobody's bill has more, and a hostile one must not stop the others' pages
)


class MonthChecked(msgspec.Struct, frozen=True):
    """`metered`: services of the account that have meters. `cut`: there are more lines than a page bears."""

    period: Month
    lines: Sequence[Checked]
    metered: frozenset[str]
    cut: bool = False

    def count(self, *verdicts: Overall) -> int:
        """How many of its lines have one of the verdicts."""
        return sum(line.verdict in verdicts for line in self.lines)

    @property
    def verdict(self) -> Overall:
        """The worst of its lines."""
        found = {line.verdict for line in self.lines}
        return next((each for each in WORST_FIRST if each in found), "same")


def checked_months(
    view: View, subject: Subject, first: Month, last: Month, *, decimals: Mapping[str, int]
) -> list[MonthChecked]:
    """The months that have lines, the newest first."""
    found = view.full_charges(subject.key, first, last)
    lines = sorted(found[-MOST_LINES:], key=lambda line: view.title(line.service, line.component).position)
    published = inputs(view, subject, lines, first, last)
    units = {(line.service, line.component): view.title(line.service, line.component).unit for line in lines}
    water = {(line.period, line.service): line for line in lines if units[line.service, line.component] == "m3"}
    months: dict[Month, list[Checked]] = {}
    for line in lines:
        beside = water.get((line.period, line.service))
        checked = check(
            line,
            published,
            unit=units[line.service, line.component],
            water=None if beside is line else beside,
            decimals=decimals,
        )
        months.setdefault(line.period, []).append(checked)
    cut = len(found) > MOST_LINES
    return [MonthChecked(month, months[month], published.metered, cut) for month in sorted(months, reverse=True)]
