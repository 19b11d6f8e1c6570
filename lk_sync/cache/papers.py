"""Papers: what does a printed bill say beside what the pages show, and for whom is one printed?

A part of the reader's picture (`reader.View`). The name of the payer leaves the cache here and nowhere else: no page
shows it.
"""

from __future__ import annotations

from typing import NamedTuple

from lk_sync.cache.past import Past
from lk_sync.records import Day, Kopecks, Month


class PaperRow(NamedTuple):
    """A bill of a month. `extra` as it lies there."""

    number: str
    issued_on: Day
    due_on: Day | None
    paid_until: Day | None
    amount_due_kopecks: Kopecks
    state: str
    extra: str | None


class Papers(Past):
    """Statements are those of `reader.sql`."""

    _codes: dict[int, str]
    _ids: dict[str, int]

    def payer(self, account: int) -> str:
        """Whom the accounting system calls the holder of an account; empty: the cache does not hold the account."""
        row = self._row("payer", account=account)
        return "" if row is None else str(row[0])

    def papers(self, account: int, period: Month) -> list[PaperRow]:
        """The bills of a month in the order they were issued, withdrawn ones too."""
        codes, found = self._codes, self._rows("papers", account=account, period=period)
        return [PaperRow._make((*row[:5], codes[row[5]], row[6])) for row in found]

    def billed(self, period: Month, *, after: int | None, most: int) -> list[tuple[int, str]]:
        """Key and number of accounts with a bill of a month that stands, after a key, in the order of keys."""
        least = -(2**63) if after is None else after + 1
        state = self._ids.get("issued", -1)
        return [(row[0], row[1]) for row in self._rows("billed", period=period, least=least, state=state, most=most)]
