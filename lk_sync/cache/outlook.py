"""Outlook: which rows will a dataset have once what is staged is published, said in SQL before it is?

What a run touches is found in its scratch table; how the row of any other key will look is asked by key: the staged
one, else the published one unless it ends. Nothing here reads a whole table, except on the first load, when all of it
is touched.
"""

from __future__ import annotations

from collections.abc import Mapping

from lk_sync.cache import merge
from lk_sync.cache.base import Base
from lk_sync.cache.merge import Merged
from lk_sync.records import Dataset


class Outlook:
    """One dataset. `merged`: what the run changes of it; None = all of it is new. `snapshot`: rows of the source with
    the id `:origin` that are not staged end. Statements get `:origin` as a parameter."""

    def __init__(self, base: Base, dataset: Dataset, *, staged: bool, merged: Merged | None, snapshot: bool) -> None:
        self.dataset = dataset
        self.is_staged, self.first = staged, staged and merged is None
        self.changed = self.first or (merged is not None and merged.changed)
        self.cache = f"{base.at.cache}.{dataset.name}"
        self.staged = f"{base.at.staging}.{dataset.name}"
        self._gone = f"{base.at.staging}.gone_{dataset.name}"
        self.scratch = f"{base.at.scratch}.{merge.differing(dataset)}"
        self._snapshot = snapshot

    @property
    def touched(self) -> str:
        """The rows `s` that are new or change, as what follows FROM; a condition may follow by AND."""
        if self.first:
            return f"{self.staged} AS s WHERE 1 = 1"
        return self.touched_joined("")

    def touched_joined(self, joins: str) -> str:
        """As `touched`, with more tables beside."""
        if self.first:
            return f"{self.staged} AS s {joins} WHERE 1 = 1"
        same = self.same("d", "s")
        return f"{self.scratch} AS d JOIN {self.staged} AS s ON {same} {joins} WHERE d.act <> 'end'"

    def same(self, left: str, right: str) -> str:
        return " AND ".join(f"{left}.{name} = {right}.{name}" for name in self.dataset.key)

    def beside(self, alias: str, key: Mapping[str, str]) -> str:
        """Joins the row that will have this key, if any; its cells are had by `cell`."""
        joins = []
        if self.is_staged:
            joins.append(f"LEFT JOIN {self.staged} AS {alias}_s ON {self.is_at(f'{alias}_s', key)}")
        if not self.first:
            stays = f" AND {self.stays(f'{alias}_c')}" if self.is_staged else ""
            joins.append(f"LEFT JOIN {self.cache} AS {alias}_c ON {self.is_at(f'{alias}_c', key)}{stays}")
        return " ".join(joins)

    def cell(self, alias: str, column: str) -> str:
        """A required cell of the row that `beside` joined; NULL when there is none."""
        of_staged, of_cache = f"{alias}_s.{column}", f"{alias}_c.{column}"
        if not self.is_staged:
            return of_cache
        return of_staged if self.first else f"COALESCE({of_staged}, {of_cache})"

    def stays(self, alias: str) -> str:
        """Whether the published row `alias` does not end, as long as no staged one has its key."""
        if self._snapshot:
            return f"{alias}.origin <> :origin"
        return f"NOT EXISTS (SELECT 1 FROM {self._gone} AS g WHERE {self.same('g', alias)})"

    def unstaged(self, alias: str) -> str:
        """Whether no staged row has the key of `alias`."""
        return f"NOT EXISTS (SELECT 1 FROM {self.staged} AS z WHERE {self.same('z', alias)})"

    def sums_of(self, keys: str, columns: tuple[str, ...], amount: str) -> str:
        """The sum of `amount` over the rows that will be there, for each of `keys`, a table of these key columns; a key
        without rows is absent."""
        names = ", ".join(f"k.{name}" for name in columns)
        same = " AND ".join(f"x.{name} = k.{name}" for name in columns)
        rows = f"SELECT {names}, x.{amount} AS amount FROM {keys} AS k JOIN"
        parts = [f"{rows} {self.staged} AS x ON {same}"] if self.is_staged else []
        if not self.first:
            stays = f" WHERE {self.unstaged('x')} AND {self.stays('x')}" if self.is_staged else ""
            parts.append(f"{rows} {self.cache} AS x ON {same}{stays}")
        plain = ", ".join(columns)
        return f"SELECT {plain}, SUM(amount) AS amount FROM ({' UNION ALL '.join(parts)}) AS u GROUP BY {plain}"

    @staticmethod
    def is_at(alias: str, key: Mapping[str, str]) -> str:
        return " AND ".join(f"{alias}.{name} = {value}" for name, value in key.items())


def month_after(period: str) -> str:
    """The expression of the next month."""
    return f"CASE WHEN {period} - {period} / 100 * 100 = 12 THEN {period} + 89 ELSE {period} + 1 END"


def month_before(period: str) -> str:
    return f"CASE WHEN {period} - {period} / 100 * 100 = 1 THEN {period} - 89 ELSE {period} - 1 END"
