"""A timetable is kept by the supplier's clock, or refused with line and reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.base import BaseTrigger
from hypothesis import given
from hypothesis import strategies as st

from lk_sync import schedules
from lk_sync.config import DatasetSetting, SourceSetting
from lk_sync.errors import SettingsError
from lk_sync.schedules import Job, Schedules
from lk_sync.settings_fault import Wrong
from lk_sync.settings_file import ZoneName

TIMETABLE = """\
time_zone: Europe/Moscow
jobs:
  nightly:
    pull: books
    datasets: [bills]
    full: true
    cron: "10 3 * * *"
    jitter_seconds: 120
  often:
    push: files
    every: 15m
"""
BOOKS = SourceSetting(source="x", connection={}, datasets={"bills": DatasetSetting(table="x", fields={})})
BERLIN = ZoneInfo("Europe/Berlin")


def _load(path: Path) -> Schedules:
    return schedules.load(path, sources={"books": BOOKS}, sinks=["files"])


def _starts(trigger: BaseTrigger, begin: datetime, count: int) -> list[datetime]:
    """The first starts from `begin` on, as a scheduler asks for them: each when the former one is due."""
    now, starts = begin, [trigger.get_next_fire_time(None, begin)]
    while len(starts) < count:
        now = max(now, starts[-1]) + timedelta(milliseconds=5)
        starts.append(trigger.get_next_fire_time(starts[-1], now))
    return starts


def _trigger(cron: str, zone: str = "Europe/Berlin", **other: int) -> BaseTrigger:
    return schedules.trigger(Job(pull="books", cron=cron, **other), Schedules(time_zone=ZoneName(zone), jobs={}))


def test_the_shipped_timetable_can_be_kept(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    timetable = schedules.load(root / "schedules.yaml", sources={"accounting": BOOKS}, sinks=["accounting"])
    assert {job.does for job in timetable.jobs.values()} == {"pull", "push"}


def test_jobs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "schedules.yaml"
    path.write_text(TIMETABLE, "utf-8")
    nightly, often = _load(path).jobs.values()
    assert (nightly.does, nightly.peer, nightly.full, nightly.datasets) == ("pull", "books", True, ("bills",))
    assert (often.does, often.peer, often.every) == ("push", "files", "15m")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("    pull: books\n", "", 3, "jobs.nightly: нужен ровно один из ключей pull и push"),
        ("pull: books", "pull: books\n    push: files", 3, "jobs.nightly: нужен ровно один из ключей pull и push"),
        ("    every: 15m\n", "", 9, "jobs.often: нужен ровно один из ключей cron и every"),
        ("every: 15m", 'every: 15m\n    cron: "* * * * *"', 9, "jobs.often: нужен ровно один из ключей cron и every"),
        ("pull: books", "pull: boks", 4, "pull: в настройках нет файла sources/boks.yaml; может быть, «books»?"),
        ("push: files", "push: books", 10, "jobs.often.push: в настройках нет файла sinks/books.yaml; есть: files"),
        ("[bills]", "[bils]", 5, "nightly.datasets: набор «bils» не описан в источнике books; может быть, «bills»?"),
        ("every: 15m", "every: 15m\n    full: true", 12, "often.full: бывает только у заданий загрузки (pull)"),
        (
            "every: 15m",
            "every: 15 min",
            11,
            "jobs.often.every: «15 min» — не промежуток; нужно число и буква: 30s, 15m",
        ),
        ("every: 15m", "every: 0s", 11, "jobs.often.every: «0s» — не промежуток"),
        ("every: 15m", "evry: 15m", 11, "jobs.often.evry: неизвестный ключ; может быть, «every»?"),
        ("jitter_seconds: 120", "jitter_seconds: 9999", 8, "jitter_seconds: нужно: целое число не больше 3600"),
        ("Europe/Moscow", "Europe/Moskow", 1, "time_zone: неизвестный часовой пояс «Europe/Moskow»"),
        ("  often:", "  nightly:", 9, "ключ «nightly» задан дважды"),
    ],
)
def test_a_wrong_job_is_refused_with_its_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    path = tmp_path / "schedules.yaml"
    assert old in TIMETABLE
    path.write_text(TIMETABLE.replace(old, new), "utf-8")
    with pytest.raises(SettingsError) as told:
        _load(path)
    place, _, sentence = str(told.value).partition(": ")
    assert place == f"{path}, строка {line}"
    assert says in sentence


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("10 3 * *", "нужно пять полей (минута час день месяц день_недели), а здесь 4"),
        ("@daily", "нужно пять полей"),
        ("", "нужно пять полей"),
        ("61 3 * * *", "минута «61» не годится; бывает *, 0-59"),
        ("10 24 * * *", "час «24» не годится"),
        ("10 3 0 * *", "день «0» не годится"),
        ("10 3 * 13 *", "месяц «13» не годится"),
        ("*/0 * * * *", "минута «*/0» не годится"),
        ("10 3 5-1 * *", "день «5-1» не годится"),
        ("x * * * *", "минута «x» не годится"),
        ("10 3 * * 0", "день_недели «0» не годится; бывает *, mon, tue, wed, thu, fri, sat, sun"),
        ("10 3 * * 7", "день_недели «7» не годится"),
        ("10 3 1 * mon", "день и день_недели вместе разные программы понимают по-разному; оставьте один"),
        ("10 3 31 2 *", "такого дня не бывает"),
    ],
)
def test_a_bad_cron_line_is_refused_with_the_field_that_is_wrong(tmp_path: Path, cron: str, says: str) -> None:
    path = tmp_path / "schedules.yaml"
    path.write_text(TIMETABLE.replace("10 3 * * *", cron), "utf-8")
    with pytest.raises(SettingsError) as told:
        _load(path)
    assert f"строка 7: jobs.nightly.cron: «{cron}»" in str(told.value)
    assert says in str(told.value)


@given(st.text(alphabet="0123456789*/,-montuefri ", max_size=20))
def test_any_cron_line_is_kept_or_refused_in_words(line: str) -> None:
    try:
        _trigger(line)
    except Wrong as wrong:
        assert (f"«{line}»" in str(wrong), wrong.steps) == (True, ("cron",))  # noqa: PT017 - either outcome is right


def test_a_cron_line_goes_by_the_clock_of_its_zone() -> None:
    begin = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert _starts(_trigger("10 3 * * mon", "Europe/Moscow"), begin, 2) == [
        datetime(2026, 11, 30, 0, 10, tzinfo=UTC),
        datetime(2026, 12, 7, 0, 10, tzinfo=UTC),
    ]
    assert _starts(_trigger("10 3 * * *", "Asia/Kamchatka"), begin, 1) == [datetime(2026, 11, 23, 15, 10, tzinfo=UTC)]


def test_a_fixed_hour_comes_once_on_the_night_when_the_clock_goes_back() -> None:
    begin = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert _starts(_trigger("30 2 * * *"), begin, 2) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # 02:30 of summer time
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]


def test_a_repeated_hour_is_worked_through_twice_by_a_job_of_every_half_hour() -> None:
    begin = datetime(2026, 10, 24, 23, 45, tzinfo=UTC)
    starts = _starts(_trigger("*/30 * * * *"), begin, 6)
    assert {later - earlier for earlier, later in pairwise(starts)} == {timedelta(minutes=30)}


def test_an_hour_that_is_left_out_does_not_lose_the_job() -> None:
    begin = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert [start.date().isoformat() for start in _starts(_trigger("30 2 * * *"), begin, 3)] == [
        "2026-03-29", "2026-03-30", "2026-03-31",
    ]  # fmt: skip


def test_jitter_only_delays_and_never_further_than_said() -> None:
    begin = datetime(2026, 11, 23, 12, tzinfo=UTC)
    plain = _starts(_trigger("0 * * * *"), begin, 50)
    spread = _starts(_trigger("0 * * * *", jitter_seconds=600), begin, 50)
    delays = [(late - exact).total_seconds() for late, exact in zip(spread, plain, strict=True)]
    assert all(0 <= delay <= 600 for delay in delays)
    assert len(set(delays)) > 40


NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # 15:00 in Moscow, a Monday


@pytest.mark.parametrize(
    ("cron", "last", "late", "overdue"),
    [
        ("0 14 * * *", timedelta(hours=20), 60, True),  # missed exactly 60 minutes ago
        ("0 14 * * *", timedelta(hours=20), 59, False),
        ("30 14 * * *", timedelta(hours=20), 60, True),
        ("30 14 * * *", timedelta(minutes=29), 60, False),  # walked when it was due
        ("0 16 * * *", timedelta(hours=20), 1440, False),  # not due yet, yesterday's was walked
        ("0 16 * * *", timedelta(hours=30), 1440, True),  # yesterday's was missed
        ("30 14 * * *", None, 60, False),  # never walked: it waits for its hour
    ],
)
def test_a_start_that_nobody_walked_is_made_up_for(cron: str, last: timedelta | None, late: int, overdue: bool) -> None:
    job = Job(pull="books", cron=cron, late_minutes=late)
    began = None if last is None else NOW - last
    assert schedules.is_overdue(job, Schedules(jobs={}), last=began, now=NOW) is overdue


@pytest.mark.parametrize(
    ("last", "overdue"),
    [(None, True), (timedelta(minutes=15), True), (timedelta(minutes=14), False)],
)
def test_an_interval_that_has_passed_is_not_waited_for_again(last: timedelta | None, overdue: bool) -> None:
    job = Job(push="files", every="15m")
    began = None if last is None else NOW - last
    assert schedules.is_overdue(job, Schedules(jobs={}), last=began, now=NOW) is overdue
