"""Reckoning: when everything has come to rest, is each reading where it must be, once?

The chronicle says what subscribers were told, the files in the drop what was handed over, the ledger and the journal
what the accounting system made of it, the store what subscribers are shown, the cache what came back.
"""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from demo.bookkeeper import ReadingTaken
from lk_sync.flow.submit import Answer
from lk_sync.store import submissions, users
from lk_sync.store.database import Store
from lk_sync.store.submissions import Submitted
from tests.faults.killing.counters import entries
from tests.faults.killing.town import Town
from tests.faults.killing.trades import Form

FINAL: Final = ("confirmed", "rejected", "superseded")
OUTSTANDING: Final = "SELECT COUNT(*) FROM outbox WHERE state IN ('waiting', 'batched', 'exported')"


def nothing_is_outstanding(town: Town) -> bool:
    """Every reading has its answer, and every answer file is put aside."""
    ((left,),) = _rows(town.store, OUTSTANDING)
    return left == 0 and not list((town.drop / "answers").glob("*.csv*"))


def reckon(town: Town, answered: list[tuple[Form, Answer]]) -> Counter[str]:
    """How many readings ended in which state. Raises AssertionError for one that is lost, doubled or changed."""
    shown = _shown(town, answered)
    handed_over = {item: reading for item, reading in shown.items() if reading.state != "superseded"}
    _in_files_once(town, handed_over)
    _judged_once(town, handed_over)
    _booked_once(town, {item for item, reading in shown.items() if reading.state == "confirmed"})
    _nothing_went_astray(town)
    return Counter(reading.state for reading in shown.values())


def _shown(town: Town, answered: list[tuple[Form, Answer]]) -> dict[str, Submitted]:
    """What each subscriber is shown of each reading, by item; nobody is shown anything else."""
    shown: dict[str, Submitted] = {}
    store = Store(town.store)
    try:
        for form, answer in answered:
            assert answer.kind in ("taken", "repeated"), (form, answer)
            reading = store.read(lambda tx, form=form: _as_shown(tx, form))
            assert reading is not None, f"{form} was acknowledged and is lost"
            assert reading.value_micro == form.value_micro, form
            assert reading.state in FINAL, reading
            shown[reading.item] = reading
    finally:
        store.close()
    ((stored,),) = _rows(town.store, "SELECT COUNT(*) FROM submitted_readings")
    assert len(shown) == len(answered) == stored
    return shown


def _as_shown(tx: Any, form: Form) -> Submitted | None:
    user = users.find(tx, user_code=form.user_code)
    assert user is not None
    return submissions.one(tx, submission=form.submission, account=form.account, holder_key=user.holder_key)


def _in_files_once(town: Town, handed_over: dict[str, Submitted]) -> None:
    written = list(_lines(town.drop / "in" / "done"))
    assert Counter(item for item, _, _ in written) == Counter(handed_over.keys())
    assert {(item, file): line for item, file, line in written} == {
        (item, reading.file): reading.line for item, reading in handed_over.items()
    }


def _lines(folder: Path) -> Iterator[tuple[str, str, int]]:
    """(item, file, line) of all files that the accounting system has taken."""
    for file in folder.glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as text:
            for line, row in enumerate(csv.DictReader(text, delimiter=";"), 2):
                yield row["id"], file.name, line


def _judged_once(town: Town, handed_over: dict[str, Submitted]) -> None:
    judged = _rows(town.ledger, "SELECT item, value_micro, status, code, text FROM readings")
    told = [(r.item, r.value_micro, r.state, r.answer_code, r.answer_text) for r in handed_over.values()]
    assert sorted(judged) == sorted(told)


def _booked_once(town: Town, confirmed: set[str]) -> None:
    taken = [entry for entry in entries(town) if isinstance(entry, ReadingTaken)]
    assert Counter(entry.reading for entry in taken) == Counter(confirmed)
    standing = confirmed - {entry.supersedes for entry in taken}
    came_back = [reading for (reading,) in _rows(town.cache, "SELECT reading FROM readings") if reading in confirmed]
    assert Counter(came_back) == Counter(standing)


def _nothing_went_astray(town: Town) -> None:
    """A `.part` may lie about: the server wrote on for a moment after its client was killed. Nobody ever takes it."""
    assert _rows(town.store, "SELECT * FROM stray_answers") == []
    for folder in ("in", "in/error", "answers", "answers/error"):
        left = [file.name for file in (town.drop / folder).iterdir() if file.is_file() and file.suffix != ".part"]
        assert left == [], f"{folder}: {left}"
    taken = [file.name for folder in ("in", "answers") for file in (town.drop / folder / "done").iterdir()]
    assert not [name for name in taken if name.endswith(".part")]


def _rows(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(sql).fetchall()
