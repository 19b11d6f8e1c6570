"""Settle: what is a source of files told when the rows of its files are published?

Every file gets its outcome: taken, taken in part with a report of the rows that were not, or refused because nothing
could be read out of it. Called after COMMIT; a crash before leaves the files where they were, and the next run reads
them again, which changes nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

from lk_sync.contracts import Drop, FileOutcome, Source, TakenFile
from lk_sync.flow.stage import MAX_KEPT_REJECTS
from lk_sync.records import DATASETS

HEADING: Final = ("строка", "поле", "значение", "причина")
OWN: Final = frozenset(DATASETS) | {f"{name}.deleted" for name in DATASETS}  # lookups are read, never put aside
_STARTS_FORMULA: Final = ("=", "@", "\t", "\r")
Rejected = tuple[Any, ...]  # as `flow.stage.rejects` gives them


def settle(source: Source, taken: Sequence[TakenFile], rejected: Sequence[Rejected]) -> None:
    """Tells the source what became of its files. Raises what the source raises; nothing is undone by that."""
    if isinstance(source, Drop) and (own := [file for file in taken if file.dataset in OWN]):
        source.settle([outcome(file, rejected) for file in own])


def outcome(file: TakenFile, rejected: Iterable[Rejected]) -> FileOutcome:
    """What became of one file."""
    if file.fault is not None:
        return FileOutcome(file=file, state="refused", report=_csv([("", "", "", file.fault)]))
    of_dataset = [row for row in rejected if row[0] == file.dataset.partition(".")[0]]
    rows = [
        (row[2] or "", row[4] or "", row[5] or "", row[6])
        for row in of_dataset
        if row[7] == file.name or str(row[7]).startswith(f"{file.name}/")
    ]
    if rows and len(of_dataset) >= MAX_KEPT_REJECTS:
        rows.append(("", "", "", f"показаны не все строки: записываются первые {MAX_KEPT_REJECTS} непринятых"))
    return FileOutcome(file=file, state="published", report=_csv(rows) if rows else None)


def _csv(rows: Iterable[tuple[Any, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADING)
    writer.writerows([[_plain(str(cell)) for cell in row] for row in rows])
    return text.getvalue()


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_STARTS_FORMULA) else cell
