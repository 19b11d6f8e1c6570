"""Engine: who walks the jobs of the timetable, and what happens when it is told to stop?

One engine per data folder: a second one leaves with a message. SIGTERM and SIGINT end it: a pull in hand is
rolled back, a publication or delivery in hand is finished. A source that cannot be reached, or is in other hands, is
tried again after 1, 5, 15 and then every 60 minutes until its next regular start. A start that was missed while no
engine ran is made up for at the beginning.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from lk_sync import databases, logs, peers, schedules
from lk_sync.clock import Clock, moment
from lk_sync.config import Config
from lk_sync.errors import Busy, LkError, Unreachable
from lk_sync.flow import disk, export
from lk_sync.flow.run import Puller, RunReport
from lk_sync.schedules import Job, Schedules
from lk_sync.store import runs
from lk_sync.store.database import Store

RETRY_MINUTES: Final = (1, 5, 15, 60)
WORKERS: Final = 4


def run(config: Config, timetable: Schedules, *, clock: Clock) -> None:
    """The timetable until a stop signal. Raises Busy when another engine walks it."""
    with databases.lock(config, "engine"), closing(databases.open_store(config)) as store:
        Engine(config, timetable, store, clock=clock).serve()


class Engine:
    """The timetable in motion. `serve` returns after a stop signal, with everything in hand ended."""

    def __init__(self, config: Config, timetable: Schedules, store: Store, *, clock: Clock) -> None:
        self._config, self._timetable, self._store, self._clock = config, timetable, store, clock
        self._stop = threading.Event()
        self._failing: dict[str, tuple[int, str]] = {}  # job → how often in a row, and with which error last
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(WORKERS)},
            job_defaults={"coalesce": True, "max_instances": 1},
            timezone=UTC,
        )

    def serve(self) -> None:
        log = logs.get()
        signals: SimpleQueue[int] = SimpleQueue()  # unlike an Event it may be set from a signal handler
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: signals.put(number))
        last = {run.job: moment(run.started_at) for run in self._store.read(runs.last_of_each_job)}
        for name, job in self._timetable.jobs.items():
            self._add(name, job, last.get(name))
        self._scheduler.start()
        log.info("timetable started", jobs=len(self._timetable.jobs))
        received = signals.get()
        log.info("stopping", signal=signal.Signals(received).name)
        self._stop.set()
        self._scheduler.shutdown(wait=True)
        log.info("stopped")

    def _add(self, name: str, job: Job, last: datetime | None) -> None:
        now = self._clock()
        first = {}
        if schedules.is_overdue(job, self._timetable, last=last, now=now):
            logs.get(job=name).info("overdue, starts at once", last=last.isoformat() if last else None)
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

    def _walk(self, name: str, job: Job) -> None:
        log = logs.get(job=name)
        if self._stop.is_set():
            return
        try:
            walk(self._config, self._store, name, job, clock=self._clock, stop=self._stop)
        except LkError as error:
            if self._stop.is_set():
                log.info("rolled back", reason=str(error))
            else:
                self._failed(name, job, error, log)
        except Exception:  # a fault of ours must not end the timetable; it is told with its place
            log.exception("fault")
        else:
            if self._failing.pop(name, None) is not None:
                log.info("well again")
                self._forget_retry(name)

    def _failed(self, name: str, job: Job, error: LkError, log: Any) -> None:
        """Says it once for as long as the error is of the same kind."""
        kind = type(error).__name__
        times, known = self._failing.get(name, (0, ""))
        self._failing[name] = (times + 1, kind)
        if kind != known:
            say = log.warning if isinstance(error, Busy) else log.error
            say("failed", kind=kind, reason=str(error))
        if isinstance(error, Unreachable | Busy):
            self._retry(name, job, RETRY_MINUTES[min(times, len(RETRY_MINUTES) - 1)])

    def _retry(self, name: str, job: Job, minutes: float) -> None:
        at = self._clock() + timedelta(minutes=minutes)
        regular = self._scheduler.get_job(name)
        if regular is None or regular.next_run_time is None or at < regular.next_run_time:
            self._scheduler.add_job(
                self._walk, "date", run_date=at, args=(name, job), id=_again(name), replace_existing=True
            )

    def _forget_retry(self, name: str) -> None:
        with suppress(JobLookupError):
            self._scheduler.remove_job(_again(name))


def _again(name: str) -> str:
    return f"again: {name}"


def walk(
    config: Config, store: Store, name: str, job: Job, *, clock: Clock, stop: threading.Event
) -> RunReport | export.PushReport:
    """One walk of a job by the timetable. Raises what the walk raises."""
    log = logs.get(job=name)
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
        run=pulled.run,
        rows=sum(d.pulled for d in pulled.datasets),
        changed=sum(d.inserted + d.updated + d.ended for d in pulled.datasets),
        rejected=sum(d.rejected for d in pulled.datasets),
        held="; ".join(f"{f.dataset}: {f.text}" for f in pulled.findings if f.holds) or None,
    )
    return pulled


def push(config: Config, store: Store, name: str, *, clock: Clock) -> export.PushReport:
    """Export what waits for sink `name` and take its answers."""
    sink = peers.sink(config, name)
    with databases.lock(config, f"sink-{name}"), disk.faults_told():
        return export.push(store, name=name, setting=config.sinks[name], sink=sink, now=clock)


def timetable_path(folder: Path) -> Path:
    return folder.absolute().parent / "schedules.yaml"
