"""One pass: how is a server read that packs no pages, and what does its dialect not have to say?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn

from connectors.sql.dialect import Ask, Page, Row, Where, select
from connectors.sql.relation import Column, Relation


class OnePass:
    """Fulfils what `connectors.sql.dialect.Dialect` wants of pages for one that never makes any."""

    packs = False
    shares_moments = False
    shifts_years = False

    def nothing(self) -> Where:
        return Where("1 = 0")

    def stream(
        self, ask: Ask, relation: Relation, cells: Sequence[str], where: Where, *, rows: int
    ) -> Iterator[list[Row]]:
        yield from ask.stream(select(cells, relation, where), *where.parameters, rows=rows)

    def number(self, column: Column, *, digits: int) -> str:
        _never()

    def account(self, column: Column) -> str:
        _never()

    def day(self, column: Column, *, time_zone: str) -> str | None:
        _never()

    def flag(self, column: Column) -> str:
        _never()

    def text(self, column: Column, *, keeps_empty: bool) -> str:
        _never()

    def place(self, column: Column, words: Sequence[str], *, null: bool) -> str:
        _never()

    def page(self, page: Page) -> str:
        _never()

    def words(self, relation: Relation, column: Column, where: Where, *, most: int) -> str:
        _never()

    def share_moment(self) -> str:
        _never()

    def join_moment(self, name: str) -> str:
        _never()

    def bound(self, relation: Relation, column: Column, where: Where, *, rows: int) -> str:
        _never()

    def between(self, column: Column, after: str | None, until: str | None) -> Where:
        _never()

    def absent(self, column: Column) -> Where:
        _never()

    def blocks(self, first: int, end: int | None) -> Where:
        _never()


def _never() -> NoReturn:
    raise NotImplementedError("этот сервер читается за один проход, страниц у него не просят")
