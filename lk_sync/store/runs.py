"""Runs: what did each walk of a job bring, and how did it end?"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Row, Tx

State = Literal["running", "published", "unchanged", "held", "failed", "broken"]
Kind = Literal["pull", "dry", "revert"]


class Run(msgspec.Struct, frozen=True):
    """`started_by`: `timetable` or `hand`. Instants in UTC. `kind`: a `dry` run changed nothing whatever it found; a
    `revert` took the run `reverts` back, which says so in `reverted_by`."""

    run: int
    job: str
    source: str
    started_by: str
    state: State
    started_at: str
    finished_at: str | None
    error_kind: str | None
    error_text: str | None
    kind: Kind = "pull"
    reverts: int | None = None
    reverted_by: int | None = None


class RunDataset(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset of a run. Totals are JSON of `contracts.Totals`; `findings` JSON of `check.Finding`."""

    dataset: str
    mode: str
    pulled: int
    rejected: int
    inserted: int = 0
    updated: int = 0
    ended: int = 0
    source_totals: str | None
    pulled_totals: str | None
    findings: str
    pull_seconds: float
    publish_seconds: float = 0.0


def open_run(
    tx: Tx,
    *,
    job: str,
    source: str,
    started_by: str,
    now: datetime,
    kind: Kind = "pull",
    reverts: int | None = None,
) -> int:
    """A new run's number."""
    own = {"job": job, "source": source, "started_by": started_by, "kind": kind, "reverts": reverts}
    row = tx.row("runs.open", started_at=instant(now), **own)
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives a row
    number: int = row[0]
    return number


def close(
    tx: Tx,
    run: int,
    *,
    state: State,
    now: datetime,
    was: State = "running",
    error_kind: str | None = None,
    error_text: str | None = None,
) -> bool:
    """True when the run was in state `was` and is now in `state`."""
    changed = tx.change(
        "runs.close",
        run=run,
        state=state,
        was=was,
        finished_at=instant(now),
        error_kind=error_kind,
        error_text=error_text,
    )
    return changed == 1


def running_of(tx: Tx, source: str) -> list[int]:
    return [run for (run,) in tx.rows("runs.running_of", source=source)]


def add_dataset(tx: Tx, run: int, dataset: RunDataset) -> None:
    """Safe to repeat; a repeat brings the figures of the publication."""
    tx.change("runs.add_dataset", run=run, **msgspec.structs.asdict(dataset))


def one(tx: Tx, run: int) -> Run | None:
    row = tx.row("runs.one", run=run)
    return Run(*row) if row else None


def recent(tx: Tx, *, most: int = 20, job: str | None = None) -> list[Run]:
    return [Run(*row) for row in tx.rows("runs.recent", job=job, most=most)]


def last_of_each_job(tx: Tx) -> list[Run]:
    return [Run(*row) for row in tx.rows("runs.last_of_each_job")]


def datasets_of(tx: Tx, run: int) -> list[RunDataset]:
    return [_dataset(row) for row in tx.rows("runs.datasets_of", run=run)]


def _dataset(row: Row) -> RunDataset:
    return RunDataset(**dict(zip(RunDataset.__struct_fields__, row, strict=True)))


def newer_published(tx: Tx, *, source: str, run: int) -> int | None:
    row = tx.row("runs.newer_published", source=source, run=run)
    return row[0] if row else None


class Failing(msgspec.Struct, frozen=True):
    """A job that has failed `times` in a row since `since`; `kind` and `text` are those of the newest failure."""

    job: str
    times: int
    since: str
    last: str
    kind: str
    text: str


class Outage(msgspec.Struct, frozen=True):
    """A source that could not be reached, `times` in a row."""

    source: str
    since: str
    last: str
    times: int


def failing(tx: Tx) -> list[Failing]:
    found = []
    for job, times, since, last, newest in tx.rows("runs.failing"):
        run = one(tx, newest)
        if run is not None:
            found.append(Failing(job, times, since, last, run.error_kind or "", run.error_text or ""))
    return found


def outages(tx: Tx) -> list[Outage]:
    return [Outage(*row) for row in tx.rows("runs.outages")]


def last_settled_of_each_job(tx: Tx) -> list[Run]:
    """What is known of every job while its next run is still under way, or was cut short."""
    return [Run(*row) for row in tx.rows("runs.last_settled_of_each_job")]


def last_good_of_each_job(tx: Tx) -> list[Run]:
    return [Run(*row) for row in tx.rows("runs.last_good_of_each_job")]


def last_of_source(tx: Tx, source: str) -> Run | None:
    row = tx.row("runs.last_of_source", source=source)
    return Run(*row) if row else None


class Change(msgspec.Struct, frozen=True):
    source: str
    dataset: str
    inserted: int
    updated: int
    ended: int


def tally_since(tx: Tx, since: datetime) -> list[tuple[str, State, int]]:
    """(job, state, how often)."""
    return [(job, state, times) for job, state, times in tx.rows("runs.tally_since", since=instant(since))]


def changes_since(tx: Tx, since: datetime) -> list[Change]:
    return [Change(*row) for row in tx.rows("runs.changes_since", since=instant(since))]


def draw(tx: Tx, run: int, picture: str) -> None:
    """Keeps what a run would change, JSON of `picture.Picture`. Safe to repeat; the last one stays."""
    tx.change("runs.draw", run=run, body=picture)


def picture(tx: Tx, run: int) -> str | None:
    row = tx.row("runs.picture", run=run)
    return row[0] if row else None
