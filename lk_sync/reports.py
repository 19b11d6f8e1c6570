"""Reports: what does the operator see on the terminal, and what does a program read?

Tables and sentences in Russian for people, plain lines when the output is no terminal, JSON on request.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from lk_sync.clock import local
from lk_sync.logs import harmless
from lk_sync.store import runs

if TYPE_CHECKING:  # the portal speaks here too, and has no use for what pulls and pushes
    from lk_sync.flow.export import PushReport
    from lk_sync.flow.pull import Progress as Step
    from lk_sync.flow.pull import Watch
    from lk_sync.flow.run import RunReport

STATES: Final = {
    "running": "идёт",
    "published": "опубликован",
    "unchanged": "без изменений",
    "held": "ЗАДЕРЖАН",
    "failed": "ОШИБКА",
    "broken": "прерван",
}
KINDS: Final = {"dry": "проба", "revert": "отмена запуска {}"}
MODES: Final = {"full": "полностью", "increment": "изменения"}

out = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str = "") -> None:
    """For people. Lines may be several; what a source wrote in them cannot do anything to the terminal."""
    out.print("\n".join(map(harmless, text.split("\n"))), markup=False)


def complain(text: str) -> None:
    err.print("\n".join(map(harmless, text.split("\n"))), markup=False)


def as_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def when(instant: str | None, zone: ZoneInfo) -> str:
    return f"{local(instant, zone):%d.%m.%Y %H:%M:%S}" if instant else "—"


def outcome(run: runs.Run) -> str:
    """How a run ended, and what it was."""
    if run.reverted_by is not None:
        return f"отменён запуском {run.reverted_by}"
    if run.kind == "pull":
        return STATES[run.state]
    what = KINDS[run.kind].format(run.reverts)
    return what if run.state in ("published", "unchanged") else f"{what}: {STATES[run.state]}"


def seconds_between(start: str, end: str | None) -> str:
    if end is None:
        return "—"
    return f"{(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds():.1f} с"


def number(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def decimal(scaled: int, digits: int) -> str:
    """A whole number whose last `digits` digits are its fraction, without the zeros at its end: `12,5`."""
    whole, rest = divmod(abs(scaled), 10**digits)
    fraction = f"{rest:0{digits}d}".rstrip("0")
    return f"{'-' if scaled < 0 else ''}{whole}{',' if fraction else ''}{fraction}"


def rubles(kopecks: int) -> str:
    """`-1 234,50`."""
    return f"{'-' if kopecks < 0 else ''}{number(abs(kopecks) // 100)},{abs(kopecks) % 100:02d}"


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Iterable[int] = ()) -> None:
    """A table on a terminal; tab-separated lines elsewhere."""
    if not out.is_terminal:
        for row in (headings, *rows):
            sys.stdout.write("\t".join(harmless(str(cell)) for cell in row) + "\n")  # rich would expand the tabs
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for i, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if i in right else "left")
    for row in rows:
        shown.add_row(*(_cell(cell) for cell in row))
    out.print(shown)


def _cell(cell: Any) -> Text:
    """A `Text` brings its colour along."""
    return Text(harmless(str(cell)), style=cell.style if isinstance(cell, Text) else "")


@contextmanager
def progress() -> Iterator[Watch]:
    """Progress bars on a terminal, a line per finished dataset elsewhere."""
    if not err.is_terminal:
        yield _lines()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, auto_refresh=False, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def watch(step: Step) -> None:
            if step.dataset not in tasks:
                tasks[step.dataset] = bars.add_task(step.dataset, total=step.total)
            bars.update(tasks[step.dataset], completed=step.rows, total=step.total, refresh=True)

        yield watch


def _lines() -> Watch:
    finished: set[str] = set()

    def watch(step: Step) -> None:
        if step.rows == step.total and step.dataset not in finished:
            finished.add(step.dataset)
            complain(f"{step.dataset}: получено строк {number(step.rows)}")

    return watch


def run_report(report: RunReport) -> None:
    ended = KINDS["dry"] if report.kind == "dry" else STATES[report.state]
    say(f"Запуск {report.run}, задание {report.job}: {ended}")
    datasets(report.datasets)
    for finding in report.findings:
        say(f"{'ЗАДЕРЖАНО' if finding.holds else 'Замечание'}: {finding.dataset}: {finding.text}")
    if report.state == "held":
        say(f"Абоненты видят прежние данные. Что изменится и что делать: lk-sync runs show {report.run}")
        say(f"Если новые данные верны: lk-sync approve {report.run}")
    if any(d.rejected for d in report.datasets) or any(finding.lost for finding in report.findings):
        say(f"Что не принято и почему: lk-sync rejects {report.run}")


def datasets(brought: Sequence[runs.RunDataset]) -> None:
    """What a run has brought and changed."""
    table(
        ("набор", "как", "получено", "отклонено", "новых", "изменено", "исчезло", "загрузка, с", "публикация, с"),
        [
            (
                d.dataset,
                MODES[d.mode],
                *(number(n) for n in (d.pulled, d.rejected, d.inserted, d.updated, d.ended)),
                f"{d.pull_seconds:.2f}",
                f"{d.publish_seconds:.2f}",
            )
            for d in brought
        ],
        right=range(2, 9),
    )


def push_report(report: PushReport) -> None:
    say(
        f"{report.sink}: выгружено {number(report.exported)}, подтверждено {number(report.confirmed)}, "
        f"отклонено {number(report.rejected)}, непонятных ответов {number(report.stray)}"
    )
    for withheld in report.withheld:
        say(f"! запись {withheld.item} не выгружена: {withheld.reason}")
    for refused in report.refused:
        say(f"! файл ответа {refused.file} не принят и отложен в папку error: {refused.reason}")
    if report.stray:
        say("! непонятные ответы перечислены в отчётах рядом с файлами ответов, в папке done")
