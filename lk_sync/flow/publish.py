"""Publish: how do all datasets of a run become visible at once, or not at all?

One transaction of the cache: rows, journal, watermark and the note that this run is published. Readers see
the state before it or after it. A crash at any point leaves the state before. Before COMMIT what is published is
compared with what was staged, and rolled back if it is not the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from lk_sync.cache import merge
from lk_sync.cache.base import Base
from lk_sync.cache.codes import Codes
from lk_sync.cache.merge import Merged
from lk_sync.cache.places import CachePlace
from lk_sync.flow import beside, settle, tally
from lk_sync.flow.stage import Staged, attached
from lk_sync.locks import Hold
from lk_sync.records import DATASETS

NOBODY: Final = -1  # the origin of no row
STATE: Final = ("dataset", "source", "run", "published_at", "watermark", "gone_watermark", "data_version")


class Published(msgspec.Struct, frozen=True, kw_only=True):
    merged: Merged
    seconds: float


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """What publishing would change, the keys in scratch tables; true for as long as the cache stands where it stood.

    `merged`: by dataset; None = nothing of it is published yet, so that all of it is new. `origin` None: nothing in the
    cache is of this source."""

    stand: Sequence[Any]
    origin: int | None
    merged: Mapping[str, Merged | None]
    seconds: Mapping[str, float]


class Moved(Exception):
    """Somebody else has published since the differences were found."""


@contextmanager
def staged_beside_cache(cache: CachePlace, staging: Path, hold: Hold) -> Iterator[tuple[Base, dict[str, Staged]]]:
    """A writing connection to the cache with the staging file at its side, and what is staged there. It publishes only
    while `hold`, the lock of the source, is held."""
    with cache.beside(staging, hold) as base:
        yield base, attached(base)


def differences(base: Base, staged: Mapping[str, Staged], *, source: str) -> Differences:
    """What publishing would change. Changes nothing itself."""
    stand = _stand(base)
    known = f"SELECT id FROM {base.at.cache}.sources WHERE name = :name"
    row = base.execute(known, {"name": source}).fetchone()
    origin = None if row is None else int(row[0])
    merged, seconds = {}, {}
    for name, what in staged.items():
        began = time.monotonic()
        beside.arrange(base, what, source=source)
        merged[name] = _differences(base, what, origin=origin)
        seconds[name] = time.monotonic() - began
    return Differences(stand=stand, origin=origin, merged=merged, seconds=seconds)


def _stand(base: Base) -> Sequence[Any]:
    """What is another one after every publication, whoever published."""
    return tuple(base.execute(f"SELECT COUNT(*), MAX(run) FROM {base.at.cache}.published_runs").fetchone())


def publish(
    base: Base,
    staged: Mapping[str, Staged],
    *,
    run: int,
    source: str,
    at: str,
    seen_at: str | None = None,
    found: Differences | None = None,
) -> dict[str, Published]:
    """Make the staged datasets visible as of instant `at`; `seen_at`: when readers begin to see them, if that is later
    (a run that waited for a person). Raises Moved when the differences are not true any more,
    BadData when what is published is not what was staged, and what the database raises; with nothing changed."""
    Codes(base).source(source)
    with base.exclusively("publication"):
        if found is None:
            found = differences(base, staged, source=source)
        elif list(found.stand) != list(_stand(base)):
            raise Moved
        before = states(base, source)
        done = {name: _dataset(base, what, found, run=run) for name, what in staged.items()}
        beside.keep(base, staged, source=source)
        settle.remember(base, staged, source=source, run=run)
        for name, what in staged.items():
            _state(base, what, source=source, run=run, at=at, step=int(done[name].merged.changed))
        note(base, run=run, at=seen_at or at, source=source, datasets=list(staged), before=before)
    base.tidy()
    return done


def note(
    base: Base,
    *,
    run: int,
    at: str,
    source: str,
    datasets: Sequence[str],
    before: Sequence[Mapping[str, Any]],
    reverts: int | None = None,
) -> None:
    """That the run is published, inside its transaction. `before`: `states` when it began."""
    lists = {"datasets": msgspec.json.encode(datasets).decode(), "before": msgspec.json.encode(before).decode()}
    base.execute(
        f"INSERT INTO {base.at.cache}.published_runs (run, published_at, source, datasets, state_before, reverts)"
        " VALUES (:run, :at, :source, :datasets, :before, :reverts)",
        {"run": run, "at": at, "source": source, "reverts": reverts} | lists,
    )


def states(base: Base, source: str) -> list[dict[str, Any]]:
    """The rows of `dataset_state` of a source, as they are to be put back by who takes the run back."""
    sql = f"SELECT {', '.join(STATE)} FROM {base.at.cache}.dataset_state WHERE source = :source ORDER BY dataset"
    return [dict(zip(STATE, row, strict=True)) for row in base.execute(sql, {"source": source}).fetchall()]


def _differences(base: Base, what: Staged, *, origin: int | None) -> Merged | None:
    dataset = DATASETS[what.dataset]
    if merge.is_new(base, dataset):
        return None
    vanished = what.mode == "full" and what.absent_ends
    own = NOBODY if origin is None else origin
    return merge.find_differences(base, dataset, origin=own, vanished=vanished, also=beside.ended(base, what))


def _dataset(base: Base, what: Staged, found: Differences, *, run: int) -> Published:
    began = time.monotonic()
    dataset = DATASETS[what.dataset]
    merged = found.merged[dataset.name]
    unwritten = 0
    if merged is None:
        merged = merge.load(base, dataset, run=run)
    elif merged.changed:
        unwritten = merge.apply(base, dataset, run=run)
    tally.compare(base, what, found.origin, first=found.merged[dataset.name] is None, unwritten=unwritten)
    return Published(merged=merged, seconds=found.seconds[dataset.name] + time.monotonic() - began)


def _state(base: Base, what: Staged, *, source: str, run: int, at: str, step: int) -> None:
    if what.untouched and not step:
        return
    base.execute(
        f"INSERT INTO {base.at.cache}.dataset_state ({', '.join(STATE)})"
        " VALUES (:dataset, :source, :run, :at, :watermark, :gone, 1) ON CONFLICT (dataset, source) DO UPDATE SET"
        " run = excluded.run, published_at = excluded.published_at,"
        " watermark = excluded.watermark,"
        " gone_watermark = COALESCE(excluded.gone_watermark, dataset_state.gone_watermark),"
        " data_version = dataset_state.data_version + :step",
        {"dataset": what.dataset, "source": source, "run": run, "at": at, "step": step}
        | {"watermark": what.watermark, "gone": what.gone_watermark},
    )


def watermarks(
    cache: CachePlace, source: str, *, which: Literal["watermark", "gone_watermark"] = "watermark"
) -> dict[str, str]:
    """The watermark up to which each dataset of the source is published, or its table of deleted rows."""
    if not cache.is_begun():
        return {}
    with closing(cache.open()) as base:
        sql = f"SELECT dataset, {which} FROM {base.at.cache}.dataset_state WHERE source = :source"
        rows = base.execute(f"{sql} AND {which} IS NOT NULL", {"source": source}).fetchall()
        return dict(rows)


def is_published(cache: CachePlace, run: int) -> bool:
    """Whether this run's transaction was committed, whatever became of the process that began it."""
    if not cache.is_begun():
        return False
    with closing(cache.open()) as base:
        sql = f"SELECT 1 FROM {base.at.cache}.published_runs WHERE run = :run"
        return base.execute(sql, {"run": run}).fetchone() is not None
