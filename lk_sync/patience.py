"""Patience: after a walk that failed, when is the job tried again, and by whom?

By the kind of the error. Unreachable and Busy: by the engine, later each time, a little irregular. AccessDenied and
SettingsError: by a person; regular starts are passed over until somebody has walked the source by hand with success,
or a day has gone (a wrong password that is tried every quarter of an hour locks the account at the other end).
BadData and what is like it: at the next regular start.

What a restart must not forget is read from the store: the runs of a source, the deliveries of a sink.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Final

import msgspec

from lk_sync.clock import moment
from lk_sync.errors import BY_NAME, AccessDenied, Busy, LkError, SettingsError, Unreachable
from lk_sync.schedules import Job
from lk_sync.store import pushes, runs
from lk_sync.store.database import Store, Tx

MINUTE: timedelta = timedelta(minutes=1)
JITTER: Final = 0.2
STOPPED_FOR: Final = timedelta(hours=24)
AGAIN: Final = (Unreachable, Busy)
BY_A_PERSON: Final = (AccessDenied, SettingsError)


class Failing(msgspec.Struct, frozen=True):
    """A job that has failed `times` in a row, with errors of `kind` lately. `stopped`: a person is waited for; whoever
    has restarted the engine is one."""

    kind: str
    times: int
    since: datetime
    last: datetime
    stopped: bool = False


class Patience:
    """What is known of the jobs that fail. Used by several threads, each job by one at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failing: dict[str, Failing] = {}

    def remember(self, jobs: dict[str, Job]) -> None:
        """Takes up what the store knows of the jobs of the timetable."""
        known = self._store.read(_known)
        for name, job in jobs.items():
            if found := known.get((job.does, name if job.does == "pull" else job.peer)):
                self._failing[name] = found

    def failed(self, name: str, error: LkError, *, now: datetime) -> Failing:
        before = self._failing.get(name)
        since, times = (before.since, before.times) if before else (now, 0)
        self._failing[name] = Failing(type(error).__name__, times + 1, since, now, isinstance(error, BY_A_PERSON))
        return self._failing[name]

    def well(self, name: str) -> Failing | None:
        """What is over now, if anything was amiss."""
        return self._failing.pop(name, None)

    def of(self, name: str) -> Failing | None:
        return self._failing.get(name)

    def retry_at(self, name: str, job: Job) -> datetime | None:
        """When the engine tries the job again before its next regular start. None: it does not."""
        failing = self._failing.get(name)
        if failing is None or not job.retry_minutes or not _is(failing.kind, AGAIN):
            return None
        return failing.last + pause(job.retry_minutes, failing.times)

    def waits_for_a_person(self, name: str, job: Job, *, now: datetime) -> bool:
        """Whether a regular start of the job is passed over."""
        failing = self._failing.get(name)
        if failing is None or not failing.stopped or not 0 <= (now - failing.last) / STOPPED_FOR < 1:
            return False
        return self._store.read(lambda tx: _still_refused(tx, job))


def pause(minutes: tuple[int, ...], times: int) -> timedelta:
    """After `times` failures in a row; irregular, so that many jobs do not come back at once."""
    longest = minutes[min(times, len(minutes)) - 1]
    return MINUTE * longest * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # spreads load, guards nothing


def _known(tx: Tx) -> dict[tuple[str, str], Failing]:
    """(pull, job) or (push, sink) → how it fails."""
    known = {
        ("pull", found.job): Failing(found.kind, found.times, moment(found.since), moment(found.last))
        for found in runs.failing(tx)
    }
    for push in pushes.of_all_sinks(tx):
        if push.error_kind is not None and push.failing_since is not None:
            since, last = moment(push.failing_since), moment(push.tried_at)
            known["push", push.sink] = Failing(push.error_kind, push.failures, since, last)
    return known


def _still_refused(tx: Tx, job: Job) -> bool:
    if job.does == "push":
        return any(_is(push.error_kind, BY_A_PERSON) for push in pushes.of_all_sinks(tx) if push.sink == job.peer)
    last = runs.last_of_source(tx, job.peer)
    return last is not None and _is(last.error_kind, BY_A_PERSON)


def _is(kind: str | None, kinds: tuple[type[LkError], ...]) -> bool:
    return issubclass(BY_NAME.get(kind or "", LkError), kinds)
