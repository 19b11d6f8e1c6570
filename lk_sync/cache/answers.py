"""Answers: what has the supplier said to requests?

A part of the reader's picture (`reader.View`). A request is known here by the number that people are told, and by
nothing else: whose it is stands in the store.
"""

from __future__ import annotations

from typing import NamedTuple

from lk_sync.cache.past import Past
from lk_sync.records import Day


class AnswerRow(NamedTuple):
    """`state`: in_work, answered, refused."""

    request: str
    answer: str
    state: str
    text: str | None
    answered_on: Day

    @property
    def is_last(self) -> bool:
        return self.state != "in_work"


class Answers(Past):
    """Statements are those of `reader.sql`."""

    _codes: dict[int, str]

    def answers_to(self, request: str) -> list[AnswerRow]:
        """In the order in which they were given."""
        codes = self._codes
        return [
            AnswerRow._make((*row[:2], codes[row[2]], *row[3:])) for row in self._rows("answers_to", request=request)
        ]

    def answers_since(self, run: int, *, after: tuple[str, str], most: int) -> list[AnswerRow]:
        """What runs after `run` have brought or changed, by request and answer, after one of them."""
        codes = self._codes
        rows = self._rows("answers_since", run=run, request=after[0], answer=after[1], most=most)
        return [AnswerRow._make((*row[:2], codes[row[2]], *row[3:])) for row in rows]
