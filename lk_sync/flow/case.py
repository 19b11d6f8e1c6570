"""Case: what does a rule of the check have before it?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from lk_sync.cache import merge
from lk_sync.cache.base import Base
from lk_sync.cache.outlook import Outlook
from lk_sync.flow import stage
from lk_sync.flow.publish import NOBODY, Differences
from lk_sync.flow.stage import Staged
from lk_sync.guards import Guards
from lk_sync.records import DATASETS


class Known(NamedTuple):
    """What the cache says of a dataset of this source."""

    published_at: str
    watermark: str | None


class Case:
    """A staged run beside the cache, with what publishing it would change. `now`: on the supplier's clock."""

    def __init__(
        self,
        base: Base,
        staged: Mapping[str, Staged],
        guards: Mapping[str, Guards],
        differences: Differences,
        *,
        source: str,
        now: datetime,
    ) -> None:
        self.base, self.staged, self.guards, self.differences, self.now = base, staged, guards, differences, now
        self.words = stage.words(base)
        self._own = {"origin": NOBODY if differences.origin is None else differences.origin}
        self._published: dict[str, bool] = {}
        sql = f"SELECT dataset, published_at, watermark FROM {base.at.cache}.dataset_state WHERE source = :source"
        self.known = {name: Known(*rest) for name, *rest in base.execute(sql, {"source": source}).fetchall()}

    def outlook(self, name: str) -> Outlook:
        """How dataset `name` will look, whether this run brings it or not."""
        what = self.staged.get(name)
        return Outlook(
            self.base,
            DATASETS[name],
            staged=what is not None,
            merged=self.differences.merged.get(name),
            snapshot=what is not None and what.mode == "full" and what.absent_ends,
        )

    def published(self, name: str) -> bool:
        """Whether anything of it is published."""
        if name not in self._published:
            self._published[name] = not merge.is_empty(self.base, f"{self.base.at.cache}.{name}")
        return self._published[name]

    def own_rows(self, name: str) -> int:
        """How many rows of this source are published."""
        if not self.published(name):
            return 0
        return self.number(f"SELECT COUNT(*) FROM {self.base.at.cache}.{name} WHERE origin = :origin")

    def row(self, sql: str, **parameters: Any) -> list[int]:
        """The one row of an answer of numbers."""
        return [int(cell or 0) for cell in self.base.execute(sql, {**self._own, **parameters}).fetchone()]

    def rows(self, sql: str, **parameters: Any) -> list[Any]:
        return self.base.execute(sql, {**self._own, **parameters}).fetchall()

    def number(self, sql: str, **parameters: Any) -> int:
        return self.row(sql, **parameters)[0]

    def is_share(self, part: int, percent: int, table: str, *, least: int) -> bool:
        """Whether `part` is more than so many percent of the table's rows, which are counted no further than needed."""
        if part < least:
            return False
        return percent == 0 or merge.is_shorter(self.base, table, -(-100 * part // percent))
