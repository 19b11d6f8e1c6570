"""Replay: how are rows that could not be taken tried again after the mapping was mended?

Their cells lie on the desk as the source gave them. They walk the same way as rows that come from the source, only the
source is played by what was kept; other tables that the mapping looks things up in are read anew. What was published
after a row was rejected is newer than the row and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import msgspec

from lk_sync.cache.base import Base
from lk_sync.contracts import Batch, Session, Source, Totals, Wanted
from lk_sync.errors import SettingsError
from lk_sync.flow.kept import Cells
from lk_sync.flow.stage import Staged
from lk_sync.records import DATASETS
from lk_sync.store.rejects import Unsettled


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """A row to be tried again; `cells` as `kept.Cells` has them."""

    dataset: str
    where: str
    row: int
    cells: Cells


class Retold(msgspec.Struct, frozen=True):
    """Rows that `run` has rejected."""

    run: int
    rows: tuple[Again, ...]


def rows_of(rejects: Iterable[Unsettled]) -> list[Again]:
    """The rows behind rejected cells. One that was torn has no cells and is left out."""
    found: dict[tuple[str, str, int], Again] = {}
    for each in rejects:
        if each.cells is not None:
            cells = msgspec.json.decode(each.cells, type=Cells)
            place = each.dataset, each.found_in, each.row_number
            found[place] = Again(dataset=each.dataset, where=each.found_in, row=each.row_number, cells=cells)
    return [found[place] for place in sorted(found)]


def wishes(wanted: Iterable[Wanted], watermarks: Mapping[str, str]) -> tuple[Wanted, ...]:
    """The wishes of a replay: nothing vanishes by it, and it is asked from where the dataset is published up to."""
    return tuple(
        msgspec.structs.replace(
            wish,
            since=watermarks.get(wish.dataset.name, "") if wish.watermark else "",
            shaping=msgspec.structs.replace(wish.shaping, gone=None),
        )
        for wish in wanted
    )


def fit(wish: Wanted, again: Again) -> list[Any]:
    """The cells that the mapping asks for now. Raises SettingsError when a column it asks for was not kept."""
    cells = []
    by_column = dict(again.cells.fields.values())
    for field in wish.asked.fields:
        column, cell = again.cells.fields.get(field.name, (None, None))
        if column != field.column:
            if field.column not in by_column or again.cells.exact:
                raise SettingsError(
                    f"{again.dataset}, строка {again.row} ({again.where}): столбец «{field.column}» для поля "
                    f"{field.name} не был сохранён; загрузите набор заново: lk-sync pull --full"
                )
            cell = by_column[field.column]
        cells.append(cell)
    return cells


class Replay:
    """Stands for the source in the run's child. The source itself is connected to only if `looks_up`."""

    def __init__(self, source: Source, rows: Sequence[Again], *, looks_up: bool) -> None:
        self._source, self._rows, self._looks_up = source, rows, looks_up

    @contextmanager
    def connect(self) -> Iterator[Session]:
        if not self._looks_up:
            yield _Kept(self._rows, None)
            return
        with self._source.connect() as session:
            yield _Kept(self._rows, session)


class _Kept:
    """Fulfils `contracts.Session`."""

    def __init__(self, rows: Sequence[Again], session: Session | None) -> None:
        self._rows, self._session = rows, session

    def columns(self, wanted: Wanted) -> None:
        if self._session is not None and wanted.dataset.name not in DATASETS:
            self._session.columns(wanted)

    def totals(self, wanted: Wanted) -> Totals | None:
        return None

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
        name = wanted.dataset.name
        if self._session is not None and name not in DATASETS:
            yield from self._session.pull(wanted)
            return
        own = (each for each in self._rows if each.dataset == name)
        for (where, exact), found in groupby(own, key=lambda each: (each.where, each.cells.exact)):
            rows = list(found)
            columns = [list(column) for column in zip(*(fit(wanted, each) for each in rows), strict=True)]
            numbers = [each.row for each in rows]
            yield Batch(
                columns=columns, rows=len(rows), exact=exact, first_row=numbers[0], where=where, numbers=numbers
            )


def drop_older(base: Base, staged: Mapping[str, Staged], *, run: int) -> None:
    """What was published after `run` is newer than the rows that `run` has rejected."""
    for name in staged:
        same = " AND ".join(f"c.{key} = s.{key}" for key in DATASETS[name].key)
        base.execute(
            f"DELETE FROM {base.at.staging}.{name} AS s WHERE EXISTS"
            f" (SELECT 1 FROM {base.at.cache}.{name} AS c WHERE {same} AND c.run > :run)",
            {"run": run},
        )
