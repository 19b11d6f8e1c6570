"""Past: what has changed, for whom and by which runs, and to whom does a day matter?

A part of the reader's picture (`reader.View`): questions of the change journal, and questions about many accounts at
once, which are for engines and commands and not for pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lk_sync.cache.doors import Door
from lk_sync.records import Dataset, Day, Instant, Kopecks, Month


class Past:
    """Statements are those of `reader.sql`."""

    _door: Door
    _sql: dict[str, str]

    def first_load(self, dataset: str) -> Instant | None:
        """When the dataset was first published; None: never."""
        row = self._row("first_load", dataset=dataset)
        return None if row is None else row[0]

    def stored(self, dataset: Dataset, account: int) -> list[tuple[Any, ...]]:
        """All rows of an account as they lie there: every column of the dataset, codes as numbers."""
        sql = f"SELECT {', '.join((*dataset.columns, 'extra'))} FROM {dataset.name} WHERE account = :account"
        return self._door.execute(sql, {"account": account}).fetchall()

    def changes_of(self, dataset: str, account: int, since: Instant) -> list[tuple[str, str | None]]:
        """(key, what stood there before) as JSON, of every change published at `since` or later, latest first."""
        return self._rows("changes_of", dataset=dataset, account=account, since=since)

    def news(self, run: int) -> Iterator[tuple[int, str, str, str | None, str | None]]:
        """(account, dataset, key, was, now) of every change of bills and money by runs after `run`, account by account,
        in the order of the runs. May be long: read it while the view is open, and not on the event loop."""
        return self._each("news", run=run)

    def newest_run(self) -> int:
        """The latest run that is published; 0: none is."""
        row = self._row("newest_run")
        return int(row[0] or 0) if row else 0

    def changed_accounts(self, run: int, upto: int, *, after: int) -> Iterator[int]:
        """Keys of accounts of whose bills and money the runs after `run` and up to `upto` have changed something, those
        after `after`. Read it as `news`."""
        return (row[0] for row in self._each("changed_accounts", run=run, upto=upto, after=after))

    def news_of(self, account: int, run: int) -> list[tuple[int, str, str, str | None, str | None]]:
        """(run, dataset, key, was, now) of every change of an account's bills and money by runs after `run`."""
        return self._rows("news_of", account=account, run=run)

    def month_totals(self, account: int, period: Month) -> tuple[Kopecks, Kopecks]:
        """All that was charged for a month, and all penalties of it."""
        charged, penalty = self._row("month_totals", account=account, period=period) or (0, 0)
        return int(charged or 0), int(penalty or 0)

    def meters_due(self, first: Day, last: Day, *, after: int) -> Iterator[int]:
        """Keys of accounts with a meter that is due from `first` to `last`, those after `after`. Read it as `news`."""
        return (row[0] for row in self._each("meters_due", first=first, last=last, after=after))

    def works_ahead(self, now: Instant, lately: Instant) -> list[tuple[Any, ...]]:
        """As `works.ahead` makes sense of them."""
        return self._rows("works_ahead", now=now, lately=lately)

    def accounts_of(self, building: int, *, after: int) -> Iterator[int]:
        """Keys of accounts of a house, those after `after`. Read it as `news`."""
        return (row[0] for row in self._each("accounts_of", building=building, after=after))

    def building_of(self, account: int) -> int | None:
        """The code of the house of an account."""
        row = self._row("building_of", account=account)
        return None if row is None else row[0]

    def number_of(self, account: int) -> str | None:
        row = self._row("number_of", account=account)
        return None if row is None else str(row[0])

    def _row(self, name: str, **parameters: Any) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._door.execute(self._sql[name], parameters).fetchone()
        return found

    def _rows(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._door.execute(self._sql[name], parameters).fetchall()

    def _each(self, name: str, **parameters: Any) -> Iterator[tuple[Any, ...]]:
        return self._door.each(self._sql[name], parameters)

    def each(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement of another module of the cache, which may be many: not on the event loop."""
        return self._door.each(sql, parameters)
