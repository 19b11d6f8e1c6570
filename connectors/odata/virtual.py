"""Virtual: how are the rows of a virtual table had: balances, turnovers, slices?

A virtual table is computed anew for every question and comes whole, so it is not read by pages. Its rows have no order,
so they are put in one here. Apostrophes within a condition are written in one way by some bases, in another by others:
the way that is not refused is kept for the session.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from connectors.odata import pages
from connectors.odata.asking import Asking
from connectors.odata.reading import Manners, answered
from connectors.odata.resource import MONTH
from connectors.odata.spool import Spool
from connectors.odata.wire import Wire
from lk_sync.errors import BadData, SettingsError

PART_ROWS: Final = 10_000


def whole(wire: Wire, asking: Asking, manners: Manners) -> Spool:
    """All rows of all months."""
    spool = Spool()
    try:
        for found in _answers(wire, asking, manners):
            for start in range(0, len(found), PART_ROWS):
                rows = found[start : start + PART_ROWS]
                spool.add(pages.rows(rows, asking.columns, until=asking.now.isoformat()))
    except BaseException:
        spool.close()
        raise
    return spool


def _answers(wire: Wire, asking: Asking, manners: Manners) -> Iterator[list[Any]]:
    if manners.doubles_quotes is None:
        manners.doubles_quotes = "''" in asking.condition()  # an apostrophe of a text would end the condition
    try:
        first = list(_first(wire, asking, doubled=manners.doubles_quotes))
    except SettingsError:
        if "'" not in asking.condition() or manners.doubles_quotes:
            raise
        manners.doubles_quotes = True
        first = list(_first(wire, asking, doubled=True))
    yield from first
    for question in list(asking.questions(doubled=manners.doubles_quotes))[1:]:
        yield _answer(wire, asking, question.path, question.month)


def _first(wire: Wire, asking: Asking, *, doubled: bool) -> Iterator[list[Any]]:
    question = next(asking.questions(doubled=doubled))
    yield _answer(wire, asking, question.path, question.month)


def _answer(wire: Wire, asking: Asking, path: str, month: str | None) -> list[Any]:
    found = answered(wire, path, asking.query())
    asking.obeyed(found)
    if month is not None:
        for row in found:
            if isinstance(row, dict):
                row[MONTH] = month
    key = asking.columns.key
    found.sort(key=lambda row: pages.key_of(row, asking.columns))
    keys = [pages.key_of(row, asking.columns) for row in found]
    if any(one == other and not one.startswith(pages.FAULT) for one, other in pairwise(keys)):
        raise BadData(
            f"{asking.resource.title}: одни и те же измерения ({', '.join(key)}) пришли дважды; проверьте options"
        )
    return found
