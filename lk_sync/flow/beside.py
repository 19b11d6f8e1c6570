"""Beside: how do several sources feed one dataset, so that nothing is there twice and nothing is missing?

A source that stands `beside` another brings rows of which many are the same things (payments by the bank's register
and by the books). What is paired with a row of the first source (`cache.pairing`) is left out, but not forgotten: it
lies in `aside_<dataset>`, and comes back when the first source takes its row away. In whichever order the two come, the
outcome is the same.

Before the differences are found, what is staged is arranged: rows that are left out are taken out of it, rows that come
back are added, keys that end because the first source has brought them are noted. All of it can be arranged anew when
somebody else has published meanwhile. Totals were compared with what the source said before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from lk_sync.cache import pairing, schema
from lk_sync.cache.base import Base
from lk_sync.flow.stage import Staged
from lk_sync.records import DATASETS, Dataset

NOBODY: Final = -1
_RELATION: Final = ("dataset", "source", "beside", "match", "match_days")
_MATCH: Final = msgspec.json.Decoder(tuple[str, ...])


class Relation(msgspec.Struct, frozen=True):
    """`second` stands beside `first`: ids of sources."""

    first: int
    second: int
    match: tuple[str, ...]
    days: int


def arrange(base: Base, what: Staged, *, source: str) -> None:
    """Arranges what is staged of one dataset. Safe to repeat."""
    relations = list(_relations(base, what, source))
    if not (relations or what.arranged):
        return
    one = _Arranging(base, what, _id(base, source))
    one.undo()
    for relation in relations:
        one.pair(relation)
    what.arranged = True


def _relations(base: Base, what: Staged, source: str) -> Iterator[Relation]:
    if what.beside is not None:
        yield Relation(_id(base, what.beside), _id(base, source), what.match, what.match_days)
    elif _is_noted(base, what, source):  # it stands beside nobody any more: all of it comes back
        yield Relation(NOBODY, _id(base, source), (), 0)
    rows = base.execute(
        f"SELECT source, match, match_days FROM {base.at.cache}.besides"
        " WHERE dataset = :dataset AND beside = :source ORDER BY source",
        {"dataset": what.dataset, "source": source},
    ).fetchall()
    for second, match, days in rows:
        yield Relation(_id(base, source), _id(base, second), _MATCH.decode(match), days)


def _is_noted(base: Base, what: Staged, source: str) -> bool:
    sql = f"SELECT 1 FROM {base.at.cache}.besides WHERE dataset = :dataset AND source = :source"
    return base.execute(sql, {"dataset": what.dataset, "source": source}).fetchone() is not None


def _id(base: Base, source: str) -> int:
    row = base.execute(f"SELECT id FROM {base.at.cache}.sources WHERE name = :name", {"name": source}).fetchone()
    return NOBODY if row is None else int(row[0])


class _Arranging:
    """One dataset of one run. Tables beside the staged one:

    moved      rows that were staged and are left out         returned   keys of rows that came back into it
    copied     published rows of the second source that       ended      keys of these that end by it
               a row of the first one stands for now
    """

    def __init__(self, base: Base, what: Staged, own: int) -> None:
        self._base, self._what, self._own = base, what, own
        self._dataset = dataset = DATASETS[what.dataset]
        cache, staging = base.at.cache, base.at.staging
        self._cache, self._aside = f"{cache}.{dataset.name}", f"{cache}.{schema.aside(dataset)}"
        self._staged, self._gone = f"{staging}.{dataset.name}", f"{staging}.gone_{dataset.name}"
        self._moved, self._copied, self._returned, self._ended = _tables(base, dataset)
        self._key = ", ".join(dataset.key)
        self._columns = ", ".join(schema.columns(dataset))
        for table, columns in (
            (self._moved, self._columns),
            (self._copied, self._columns),
            (self._returned, self._key),
            (self._ended, self._key),
        ):
            base.execute(f"CREATE TABLE IF NOT EXISTS {table} AS SELECT {columns} FROM {self._cache} WHERE 1 = 0")

    def undo(self) -> None:
        """Staged is again what was staged."""
        execute = self._base.execute
        execute(f"DELETE FROM {self._staged} WHERE ({self._key}) IN (SELECT {self._key} FROM {self._returned})")
        execute(f"INSERT INTO {self._staged} ({self._columns}) SELECT {self._columns} FROM {self._moved}")
        for table in (self._moved, self._copied, self._returned, self._ended):
            execute(f"DELETE FROM {table}")

    def pair(self, relation: Relation) -> None:
        pairing.pair(
            self._base,
            self._dataset,
            self._rows_of(relation.first),
            self._second(relation.second),
            match=relation.match,
            days=relation.days,
        )
        out = pairing.left_out(self._dataset)
        self._leave_out(relation.second, out)
        self._bring_back(relation.second, out)

    def _rows_of(self, origin: int) -> str:
        """What will be published of a source: what is staged of it, and what stands of what was."""
        published = f"SELECT {self._columns} FROM {self._cache} AS s WHERE s.origin = {origin:d}"
        if origin != self._own:
            return published
        staged = f"SELECT {self._columns} FROM {self._staged} AS s WHERE s.origin = {origin:d}"
        if self._is_snapshot:
            return staged
        return f"{staged} UNION ALL {published} AND NOT {self._in(self._staged)} AND NOT {self._in(self._gone)}"

    def _second(self, origin: int) -> str:
        """The same of the second source, and what lies aside of it."""
        rows = self._rows_of(origin)
        aside = self._lying_aside(origin)
        if origin == self._own:
            if self._is_snapshot:
                return rows
            aside += f" AND NOT {self._in(self._staged)} AND NOT {self._in(self._gone)}"
        return f"{rows} UNION ALL {aside}"

    def _lying_aside(self, origin: int) -> str:
        """Without what is published, and without what a run brought that was taken back."""
        published = f"SELECT {self._key} FROM {self._cache} WHERE origin = {origin:d}"
        back = f"SELECT reverts FROM {self._base.at.cache}.published_runs WHERE reverts IS NOT NULL"
        return (
            f"SELECT {self._columns} FROM {self._aside} AS s WHERE s.origin = {origin:d}"
            f" AND NOT ({self._cells('s')}) IN ({published}) AND s.run NOT IN ({back})"
        )

    @property
    def _is_snapshot(self) -> bool:
        return self._what.mode == "full" and self._what.absent_ends

    def _in(self, table: str) -> str:
        return f"({self._cells('s')}) IN (SELECT {self._key} FROM {table})"

    def _cells(self, alias: str) -> str:
        return ", ".join(f"{alias}.{name}" for name in self._dataset.key)

    def _leave_out(self, origin: int, out: str) -> None:
        """Published rows end unless a row with their key is staged, which then stands in their place."""
        execute, columns = self._base.execute, self._columns
        published = f"FROM {self._cache} AS s WHERE s.origin = {origin:d} AND {out}"
        if origin == self._own:
            execute(
                f"INSERT INTO {self._moved} SELECT {columns} FROM {self._staged} AS s"
                f" WHERE s.origin = {origin:d} AND {out}"
            )
            execute(f"DELETE FROM {self._staged} WHERE ({self._key}) IN (SELECT {self._key} FROM {self._moved})")
            published += f" AND NOT {self._in(self._moved)}"
        execute(f"INSERT INTO {self._copied} SELECT {columns} {published}")
        ending = f"SELECT {self._cells('s')} FROM {self._cache} AS s WHERE s.origin = {origin:d} AND {out}"
        execute(f"INSERT INTO {self._ended} {ending} AND NOT {self._in(self._staged)}")

    def _bring_back(self, origin: int, out: str) -> None:
        """Rows that lie aside and are no longer paired."""
        free = f"{self._lying_aside(origin)} AND NOT {out} AND NOT {self._in(self._staged)}"
        if origin == self._own:
            if self._is_snapshot:
                return
            free += f" AND NOT {self._in(self._gone)} AND NOT {self._in(self._moved)}"
        names = schema.columns(self._dataset)
        cells = ", ".join(f"{self._what.run:d}" if name == "run" else name for name in names)
        keys = f"SELECT {self._key} FROM ({free}) AS r"
        self._base.execute(f"INSERT INTO {self._returned} {keys}")
        self._base.execute(f"INSERT INTO {self._staged} ({self._columns}) SELECT {cells} FROM ({free}) AS r")


def _tables(base: Base, dataset: Dataset) -> tuple[str, str, str, str]:
    moved, copied, returned, ended = (
        f"{base.at.staging}.{word}_{dataset.name}" for word in ("moved", "copied", "returned", "ended")
    )
    return moved, copied, returned, ended


def ended(base: Base, what: Staged) -> str | None:
    """The table of keys that end because the first source has brought them."""
    return _tables(base, DATASETS[what.dataset])[3] if what.arranged else None


def pulled(base: Base, what: Staged) -> str:
    """What the source has brought, before anything was left out of it: a table or a query in brackets."""
    staged = f"{base.at.staging}.{what.dataset}"
    if not what.arranged:
        return staged
    moved, _, returned, _ = _tables(base, DATASETS[what.dataset])
    key, columns = ", ".join(DATASETS[what.dataset].key), ", ".join(schema.columns(DATASETS[what.dataset]))
    return (
        f"(SELECT {columns} FROM {staged} WHERE NOT ({key}) IN (SELECT {key} FROM {returned})"
        f" UNION ALL SELECT {columns} FROM {moved})"
    )


def keep(base: Base, staged: Mapping[str, Staged], *, source: str) -> None:
    """Inside the publication: what was left out lies aside from now on, and who stands beside whom is noted."""
    for what in staged.values():
        if what.arranged:
            _keep_rows(base, what, _id(base, source))
        _keep_relation(base, what, source)


def _keep_rows(base: Base, what: Staged, own: int) -> None:
    dataset = DATASETS[what.dataset]
    moved, copied, _, _ = _tables(base, dataset)
    aside, key = f"{base.at.cache}.{schema.aside(dataset)}", ", ".join(dataset.key)
    columns = schema.columns(dataset)
    own_rows = f"DELETE FROM {aside} WHERE origin = :own"
    if what.mode == "full" and what.absent_ends:
        base.execute(f"{own_rows} AND NOT ({key}) IN (SELECT {key} FROM {moved})", {"own": own})
    else:
        gone = f"{base.at.staging}.gone_{dataset.name}"
        base.execute(f"{own_rows} AND ({key}) IN (SELECT {key} FROM {gone})", {"own": own})
    assign = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in (*dataset.key, "origin"))
    for table in (copied, moved):
        base.execute(
            f"INSERT INTO {aside} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM {table} WHERE 1 = 1"
            f" ON CONFLICT (origin, {key}) DO UPDATE SET {assign}"
        )


def _keep_relation(base: Base, what: Staged, source: str) -> None:
    own = {"dataset": what.dataset, "source": source}
    if what.beside is None:
        base.execute(f"DELETE FROM {base.at.cache}.besides WHERE dataset = :dataset AND source = :source", own)
        return
    base.execute(
        f"INSERT INTO {base.at.cache}.besides ({', '.join(_RELATION)})"
        " VALUES (:dataset, :source, :beside, :match, :days) ON CONFLICT (dataset, source) DO UPDATE SET"
        " beside = excluded.beside, match = excluded.match, match_days = excluded.match_days",
        own | {"beside": what.beside, "match": msgspec.json.encode(what.match).decode(), "days": what.match_days},
    )
