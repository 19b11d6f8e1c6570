"""Schedules: which job runs when, and is the timetable one that can be kept?

`schedules.yaml`: jobs by name. A job pulls from a source or pushes to a sink, by a cron line (five fields, in
the file's time zone) or at an interval. A bad file is refused with its line and the reason.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, cast
from zoneinfo import ZoneInfo

import msgspec
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from lk_sync.config import Positive, Strict, read
from lk_sync.errors import SettingsError

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


class Job(Strict, frozen=True, kw_only=True):
    """One job. Exactly one of `pull` (a source) and `push` (a sink), exactly one of `cron` and `every`
    (`30s`, `15m`, `2h`).

    `full`: every run is a snapshot; otherwise datasets with a watermark come as an increment.
    `late_minutes`: a start missed by more than this (the machine slept) is skipped; several missed ones are one.
    """

    pull: str | None = None
    push: str | None = None
    datasets: tuple[str, ...] = ()
    full: bool = False
    cron: str | None = None
    every: Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]{0,5}[smh]$")] | None = None
    jitter_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 0
    late_minutes: Positive = 60
    deadline_minutes: Positive = 60

    @property
    def does(self) -> Literal["pull", "push"]:
        return "pull" if self.pull is not None else "push"

    @property
    def peer(self) -> str:
        return cast("str", self.pull if self.pull is not None else self.push)


class Schedules(Strict, frozen=True, kw_only=True):
    time_zone: str = "Europe/Moscow"
    jobs: Mapping[str, Job]


def load(path: Path, *, sources: Iterable[str], sinks: Iterable[str]) -> Schedules:
    """The timetable. Raises SettingsError: what is wrong, where, and the nearest right word."""
    schedules = read(path, Schedules)
    for name, job in schedules.jobs.items():
        at = f"{path}, строка {_line(path, name)}: jobs.{name}"
        _one_of(at, job, "pull", "push")
        _one_of(at, job, "cron", "every")
        _peer_exists(at, job, list(sources) if job.does == "pull" else list(sinks))
        trigger(job, schedules, at)
    return schedules


def trigger(job: Job, schedules: Schedules, at: str = "") -> CronTrigger | IntervalTrigger:
    try:
        zone = ZoneInfo(schedules.time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise SettingsError(f"{at}: неизвестный часовой пояс «{schedules.time_zone}»") from error
    if job.every is not None:
        seconds = int(job.every[:-1]) * _SECONDS[job.every[-1]]
        return IntervalTrigger(seconds=seconds, timezone=zone, jitter=job.jitter_seconds or None)
    try:
        cron = CronTrigger.from_crontab(job.cron, timezone=zone)
    except ValueError as error:
        raise SettingsError(
            f"{at}.cron: «{job.cron}» — не расписание из пяти полей (минута час день месяц день_недели): {error}"
        ) from error
    cron.jitter = job.jitter_seconds or None
    return cron


def _one_of(at: str, job: Job, left: str, right: str) -> None:
    if (getattr(job, left) is None) == (getattr(job, right) is None):
        raise SettingsError(f"{at}: нужен ровно один из ключей {left} и {right}")


def _peer_exists(at: str, job: Job, known: list[str]) -> None:
    if job.peer not in known:
        near = difflib.get_close_matches(job.peer, known, n=1)
        hint = f"может быть, «{near[0]}»?" if near else f"есть: {', '.join(sorted(known)) or 'ни одного'}"
        folder = "config/sources" if job.does == "pull" else "config/sinks"
        raise SettingsError(f"{at}.{job.does}: в {folder} нет файла {job.peer}.yaml; {hint}")


def _line(path: Path, name: str) -> int:
    lines = path.read_text("utf-8").splitlines()
    return next((i for i, line in enumerate(lines, 1) if line.strip().startswith((f"{name}:", f'"{name}"'))), 1)
