"""Engine: who walks the jobs of the timetable, and what happens when it is told to stop?

One engine per store: what a second one does, `turns` says. SIGTERM and SIGINT end it: a pull in hand is rolled back, a
publication or delivery in hand is finished. One that is cut off from the store does the same, and waits for its turn
again. What becomes of a job that failed: `patience`. A start that was missed while no engine ran, or that another one
began and did not bring to its end, is made up for at the beginning. A clock that is set back does not make the jobs
wait for the time that has been before.
"""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from lk_sync import databases, logs, peers, schedules, supervisor, turns
from lk_sync.clock import Clock, moment
from lk_sync.config import Config
from lk_sync.errors import Busy, LkError, Unreachable
from lk_sync.flow import disk, export
from lk_sync.flow.run import Puller, RunReport
from lk_sync.locks import Hold
from lk_sync.patience import Failing, Patience
from lk_sync.schedules import Job, Schedules
from lk_sync.store import pushes, runs
from lk_sync.store.attachments import Attachments
from lk_sync.store.database import Store, Tx
from lk_sync.turns import Signals

WORKERS: Final = 4
TICK_SECONDS: Final = 2.0
CLOCK_MOVED_SECONDS: Final = 60.0
Peer = tuple[str, str]


def run(config: Config, timetable: Schedules, *, clock: Clock) -> None:
    """The timetable until a stop signal. Raises Busy when another engine of this machine walks it."""
    signals = Signals()
    with closing(databases.open_store(config)) as store:
        while not signals.received:
            with ExitStack() as held:
                if hold := turns.take(config, held, signals):
                    Engine(config, timetable, store, clock=clock).serve(hold, signals)


class Engine:
    """The timetable in motion. `serve` returns after a stop signal, or when the right to walk it is lost, with
    everything in hand ended."""

    def __init__(self, config: Config, timetable: Schedules, store: Store, *, clock: Clock) -> None:
        from lk_sync.errands import Errands  # here: letters take a tenth of a second to load, and only this needs them

        self._config, self._timetable, self._store, self._clock = config, timetable, store, clock
        self._stop = threading.Event()
        self._patience = Patience(store)
        self._outages = Outages()
        self._errands = Errands(config, timetable, store, clock=clock)
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(WORKERS)},
            job_defaults={"coalesce": True, "max_instances": 1},
            timezone=UTC,
        )

    def serve(self, hold: Hold, signals: Signals) -> None:
        log = logs.get()
        self._take_up()
        with self._errands:
            self._scheduler.start()
            log.info("timetable started", jobs=len(self._timetable.jobs))
            supervisor.tell("READY=1")
            if received := self._until_a_signal(hold, signals):
                supervisor.tell("STOPPING=1")
                log.info("stopping", signal=received.name)
            else:
                log.warning("stopping", reason="связь с базой обрывалась, и расписание мог взять другой компьютер")
            self._stop.set()
            self._scheduler.shutdown(wait=True)
        log.info("stopped")

    def _take_up(self) -> None:
        """Where the engine before this one left off."""
        jobs = dict(self._timetable.jobs)
        self._patience.remember(jobs)
        self._outages.remember(self._store, jobs)
        last, unfinished = self._store.read(_last_starts), self._store.read(_unfinished)
        for name, job in jobs.items():
            started = last.get((job.does, name if job.does == "pull" else job.peer))
            self._add(name, job, started, unfinished=name in unfinished)
            self._retry(name, job)

    def _add(self, name: str, job: Job, last: datetime | None, *, unfinished: bool) -> None:
        now = self._clock()
        first = {}
        if unfinished or schedules.is_overdue(job, self._timetable, last=last, now=now):
            why = "unfinished" if unfinished else "overdue"
            logs.get(job=name).info(f"{why}, starts at once", last=last.isoformat() if last else None)
            first = {"next_run_time": now}
        self._scheduler.add_job(
            self._walk,
            schedules.trigger(job, self._timetable),
            args=(name, job),
            id=name,
            name=name,
            misfire_grace_time=60 * job.late_minutes,
            **first,
        )

    def _until_a_signal(self, hold: Hold, signals: Signals) -> signal.Signals | None:
        """None: the right to walk the timetable is lost."""
        difference = _clock_less_monotonic(self._clock)
        while True:
            if signals.within(TICK_SECONDS) or hold.is_lost():
                return signals.received
            if any(thread.name == "APScheduler" for thread in threading.enumerate()):
                supervisor.tell("WATCHDOG=1")
            moved = _clock_less_monotonic(self._clock) - difference
            if abs(moved) > CLOCK_MOVED_SECONDS:
                difference += moved
                self._clock_was_set(moved)

    def _clock_was_set(self, seconds: float) -> None:
        """Starts are counted from the new time on; what was planned by the old one may lie hours ahead."""
        logs.get().warning("the clock was set", seconds=round(seconds))
        for name, job in self._timetable.jobs.items():
            self._scheduler.reschedule_job(name, trigger=schedules.trigger(job, self._timetable))
            self._forget_retry(name)
            self._retry(name, job)

    def _walk(self, name: str, job: Job) -> None:
        logs.begin(job=name)
        log = logs.get()
        if self._stop.is_set() or self._patience.waits_for_a_person(name, job, now=self._clock()):
            return
        began = time.monotonic()
        ended: RunReport | export.PushReport | LkError | None = None
        try:
            ended = walk(self._config, self._store, name, job, clock=self._clock, stop=self._stop)
        except LkError as error:
            ended = error
            if self._stop.is_set():
                log.info("rolled back", reason=str(error))
            else:
                self._failed(name, job, error, log)
        except Exception:  # a fault of ours must not end the timetable; it is told with its place
            log.exception("fault")
        else:
            self._well(name, job, log)
        self._errands.walked(name, time.monotonic() - began, ended)

    def _failed(self, name: str, job: Job, error: LkError, log: Any) -> None:
        """Says it once for as long as the error is of the same kind; an outage once for all jobs of its source."""
        before = self._patience.of(name)
        failing = self._patience.failed(name, error, now=self._clock())
        known = before is not None and before.kind == failing.kind
        if isinstance(error, Unreachable):
            known = not self._outages.begins(job, since=failing.last)
        elif not isinstance(error, Busy):
            self._end_of_outage(job)
        if not known:
            say = log.warning if isinstance(error, Busy) else log.error
            say("failed", kind=failing.kind, peer=job.peer, reason=str(error), waits_for_person=failing.stopped or None)
        self._retry(name, job)

    def _well(self, name: str, job: Job, log: Any) -> None:
        self._end_of_outage(job)
        over = self._patience.well(name)
        if over is not None and over.kind != Unreachable.__name__:
            log.info("well again", **_told(over, self._clock()))
        self._forget_retry(name)

    def _end_of_outage(self, job: Job) -> None:
        since = self._outages.ends(job)
        if since is not None:
            minutes = round((self._clock() - since).total_seconds() / 60, 1)
            logs.get().info("well again", peer=job.peer, since=since.isoformat(), minutes=minutes)

    def _retry(self, name: str, job: Job) -> None:
        at = self._patience.retry_at(name, job)
        if at is None:
            return
        at = max(at, self._clock())
        regular = self._scheduler.get_job(name)
        if regular is None or getattr(regular, "next_run_time", None) is None or at < regular.next_run_time:
            self._scheduler.add_job(
                self._walk, "date", run_date=at, args=(name, job), id=_again(name), replace_existing=True
            )

    def _forget_retry(self, name: str) -> None:
        with suppress(JobLookupError):
            self._scheduler.remove_job(_again(name))


class Outages:
    """Peers that cannot be reached, whichever jobs have found that out."""

    def __init__(self) -> None:
        self._since: dict[Peer, datetime] = {}
        self._lock = threading.Lock()

    def remember(self, store: Store, jobs: dict[str, Job]) -> None:
        known = store.read(_outages)
        peers = {(job.does, job.peer) for job in jobs.values()}
        self._since = {peer: since for peer, since in known.items() if peer in peers}

    def begins(self, job: Job, *, since: datetime) -> bool:
        """False: it has begun before."""
        with self._lock:
            if (job.does, job.peer) in self._since:
                return False
            self._since[job.does, job.peer] = since
            return True

    def ends(self, job: Job) -> datetime | None:
        """Since when it lasted, if there was one."""
        with self._lock:
            return self._since.pop((job.does, job.peer), None)


def _again(name: str) -> str:
    return f"again: {name}"


def _clock_less_monotonic(clock: Clock) -> float:
    return clock().timestamp() - time.monotonic()


def _told(over: Failing, now: datetime) -> dict[str, Any]:
    minutes = round((now - over.since).total_seconds() / 60, 1)
    return {"kind": over.kind, "since": over.since.isoformat(), "minutes": minutes, "tries": over.times}


def _last_starts(tx: Tx) -> dict[Peer, datetime]:
    """(pull, job) or (push, sink) → when it was walked last."""
    pulled = {("pull", run.job): moment(run.started_at) for run in runs.last_of_each_job(tx)}
    return pulled | {("push", push.sink): moment(push.tried_at) for push in pushes.of_all_sinks(tx)}


def _unfinished(tx: Tx) -> set[str]:
    """Jobs that an engine began and did not bring to their end. We hold the timetable, so it is dead or cut off."""
    last = runs.last_of_each_job(tx)
    return {run.job for run in last if run.started_by == "timetable" and run.state in ("running", "broken")}


def _outages(tx: Tx) -> dict[Peer, datetime]:
    known: dict[Peer, datetime] = {("pull", outage.source): moment(outage.since) for outage in runs.outages(tx)}
    for push in pushes.of_all_sinks(tx):
        if push.error_kind == Unreachable.__name__ and push.failing_since is not None:
            known["push", push.sink] = moment(push.failing_since)
    return known


def walk(
    config: Config, store: Store, name: str, job: Job, *, clock: Clock, stop: threading.Event
) -> RunReport | export.PushReport:
    """One walk of a job by the timetable. Raises what the walk raises."""
    logs.begin(job=name)
    log = logs.get()
    if job.does == "push":
        report = push(config, store, job.peer, clock=clock)
        if report.exported or report.confirmed or report.rejected or report.needs_attention:
            say: Callable[..., None] = log.warning if report.needs_attention else log.info
            say(
                "pushed",
                exported=report.exported,
                confirmed=report.confirmed,
                rejected=report.rejected,
                stray=report.stray,
                withheld=len(report.withheld),
                refused=len(report.refused),
            )
        return report
    puller = Puller(config, store, clock=clock, watch=lambda _: None, stop=stop, started_by="timetable")
    pulled = puller.walk(name, job)
    tell: Callable[..., None] = log.info if pulled.clean else log.warning
    tell(
        pulled.state,
        rows=sum(d.pulled for d in pulled.datasets),
        changed=sum(d.inserted + d.updated + d.ended for d in pulled.datasets),
        rejected=sum(d.rejected for d in pulled.datasets),
        held="; ".join(f"{f.dataset}: {f.text}" for f in pulled.findings if f.holds) or None,
    )
    return pulled


def push(config: Config, store: Store, name: str, *, clock: Clock) -> export.PushReport:
    """Export what waits for sink `name` and take its answers. How it went is kept in the store."""
    sink = peers.sink(config, name)
    with databases.lock(config, f"sink-{name}"), disk.faults_told():
        try:
            report = export.push(
                store,
                name=name,
                setting=config.sinks[name],
                sink=sink,
                attachments=Attachments(config.lk.data_dir),
                now=clock,
            )
        except LkError as error:
            kind, text = type(error).__name__, str(error)
            with suppress(sqlite3.Error, LkError):  # no room, no server; the error itself is what must be told
                store.write_now(lambda tx: pushes.failed(tx, sink=name, kind=kind, text=text, now=clock()))
            raise
        store.write_now(lambda tx: pushes.done(tx, sink=name, now=clock()))
        return report


def timetable_path(folder: Path) -> Path:
    return folder.absolute().parent / "schedules.yaml"
