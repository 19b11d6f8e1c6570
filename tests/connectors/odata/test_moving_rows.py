"""Whatever comes and goes while a base is read: what was there all the time is read once, or the run tries again.

The answers are those of the demo's 1C; between two of them rows are taken out and put in as hypothesis likes it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.odata.asking import Asking
from connectors.odata.literals import address
from connectors.odata.metadata import read
from connectors.odata.reading import Manners, Reading
from connectors.odata.resource import find
from connectors.odata.settings import ODataOptions
from connectors.odata.wire import Wire
from demo.onec.answers import Answers, Asked
from demo.onec.base import Base, Cells, guid
from demo.onec.filters import Misread
from demo.onec.model import SETS, metadata
from demo.onec.traps import Traps
from lk_sync.contracts import FieldMap, Wanted
from lk_sync.errors import SettingsError, Unreachable
from lk_sync.records import DATASETS

Change = Callable[[], None]
PAYMENTS, CHARGES = "Document_ПлатежАбонента", "AccumulationRegister_Начисления_RecordType"
KEYS = {PAYMENTS: ("Ref_Key",), CHARGES: ("Period", "Recorder", "LineNumber")}


class Rows(Base):
    """A base with some rows of one set only."""

    def __init__(self, name: str, count: int) -> None:
        self.rows = {each: [] for each in SETS}
        self._versions, self._name, self._made = 0, name, 0
        for _ in range(count):
            self.put()

    def put(self) -> None:
        self._made += 1
        n = self._made
        period = f"2026-{1 + n * 7 % 3:02d}-28T23:59:59"
        row: Cells = {"Ref_Key": guid("row", n), "Recorder": guid("r", n % 4), "LineNumber": str(n), "Period": period}
        known = SETS[self._name].by_name
        self.add(self._name, {name: cell for name, cell in row.items() if name in known})

    def take(self, place: int) -> None:
        there = self.rows[self._name]
        if there:
            there.pop(place % len(there))

    def keys(self) -> list[tuple[str, ...]]:
        return [tuple(row[name] for name in KEYS[self._name]) for row in self.rows[self._name]]


class Direct:
    """Asks the answers without a network, and lets something happen after each."""

    peer = "1c"

    def __init__(self, base: Rows, traps: Traps, change: Change) -> None:
        self._answers, self._change = Answers(base, traps), change

    def _ask(self, path: str, query: Mapping[str, str]) -> bytes:
        try:
            body, _ = self._answers(Asked.of(path, address("", query).removeprefix("?")))
        except Misread as error:
            raise SettingsError(str(error)) from error
        self._change()
        return body

    def rows(self, path: str, query: Mapping[str, str]) -> bytes:
        return self._ask(path, query)

    def count(self, path: str, query: Mapping[str, str]) -> int:
        return int(self._ask(f"{path}/$count", query).decode("utf-8-sig"))


def reading(name: str, wire: Direct, page_rows: int, *, compares: bool | None) -> Reading:
    column = KEYS[name][-1]
    fields = (FieldMap(name="payment", kind="text", required=True, column=column),)
    wanted = Wanted(dataset=DATASETS["payments"], fields=fields, table=name)
    asking = Asking(find(PUBLISHED, wanted), wanted, ODataOptions())
    return Reading(cast("Wire", wire), asking, Manners(compares_guids=compares), page_rows=page_rows)


PUBLISHED = read(io.BytesIO(metadata()))


@pytest.mark.parametrize("name", [PAYMENTS, CHARGES])
@settings(max_examples=60)
@given(data=st.data())
def test_what_was_there_all_the_time_is_read_once_or_the_run_tries_again(name: str, data: st.DataObject) -> None:
    base = Rows(name, data.draw(st.integers(0, 45)))
    traps = Traps(guids_compare=data.draw(st.booleans()), page_limit=data.draw(st.none() | st.integers(3, 9)))
    begun, ever = set(base.keys()), set(base.keys())
    left = data.draw(st.integers(0, 6))

    def change() -> None:
        nonlocal left
        if left and data.draw(st.booleans()):
            left -= 1
            base.put() if data.draw(st.booleans()) else base.take(data.draw(st.integers(0, 50)))
            ever.update(base.keys())

    wire = Direct(base, traps, change)
    try:
        spool = reading(name, wire, data.draw(st.integers(3, 12)), compares=None).whole()
    except Unreachable:
        assert left < 6  # only when something moved
        return
    keep = begun & set(base.keys())
    found = [cell for batch in spool.batches(name) for cell in batch.columns[0]]
    told = {key[-1] for key in keep}
    assert len(found) == len(set(found)), "no row twice"
    assert told <= set(found), "no row left out"
    assert set(found) <= {key[-1] for key in ever}, "no row made up"


@given(count=st.integers(0, 60), page_rows=st.integers(3, 20), limit=st.none() | st.integers(3, 9))
@settings(max_examples=40)
def test_a_base_that_stands_still_is_read_in_one_look(count: int, page_rows: int, limit: int | None) -> None:
    for name in KEYS:
        for compares in (None, False):
            base = Rows(name, count)
            wire = Direct(base, Traps(page_limit=limit), lambda: None)
            asked = reading(name, wire, page_rows, compares=compares)
            found = [cell for batch in asked.whole().batches(name) for cell in batch.columns[0]]
            there = base.keys()
            assert sorted(found) == sorted(key[-1] for key in there)
