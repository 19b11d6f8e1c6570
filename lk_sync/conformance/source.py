"""Source: what does a source promise of the rows that it brings?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any, Final
from unittest import SkipTest

import msgspec

from lk_sync.conformance import both
from lk_sync.conformance.case import Increment, SourceCase, given, keep, refused
from lk_sync.conformance.forms import fits
from lk_sync.contracts import Batch, Session, Totals, Wanted
from lk_sync.errors import SchemaDrift
from lk_sync.flow.since import overlapped
from lk_sync.flow.validate import Validated, Validator

MAX_ROWS: Final = 20_000
NO_SUCH_COLUMN: Final = "нет_такого_столбца_7f3a"

SourcePromise = Callable[[SourceCase], None]


def every_column_that_is_there_is_found(case: SourceCase) -> None:
    with case.make().connect() as session:
        for wanted in (wish.asked for wish in case.wanted):
            session.columns(wanted)


def a_missing_column_is_named(case: SourceCase) -> None:
    with case.make().connect() as session:
        for wanted in (wish.asked for wish in case.wanted):
            *others, last = wanted.fields
            spoilt = (*others, msgspec.structs.replace(last, column=NO_SUCH_COLUMN))
            look = partial(session.columns, msgspec.structs.replace(wanted, fields=spoilt))
            error = refused(case, SchemaDrift, f"columns() of {wanted.dataset.name} without one of its columns", look)
            keep(NO_SUCH_COLUMN in str(error), f"the error names the missing column: {error}")


def batches_are_even_and_small(case: SourceCase) -> None:
    for wanted, batches in _pulled(case):
        for batch in batches:
            lengths = {len(column) for column in batch.columns}
            at = f"{wanted.dataset.name}, from row {batch.first_row}"
            keep(len(batch.columns) == len(wanted.fields), f"{at}: one column per wanted field")
            keep(lengths == {batch.rows}, f"{at}: columns of {batch.rows} cells each, not {sorted(lengths)}")
            keep(batch.rows <= MAX_ROWS, f"{at}: at most {MAX_ROWS} rows, not {batch.rows}")
            keep(bool(batch.where), f"{at}: says where its rows come from")


def rows_are_numbered_without_gaps(case: SourceCase) -> None:
    for wanted, batches in _pulled(case):
        keep(all(batch.first_row >= 1 for batch in batches), f"{wanted.dataset.name}: rows are counted from 1")
        for one, other in pairwise(batches):
            seen = f"{wanted.dataset.name}: {one.rows} rows from {one.first_row}, then from {other.first_row}"
            keep(other.first_row == one.first_row + one.rows, seen)


def every_row_comes_once(case: SourceCase) -> None:
    for wanted, batches in _pulled(case):
        keys = _keys(wanted, batches)
        name, expected = wanted.dataset.name, case.rows[wanted.dataset.name]
        keep(len(keys) == expected, f"{name}: {expected} rows at the peer, {len(keys)} came")
        keep(len(set(keys)) == len(keys), f"{name}: {len(keys) - len(set(keys))} keys came more than once")


def every_cell_fits_its_field(case: SourceCase) -> None:
    for wanted, batches in _pulled(case):
        for batch in batches:
            seen = Validator(wanted)(batch)
            keep(not seen.rejects, f"{wanted.dataset.name}: every row is taken, not {seen.rejects[:3]}")
            for field, column in zip(wanted.fields, seen.columns, strict=True):
                for cell in column:
                    at = f"{wanted.dataset.name}.{field.name} ({field.kind})"
                    keep(fits(field, cell, exact=batch.exact), f"{at}: {cell!r} has not the form of its kind")


def fewer_fields_bring_the_same_rows(case: SourceCase) -> None:
    with case.make().connect() as session:
        for wanted in (wish.asked for wish in case.wanted):
            keys = tuple(field for field in wanted.fields if field.name in wanted.dataset.key)
            fewer = msgspec.structs.replace(wanted, fields=keys)
            same = _keys(wanted, list(session.pull(wanted))) == _keys(fewer, list(session.pull(fewer)))
            keep(same, f"{wanted.dataset.name}: the key alone brings the same rows in the same order")


def totals_are_what_is_pulled(case: SourceCase) -> None:
    said: list[Totals] = []
    with case.make().connect() as session:
        for wanted in (wish.asked for wish in case.wanted):
            if (totals := session.totals(wanted)) is not None:
                said.append(totals)
                _same_totals(wanted, totals, list(session.pull(wanted)))
    if not said:
        raise SkipTest("the source says no totals of these datasets")


def _same_totals(wanted: Wanted, said: Totals, batches: list[Batch]) -> None:
    name, rows = wanted.dataset.name, sum(batch.rows for batch in batches)
    keep(said.rows == rows, f"{name}: totals() say {said.rows} rows, {rows} came")
    table = dict(zip((field.name for field in wanted.fields), _table(wanted, batches), strict=True))
    for field, kopecks in said.sums.items():
        keep(field in table, f"{name}: totals() say a sum of {field}, which was not asked for")
        came = sum(filter(None, table[field]))
        keep(came == kopecks, f"{name}.{field}: totals() say {kopecks} kopecks, {came} came")


def watermarks_sort_as_text(case: SourceCase) -> None:
    for wanted in _marked(case):
        with case.make().connect() as session:
            marks = [batch.watermark for batch in session.pull(wanted) if batch.rows]
        keep(None not in marks, f"{wanted.dataset.name}: every batch of rows has a watermark")
        texts = [mark for mark in marks if mark is not None]
        keep(sorted(texts) == sorted(texts, key=_moment), f"{wanted.dataset.name}: {texts} sort as they are later")


def an_increment_brings_everything_since(case: SourceCase) -> None:
    for wanted in _marked(case):
        with case.make().connect() as session:
            full = list(session.pull(wanted))
            newest = max(batch.watermark or "" for batch in full)
            for increment in (Increment(newest, 1), case.increments[wanted.dataset.name]):
                _increment(session, wanted, full, increment)


def _increment(session: Session, wanted: Wanted, full: list[Batch], increment: Increment) -> None:
    """More rows than asked for are allowed (a source of whole files), fewer never."""
    name, since = wanted.dataset.name, overlapped(increment.since, 0)
    part = list(session.pull(msgspec.structs.replace(wanted, since=since)))
    keys, known = _keys(wanted, part), set(_keys(wanted, full))
    keep(len(keys) >= increment.rows, f"{name} since {since}: {increment.rows} rows at the peer, {len(keys)} came")
    keep(set(keys) <= known, f"{name} since {since}: rows come that the full pull does not have")
    newest = [max((batch.watermark or "" for batch in batches), default="") for batches in (full, part)]
    keep(newest[0] == newest[1], f"{name} since {since}: its newest watermark is {newest[1]}, not {newest[0]}")


def a_pull_that_is_left_half_way_harms_nothing(case: SourceCase) -> None:
    source, wanted = case.make(), case.wanted[0].asked
    with source.connect() as session:
        next(iter(session.pull(wanted)), None)
    with source.connect() as session:
        whole = len(_keys(wanted, list(session.pull(wanted))))
    keep(whole == case.rows[wanted.dataset.name], f"the next session pulls all rows, not {whole}")


def _marked(case: SourceCase) -> list[Wanted]:
    """The wishes with a watermark."""
    marked = [wanted.asked for wanted in case.wanted if wanted.watermark is not None]
    return given(marked or None, "wanted with a watermark")


def _pulled(case: SourceCase) -> Iterator[tuple[Wanted, list[Batch]]]:
    """Every wish with its batches, in one session, as a run does it."""
    with case.make().connect() as session:
        for wanted in (wish.asked for wish in case.wanted):
            yield wanted, list(session.pull(wanted))


def _table(wanted: Wanted, batches: list[Batch]) -> list[list[Any]]:
    """The columns of all batches in the record's form."""
    parts: list[Validated] = [Validator(wanted)(batch) for batch in batches]
    return [[cell for part in parts for cell in part.columns[i]] for i in range(len(wanted.fields))]


def _keys(wanted: Wanted, batches: list[Batch]) -> list[tuple[Any, ...]]:
    columns = _table(wanted, batches)
    at = [i for i, field in enumerate(wanted.fields) if field.name in wanted.dataset.key]
    return list(zip(*(columns[i] for i in at), strict=True))


def _moment(watermark: str) -> tuple[int, Any]:
    """How late a watermark is: a time where it is one, else (a counter) its text."""
    try:
        return 0, datetime.fromisoformat(watermark)
    except ValueError:
        return 1, watermark


SOURCE_PROMISES: Final[tuple[SourcePromise, ...]] = (
    *both.PROMISES,
    every_column_that_is_there_is_found,
    a_missing_column_is_named,
    batches_are_even_and_small,
    rows_are_numbered_without_gaps,
    every_row_comes_once,
    every_cell_fits_its_field,
    fewer_fields_bring_the_same_rows,
    totals_are_what_is_pulled,
    watermarks_sort_as_text,
    an_increment_brings_everything_since,
    a_pull_that_is_left_half_way_harms_nothing,
)
