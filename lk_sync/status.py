"""Status: is everything well between the accounting system and the subscribers, and if not, what to do?

`look` gathers it from store, cache and timetable; the operator's screen is `overview`, letters are `alerts`, figures
`metrics`. The names in the JSON of `Seen` are a promise: they are listed in docs/operations.ru.md.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, Literal

import msgspec

from lk_sync import databases, printing, schedules, troubles
from lk_sync.cache.reader import DatasetState
from lk_sync.clock import instant, moment
from lk_sync.config import Config
from lk_sync.errors import BadData
from lk_sync.schedules import Schedules
from lk_sync.store import engines, letters, outbox, pushes, rejects, runs
from lk_sync.store.database import Store, Tx
from lk_sync.troubles import Trouble


class JobSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A job and its last try. `state`: that of its run, for a push `pushed` or `failed`, None: never walked.
    `good_at`: the last try that found the peer well. `next_start`: by the timetable, None: at once."""

    job: str
    does: Literal["pull", "push"]
    peer: str
    run: int | None = None
    state: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    good_at: str | None = None
    next_start: str | None = None
    error_kind: str | None = None
    error_text: str | None = None
    failures: int = 0
    failing_since: str | None = None


class DatasetSeen(msgspec.Struct, frozen=True, kw_only=True):
    """`rejects`: cells that lie on the desk."""

    dataset: str
    source: str
    run: int
    as_of: str
    stale: bool
    rejects: int


class OutageSeen(msgspec.Struct, frozen=True, kw_only=True):
    does: Literal["pull", "push"]
    peer: str
    since: str
    last_try: str
    tries: int


class DiskSeen(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    free_bytes: int
    total_bytes: int
    cache_bytes: int
    store_bytes: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """`troubles`: what needs a person, each with what to do."""

    at: str
    version: str
    engine: engines.Engine | None
    jobs: list[JobSeen]
    datasets: list[DatasetSeen]
    held: list[runs.Run]
    outages: list[OutageSeen]
    outbox: outbox.Backlog
    letters: letters.Backlog
    disk: DiskSeen
    troubles: list[Trouble]


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the store says, all of it at one moment."""

    last: list[runs.Run]
    settled: list[runs.Run]
    good: list[runs.Run]
    failing: list[runs.Failing]
    outages: list[runs.Outage]
    newer: dict[int, int | None]
    sinks: list[pushes.Push]
    causes: list[rejects.Cause]
    outbox: outbox.Backlog
    letters: letters.Backlog
    engine: engines.Engine | None


def look(
    config: Config, store: Store, now: datetime, *, timetable: Schedules | None = None, stale_after_hours: int = 0
) -> Seen:
    """`timetable`: its jobs are looked at, None: all that ever ran."""
    hours = stale_after_hours or config.lk.portal.stale_after_hours
    unanswered = instant(now - timedelta(hours=config.lk.unanswered_alert_hours))
    recent = instant(now - troubles.RECENT)
    kept = store.read(lambda tx: _kept(tx, config, unanswered, recent))
    last = [run for run in kept.last if timetable is None or run.job in timetable.jobs]
    settled = [run for run in kept.settled if timetable is None or run.job in timetable.jobs or run.state == "held"]
    datasets = _datasets(_states(config), kept.causes, now - timedelta(hours=hours))
    disk = _disk(config)
    return Seen(
        at=instant(now),
        version=version("lk-sync"),
        engine=kept.engine,
        jobs=_jobs(kept, last, timetable, now),
        datasets=datasets,
        held=[run for run in settled if run.state == "held"],
        outages=_outages(kept),
        outbox=kept.outbox,
        letters=kept.letters,
        disk=disk,
        troubles=_troubles(config, kept, last, settled, datasets, disk, hours, now),
    )


def _kept(tx: Tx, config: Config, unanswered_since: str, recent: str) -> _Kept:
    """Peers that are not in the settings any more trouble nobody."""
    settled = runs.last_settled_of_each_job(tx)
    held = [run for run in settled if run.state == "held"]
    return _Kept(
        last=runs.last_of_each_job(tx),
        settled=settled,
        good=runs.last_good_of_each_job(tx),
        failing=runs.failing(tx),
        outages=[outage for outage in runs.outages(tx) if outage.source in config.sources],
        newer={run.run: runs.newer_published(tx, source=run.source, run=run.run) for run in held},
        sinks=[push for push in pushes.of_all_sinks(tx) if push.sink in config.sinks],
        causes=rejects.causes(tx),
        outbox=outbox.backlog(tx, unanswered_since=unanswered_since, stray_since=recent),
        letters=letters.backlog(tx, since=recent),
        engine=engines.newest(tx),
    )


def _states(config: Config) -> list[DatasetState]:
    try:
        with closing(databases.cache(config).reader()) as reader, reader.view() as view:
            return view.states()
    except sqlite3.DatabaseError as error:
        path = config.lk.cache_path
        raise BadData(f"{path}: кэш повреждён ({error}); удалите его и выполните lk-sync pull --full") from error


def _datasets(states: list[DatasetState], causes: list[rejects.Cause], limit: datetime) -> list[DatasetSeen]:
    return [
        DatasetSeen(
            dataset=state.dataset,
            source=state.source,
            run=state.run,
            as_of=state.published_at,
            stale=moment(state.published_at) < limit,
            rejects=sum(c.times for c in causes if (c.dataset, c.source) == (state.dataset, state.source)),
        )
        for state in states
    ]


def _jobs(kept: _Kept, last: list[runs.Run], timetable: Schedules | None, now: datetime) -> list[JobSeen]:
    pulls = {run.job: run for run in last}
    if timetable is None:
        return [_pull(kept, name, run.source, run) for name, run in pulls.items()]
    seen = []
    for name, job in timetable.jobs.items():
        if job.does == "pull":
            found = _pull(kept, name, job.peer, pulls.get(name))
        else:
            found = _push(name, job.peer, next((push for push in kept.sinks if push.sink == job.peer), None))
        begun = moment(found.started_at) if found.started_at else None
        start = schedules.next_start(job, timetable, last=begun, now=now)
        seen.append(msgspec.structs.replace(found, next_start=instant(start) if start else None))
    return seen


def _pull(kept: _Kept, name: str, source: str, run: runs.Run | None) -> JobSeen:
    good = next((each for each in kept.good if each.job == name), None)
    failing = next((each for each in kept.failing if each.job == name), None)
    told: dict[str, Any] = {}
    if run is not None:
        told = {key: getattr(run, key) for key in ("run", "state", "started_at", "finished_at")}
        told |= {"error_kind": run.error_kind, "error_text": run.error_text}
    if failing is not None:
        told |= {"failures": failing.times, "failing_since": failing.since}
    return JobSeen(job=name, does="pull", peer=source, good_at=good.finished_at if good else None, **told)


def _push(name: str, sink: str, push: pushes.Push | None) -> JobSeen:
    if push is None:
        return JobSeen(job=name, does="push", peer=sink)
    return JobSeen(
        job=name,
        does="push",
        peer=sink,
        state="pushed" if push.error_kind is None else "failed",
        started_at=push.tried_at,
        finished_at=push.tried_at,
        good_at=push.done_at,
        error_kind=push.error_kind,
        error_text=push.error_text,
        failures=push.failures,
        failing_since=push.failing_since,
    )


def _outages(kept: _Kept) -> list[OutageSeen]:
    pulls = [
        OutageSeen(does="pull", peer=out.source, since=out.since, last_try=out.last, tries=out.times)
        for out in kept.outages
    ]
    pushed = [
        OutageSeen(does="push", peer=push.sink, since=push.failing_since, last_try=push.tried_at, tries=push.failures)
        for push in kept.sinks
        if push.error_kind == "Unreachable" and push.failing_since is not None
    ]
    return pulls + pushed


def _disk(config: Config) -> DiskSeen:
    folder = config.lk.data_dir
    space = shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists()))
    cache_bytes, store_bytes = databases.sizes(config)
    return DiskSeen(
        path=str(folder),
        free_bytes=space.free,
        total_bytes=space.total,
        cache_bytes=cache_bytes,
        store_bytes=store_bytes,
    )


def _troubles(
    config: Config,
    kept: _Kept,
    last: list[runs.Run],
    settled: list[runs.Run],
    datasets: list[DatasetSeen],
    disk: DiskSeen,
    hours: int,
    now: datetime,
) -> list[Trouble]:
    found = [troubles.of_held(run, kept.newer.get(run.run)) for run in settled if run.state == "held"]
    found += troubles.of_runs(settled, kept.outages, kept.failing)
    found += [troubles.of_broken(run) for run in last if run.state == "broken"]
    found += troubles.of_pushes(kept.sinks)
    if not datasets:
        found.append(Trouble("empty", "кэш", "данные ещё не загружались", "выполните lk-sync pull"))
    for source in sorted({seen.source for seen in datasets if seen.stale}):
        names = [seen.dataset for seen in datasets if seen.stale and seen.source == source]
        found.append(troubles.of_data(source, names, hours))
    found += troubles.of_rejects(kept.causes)
    found += troubles.of_outbox(kept.outbox, config.lk.unanswered_alert_hours)
    found += troubles.of_mail(kept.letters)
    found += troubles.of_disk(disk.path, disk.free_bytes, config.lk.free_disk_alert_mb)
    found += troubles.of_template(printing.template_fault(config))
    return [*found, *troubles.of_engine(kept.engine, now)]
