"""Settle: what is a source of files told when the rows of its files are published?

Every file gets its outcome: taken, taken in part with a report of the rows that were not, or refused because nothing
could be read out of it. That is noted with the publication itself and told after COMMIT; a crash between leaves the
files where they were, and the next run, which knows them by the note, tells it again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from lk_sync import logs
from lk_sync.cache import files
from lk_sync.cache.base import Base
from lk_sync.contracts import Drop, FileOutcome, Source, TakenFile
from lk_sync.errors import LkError
from lk_sync.flow import stage
from lk_sync.flow.stage import MAX_KEPT_REJECTS, Staged
from lk_sync.records import DATASETS

HEADING: Final = ("строка", "поле", "значение", "причина")
OWN: Final = frozenset(DATASETS) | {f"{name}.deleted" for name in DATASETS}  # lookups are read, never put aside
_STARTS_FORMULA: Final = ("=", "@", "\t", "\r")
Rejected = tuple[Any, ...]  # as `flow.stage.rejects` gives them


def remember(base: Base, staged: Mapping[str, Staged], *, source: str, run: int) -> None:
    """Inside the publication: what became of every file that its rows came from."""
    new = [file for file in stage.taken(base) if file.dataset in OWN and not file.again]
    if new:
        rejected = stage.rejects(base)
        mappings = {name: what.mapping for name, what in staged.items()}
        files.remember(base, source, [outcome(file, rejected) for file in new], mappings, run)


def outcomes(base: Base, *, source: str) -> list[FileOutcome]:
    """After it: what has been remembered of the files of this run, and of those that an earlier one could not put
    aside."""
    return [files.became_of(base, source, file) for file in stage.taken(base) if file.dataset in OWN]


def settle(built: Callable[[], Source], told: Sequence[FileOutcome]) -> None:
    """Tells the source what became of its files. What is published stays published if it cannot put them aside: the
    next run knows them again and tells it once more."""
    if told:
        try:
            source = built()
            if isinstance(source, Drop):
                source.settle(told)
        except (LkError, OSError) as error:
            logs.get().warning("files not put aside", files=[each.file.name for each in told], reason=str(error))


def outcome(file: TakenFile, rejected: Iterable[Rejected]) -> FileOutcome:
    """What became of one file."""
    if file.fault is not None:
        return FileOutcome(file=file, state="refused", report=csv_of([("", "", "", file.fault)]))
    if file.note is not None:
        return FileOutcome(file=file, state="published", report=csv_of([("", "", "", file.note)]))
    of_dataset = [row for row in rejected if row[0] == files.own(file.dataset)]
    rows = [
        (row[2] or "", row[4] or "", row[5] or "", row[6])
        for row in of_dataset
        if row[7] == file.name or str(row[7]).startswith(f"{file.name}/")
    ]
    if rows and len(of_dataset) >= MAX_KEPT_REJECTS:
        rows.append(("", "", "", f"показаны не все строки: записываются первые {MAX_KEPT_REJECTS} непринятых"))
    return FileOutcome(file=file, state="published", report=csv_of(rows) if rows else None)


def csv_of(rows: Iterable[tuple[Any, ...]]) -> str:
    """A report: row, field, value, reason."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADING)
    writer.writerows([[_plain(str(cell)) for cell in row] for row in rows])
    return text.getvalue().encode("utf-8", "backslashreplace").decode()


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_STARTS_FORMULA) else cell
