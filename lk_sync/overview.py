"""Overview: what does an operator see on one screen?

Aligned and coloured on a terminal, tab-separated lines elsewhere. A usual installation (three jobs, all datasets of one
source) fits into 80 columns and 24 lines: datasets that are alike in everything stand on one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from zoneinfo import ZoneInfo

from rich.text import Text

from lk_sync import reports
from lk_sync.clock import local
from lk_sync.reports import number, say
from lk_sync.status import DatasetSeen, JobSeen, Seen

GIGABYTE: Final = 1024**3
PUSHED: Final = "выгружено"
COLOURS: Final = {"published": "green", "unchanged": "green", "pushed": "green", "held": "yellow", "failed": "bold red"}


def show(seen: Seen, zone: ZoneInfo) -> None:
    say(f"lk-sync {seen.version} · {_short(seen.at, zone)} · {_engine(seen, zone)}")
    reports.table(
        ("задание", "с кем", "запуск", "последний раз", "итог", "хороший", "следующий"),
        [_job(job, zone) for job in seen.jobs],
    )
    reports.table(
        ("набор", "источник", "запуск", "данные на", "на столе"),
        [_datasets(alike, zone) for alike in alike(seen.datasets)],
    )
    say(
        f"К выгрузке: {number(seen.outbox.waiting)}, ждут ответа: {number(seen.outbox.exported)}, "
        f"из них поздно: {number(seen.outbox.unanswered)} · писем в очереди: {number(seen.letters.waiting)}"
    )
    disk = seen.disk
    say(
        f"Диск: свободно {_gigabytes(disk.free_bytes)} из {_gigabytes(disk.total_bytes)}; "
        f"кэш {_gigabytes(disk.cache_bytes)}, хранилище {_gigabytes(disk.store_bytes)}"
    )
    for trouble in seen.troubles:
        since = f" (с {_short(trouble.since, zone)})" if trouble.since else ""
        say(f"! {trouble}{since}")
    if not seen.troubles:
        say("Всё в порядке.")


def alike(datasets: Iterable[DatasetSeen]) -> list[list[DatasetSeen]]:
    """Datasets of one source that were last seen by one run, and of which as much lies on the desk."""
    found: dict[tuple[str, int, str, bool, int], list[DatasetSeen]] = {}
    for each in datasets:
        found.setdefault((each.source, each.run, each.as_of, each.stale, each.rejects), []).append(each)
    return list(found.values())


def _datasets(alike: list[DatasetSeen], zone: ZoneInfo) -> tuple[object, ...]:
    first = alike[0]
    as_of = _coloured(_short(first.as_of, zone), "yellow" if first.stale else "")
    return ", ".join(each.dataset for each in alike), first.source, first.run, as_of, first.rejects or ""


def _engine(seen: Seen, zone: ZoneInfo) -> str:
    engine = seen.engine
    if engine is None:
        return "lk-sync run ещё не запускался"
    if engine.ended_at:
        return f"lk-sync run остановлен {_short(engine.ended_at, zone)}"
    return f"lk-sync run работает с {_short(engine.started_at, zone)} ({engine.engine})"


def _job(job: JobSeen, zone: ZoneInfo) -> tuple[object, ...]:
    arrow = "←" if job.does == "pull" else "→"
    title = PUSHED if job.state == "pushed" else reports.STATES.get(job.state or "", "—")
    return (
        job.job,
        f"{arrow} {job.peer}",
        job.run or "",
        _short(job.started_at, zone),
        _coloured(title, COLOURS.get(job.state or "", "")),
        _short(job.good_at, zone),
        _short(job.next_start, zone),
    )


def _coloured(text: str, style: str) -> Text:
    return Text(text, style=style)


def _short(instant: str | None, zone: ZoneInfo) -> str:
    return f"{local(instant, zone):%d.%m %H:%M}" if instant else "—"


def _gigabytes(size: int) -> str:
    if size < GIGABYTE // 10:
        return f"{number(-(-size // 1024**2))} МБ"
    return f"{size / GIGABYTE:.1f} ГБ".replace(".", ",")
