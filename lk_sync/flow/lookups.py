"""Lookups: what does another table of the source say for a key?

A table is read once in a run, through the same session, and kept in memory: key as text → value in its exact form. A
key that stands twice with different values gives none, for nobody knows which is right.
"""

from __future__ import annotations

from typing import Any

from lk_sync.contracts import Session, Wanted
from lk_sync.flow.formula import Table, in_text
from lk_sync.flow.validate import Unfit, Validated, Validator


class Lookups:
    """Tables of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[str, Table] = {}

    def tables(self, wanted: Wanted) -> list[Table]:
        """The lookups of a wish, in its order."""
        return [self._table(wish) for wish in wanted.shaping.lookups]

    def _table(self, wish: Wanted) -> Table:
        same = repr((wish.table, wish.query, wish.file, wish.fields, wish.options, wish.time_zone))
        if same not in self._read:
            self._read[same] = self._pulled(wish)
        return self._read[same]

    def _pulled(self, wish: Wanted) -> Table:
        table: dict[str, Any] = {}
        validate = Validator(wish)
        for batch in self._session.pull(wish):
            _add(table, validate(batch), of_accounts=wish.fields[1].kind == "account")
        return table


def _add(table: dict[str, Any], seen: Validated, *, of_accounts: bool) -> None:
    keys, values = seen.columns
    for key, value in zip(keys, in_text(values) if of_accounts else values, strict=True):
        if table.setdefault(key, value) != value:
            table[key] = Unfit("строк с этим ключом несколько, и значения у них разные")
    for reject in seen.rejects:
        table[reject.key.strip()] = Unfit(reject.reason)
