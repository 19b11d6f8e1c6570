"""Schedules: which job runs when, and is the timetable one that can be kept?

`schedules.yaml`: jobs by name. A job pulls from a source or pushes to a sink, by a cron line (five fields, by the
clock of the file's time zone) or at an interval. A bad file is refused with its line and the reason.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, cast
from zoneinfo import ZoneInfo

import msgspec
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from lk_sync.config import SourceSetting
from lk_sync.errors import SettingsError
from lk_sync.setting import MOSCOW, Positive, Strict
from lk_sync.settings_fault import Wrong, hint
from lk_sync.settings_file import ZoneName, read, where

_EVERY: Final = re.compile(r"([1-9][0-9]{0,5})([smh])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_FIELDS: Final = {
    "minute": ("минута", "0-59"),
    "hour": ("час", "0-23"),
    "day": ("день", "1-31"),
    "month": ("месяц", "1-12"),
    "day_of_week": ("день_недели", "mon, tue, wed, thu, fri, sat, sun"),
}
_DAY, _WEEKDAY = 2, 4


class Job(Strict, frozen=True, kw_only=True):
    """One job. Exactly one of `pull` (a source) and `push` (a sink), exactly one of `cron` and `every`
    (`30s`, `15m`, `2h`).

    `full`: every run is a snapshot; otherwise datasets with a watermark come as an increment.
    `late_minutes`: a start that was missed (nobody ran the timetable, all hands were full) is made up for if it is not
    older; several missed ones are one. `retry_minutes`: how long after the first, second, … failure in a row a source
    that could not be reached is tried again; the last one goes on.
    """

    pull: str | None = None
    push: str | None = None
    datasets: tuple[str, ...] = ()
    full: bool = False
    cron: str | None = None
    every: str | None = None
    jitter_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 0
    late_minutes: Positive = 60
    deadline_minutes: Positive = 60
    retry_minutes: tuple[Positive, ...] = (1, 5, 15, 60)

    @property
    def does(self) -> Literal["pull", "push"]:
        return "pull" if self.pull is not None else "push"

    @property
    def peer(self) -> str:
        return cast("str", self.pull if self.pull is not None else self.push)


class Schedules(Strict, frozen=True, kw_only=True):
    time_zone: ZoneName = MOSCOW
    jobs: Mapping[str, Job]


def load(path: Path, *, sources: Mapping[str, SourceSetting], sinks: Iterable[str]) -> Schedules:
    """The timetable. Raises SettingsError: what is wrong, where, and the nearest right word."""
    schedules = read(path, Schedules)
    for name, job in schedules.jobs.items():
        try:
            _one_of(job, "pull", "push")
            _one_of(job, "cron", "every")
            _has_peer(job, sources, sinks)
            trigger(job, schedules)
        except Wrong as wrong:
            raise SettingsError(f"{where(path, 'jobs', name, *wrong.steps)}: {wrong}") from None
    return schedules


def _one_of(job: Job, left: str, right: str) -> None:
    if (getattr(job, left) is None) == (getattr(job, right) is None):
        raise Wrong(f"нужен ровно один из ключей {left} и {right}")


def _has_peer(job: Job, sources: Mapping[str, SourceSetting], sinks: Iterable[str]) -> None:
    known = sources if job.does == "pull" else sinks
    if job.peer not in known:
        folder = "sources" if job.does == "pull" else "sinks"
        raise Wrong(f"в настройках нет файла {folder}/{job.peer}.yaml{hint(job.peer, known)}", job.does)
    for key in ("datasets", "full"):
        if job.does == "push" and getattr(job, key):
            raise Wrong("бывает только у заданий загрузки (pull)", key)
    for name in job.datasets:
        if name not in sources[job.peer].datasets:
            described = hint(name, sources[job.peer].datasets)
            raise Wrong(f"набор «{name}» не описан в источнике {job.peer}{described}", "datasets")


class WallClock(CronTrigger):  # type: ignore[misc] # APScheduler has no types
    """A cron line by the clock on the wall. On the night when the clock goes back, a fixed hour comes once.

    Its instants are in UTC: two of the same zone are compared without their fold, so 02:30 would not be before 02:30.
    """

    spread_seconds: int = 0

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        fire = super().get_next_fire_time(previous, now)
        while fire is not None and fire.fold and self._hour_is_fixed:
            fire = super().get_next_fire_time(fire, fire)
        if fire is None:
            return None
        spread = random.uniform(0, self.spread_seconds)  # noqa: S311 - keeps guests from arriving together, no secret
        return cast("datetime", fire.astimezone(UTC) + timedelta(seconds=spread))

    @property
    def _hour_is_fixed(self) -> bool:
        return not any(str(field).startswith("*") for field in self.fields if field.name == "hour")


def trigger(job: Job, schedules: Schedules) -> WallClock | IntervalTrigger:
    """When the job starts."""
    if job.every is not None:
        return IntervalTrigger(seconds=_seconds(job.every), timezone=UTC, jitter=job.jitter_seconds or None)
    return _cron(job.cron or "", ZoneInfo(schedules.time_zone), job.jitter_seconds)


def is_overdue(job: Job, schedules: Schedules, *, last: datetime | None, now: datetime) -> bool:
    """Whether a job that last started at `last` has missed a start that is still worth making up for.

    An interval whose last start nobody knows is overdue. One in the future is of a clock that has been set back since.
    """
    if last is not None and last > now:
        last = None
    if job.every is not None:
        return last is None or last + timedelta(seconds=_seconds(job.every)) <= now
    if last is None:
        return False
    since = max(last, now - timedelta(minutes=job.late_minutes))
    missed = _cron(job.cron or "", ZoneInfo(schedules.time_zone), 0).get_next_fire_time(None, since)
    return missed is not None and missed <= now


def next_start(job: Job, schedules: Schedules, *, last: datetime | None, now: datetime) -> datetime | None:
    """When the timetable starts a job that started last at `last`. None: at once, if it is walked at all."""
    if job.every is not None:
        next_one = last + timedelta(seconds=_seconds(job.every)) if last is not None and last <= now else None
        return next_one if next_one is not None and next_one > now else None
    return _cron(job.cron or "", ZoneInfo(schedules.time_zone), 0).get_next_fire_time(None, now)


def _seconds(every: str) -> int:
    if (match := _EVERY.fullmatch(every)) is None:
        raise Wrong(f"«{every}» — не промежуток; нужно число и буква: 30s, 15m, 2h", "every")
    return int(match[1]) * _SECONDS[match[2]]


def _cron(line: str, zone: ZoneInfo, spread_seconds: int) -> WallClock:
    parts = line.split()
    if len(parts) != len(_FIELDS):
        named = " ".join(title for title, _ in _FIELDS.values())
        raise Wrong(f"«{line}» — не расписание: нужно пять полей ({named}), а здесь {len(parts)}", "cron")
    for (field, (title, known)), part in zip(_FIELDS.items(), parts, strict=True):
        if not _is_good(field, part):
            raise Wrong(f"«{line}»: {title} «{part}» не годится; бывает *, {known}, a-b, a,b, */шаг", "cron")
    if parts[_DAY] != "*" and parts[_WEEKDAY] != "*":
        raise Wrong(f"«{line}»: день и день_недели вместе разные программы понимают по-разному; оставьте один", "cron")
    cron = WallClock(**dict(zip(_FIELDS, parts, strict=True)), timezone=zone)
    if cron.get_next_fire_time(None, datetime.now(UTC)) is None:
        raise Wrong(f"«{line}»: такого дня не бывает", "cron")
    cron.spread_seconds = spread_seconds
    return cron


def _is_good(field: str, part: str) -> bool:
    if field == "day_of_week" and any(sign.isdigit() for sign in part):
        return False  # 0 is Monday to APScheduler and Sunday to cron: only names are clear
    try:
        CronTrigger(**{field: part}, timezone=UTC)
    except ValueError:
        return False
    return True
