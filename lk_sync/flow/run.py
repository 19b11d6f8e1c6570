"""Run: how does one walk of a pull job go from beginning to end, and what is left if it is killed anywhere?

lock the source → mend what a killed run left → number the run → pull into a staging file (child process) →
check → publish in one transaction → write down what happened. A run that is killed before the publication's
COMMIT changed nothing; one killed after it is found published at the next start.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from lk_sync import databases, logs, mapping, registry
from lk_sync.cache.base import Base
from lk_sync.cache.merge import Merged
from lk_sync.clock import Clock, instant
from lk_sync.config import Config, SourceSetting
from lk_sync.contracts import Totals, Wanted
from lk_sync.errors import BadData, Busy, Held, LkError, SettingsError, Unreachable
from lk_sync.flow import desk, disk, picture, publish, replay, settle, stage
from lk_sync.flow.case import Case
from lk_sync.flow.check import check
from lk_sync.flow.findings import Finding
from lk_sync.flow.picture import Picture
from lk_sync.flow.publish import Published
from lk_sync.flow.pull import Order, Watch, pull
from lk_sync.flow.replay import Retold
from lk_sync.flow.since import asked_by_hand, asked_since
from lk_sync.flow.stage import Staged
from lk_sync.flow.validate import storable
from lk_sync.locks import Hold
from lk_sync.schedules import Job
from lk_sync.store import audit, rejects, runs
from lk_sync.store.database import Store, Tx
from lk_sync.store.rejects import Unsettled

HELD_KEPT_DAYS: Final = 7
REPLAY: Final = "replay"  # what runs are called in which rejected rows were tried again
TIMES_MOVED: Final = 5  # so often may other sources publish while one is checked


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: `published`, `unchanged` or `held`. A run that failed raises instead."""

    run: int
    job: str
    state: runs.State
    datasets: tuple[runs.RunDataset, ...]
    findings: tuple[Finding, ...]
    kind: runs.Kind = "pull"
    picture: Picture | None = None  # what would change, of a run that is held or only tried

    @property
    def clean(self) -> bool:
        amiss = any(finding.holds or finding.lost for finding in self.findings)
        return not amiss and not any(d.rejected for d in self.datasets)


class Act(NamedTuple):
    """What a person has decided about a run, for the audit."""

    who: str
    act: Literal["run_approved", "run_reverted"]
    run: int
    detail: Mapping[str, Any]

    def note(self, tx: Tx, now: datetime) -> None:
        audit.append(tx, actor=self.who, act=self.act, object=f"run:{self.run}", now=now, detail=self.detail)


class Puller:
    """Walks pull jobs. `watch` is told of progress; setting `stop` rolls the run in hand back."""

    def __init__(
        self, config: Config, store: Store, *, clock: Clock, watch: Watch, stop: threading.Event, started_by: str
    ) -> None:
        self._config, self._store, self._clock = config, store, clock
        self._cache = databases.cache(config)
        self._watch, self._stop, self._started_by = watch, stop, started_by

    def walk(
        self, name: str, job: Job, *, full: bool = False, dry: bool = False, since: str | None = None
    ) -> RunReport:
        """One run. `dry`: nothing is published, the cache is not touched. `since`: the increment begins there. Raises
        Busy, SettingsError, Unprotected, Unreachable, AccessDenied, BadData."""
        setting = self._config.sources[job.peer]
        file = self._config.folder / "sources" / f"{job.peer}.yaml"
        wanted = mapping.all_wanted(file, setting, job.datasets)
        mapping.agree(file.parent, self._config.sources)
        with databases.lock(self._config, job.peer) as hold, disk.faults_told():
            self._mend(job.peer)

            def body(run: int) -> RunReport:
                anew = (full or job.full) and since is None
                wished = self._since(wanted, job.peer, full=anew, since=since)
                return self._walk(run, name, job, setting, wished, hold, anew=anew, dry=dry)

            return self._numbered(name, job.peer, body, kind="dry" if dry else "pull")

    def _numbered(
        self,
        name: str,
        source: str,
        body: Callable[[int], RunReport],
        *,
        kind: runs.Kind = "pull",
        reverts: int | None = None,
    ) -> RunReport:
        """`body` as a run with a number; the lock of the source is held."""
        by, began = self._started_by, self._clock()
        run = self._store.write_now(
            lambda tx: runs.open_run(tx, job=name, source=source, started_by=by, now=began, kind=kind, reverts=reverts)
        )
        logs.belongs_to(run=run)
        try:
            with disk.faults_told():
                return body(run)
        except LkError as error:
            with suppress(sqlite3.Error, LkError):  # no room, no server; the next walk will find the run broken
                if isinstance(error, Unreachable) and publish.is_published(self._cache, run):
                    self._close(run, "published")  # the answer to COMMIT was lost on its way, the publication was not
                else:
                    self._close(run, "broken" if self._stop.is_set() else "failed", error)
            raise

    def replay(self, source: str, run: int, rejected: Sequence[Unsettled]) -> RunReport:
        """Try rows again that `run` could not take, by the mapping as it is now. What is taken is published, what is
        rejected again lies on the desk as the new run's. Raises as `walk`, SettingsError when cells are missing."""
        if source not in self._config.sources:
            raise SettingsError(f"источник «{source}» больше не описан в sources/; его строки можно только отложить")
        again = replay.rows_of(rejected)
        setting, file = self._config.sources[source], self._config.folder / "sources" / f"{source}.yaml"
        wanted = mapping.all_wanted(file, setting, {row.dataset for row in again})
        for row in again:
            replay.fit(next(wish for wish in wanted if wish.dataset.name == row.dataset), row)
        with databases.lock(self._config, source) as hold, disk.faults_told():
            self._mend(source)
            wished = replay.wishes(wanted, publish.watermarks(self._cache, source))
            job = Job(pull=source, every="1h")

            def body(number: int) -> RunReport:
                return self._walk(number, REPLAY, job, setting, wished, hold, Retold(run, tuple(again)))

            report = self._numbered(REPLAY, source, body)
            if report.state != "held":
                by = f"повтор, запуск {report.run}"
                self._store.write_now(lambda tx: rejects.settle(tx, rejected, by=by, now=self._clock()))
            return report

    def _since(self, wanted: list[Wanted], source: str, *, full: bool, since: str | None = None) -> tuple[Wanted, ...]:
        if full:
            return tuple(wanted)
        setting = self._config.sources[source].datasets
        rows = publish.watermarks(self._cache, source)
        gone = publish.watermarks(self._cache, source, which="gone_watermark")
        minutes = {name: dataset.overlap_minutes for name, dataset in setting.items()}
        if since is not None:
            rows = {name: asked_by_hand(name, known, since) for name, known in rows.items()}
            minutes = dict.fromkeys(minutes, 0)
        return tuple(asked_since(each, minutes[each.dataset.name], rows, gone) for each in wanted)

    def _walk(
        self,
        run: int,
        name: str,
        job: Job,
        setting: SourceSetting,
        wanted: tuple[Wanted, ...],
        hold: Hold,
        retold: Retold | None = None,
        anew: bool = False,
        dry: bool = False,
    ) -> RunReport:
        staging = self._staging(run)
        order = Order(
            run=run,
            job=name,
            name=job.peer,
            source=setting.source,
            connection=dict(setting.connection),
            file=self._config.folder / "sources" / f"{job.peer}.yaml",
            wanted=wanted,
            staging=staging,
            cache=self._cache,
            again=retold.rows if retold else (),
            anew=anew,
            aside=dry,
        )
        keep = False
        try:
            pull(order, deadline_seconds=60.0 * job.deadline_minutes, watch=self._watch, stop=self._stop)
            report = self._check_and_publish(run, name, job, setting, staging, hold, retold, dry=dry)
            keep = report.state == "held"
            return report
        finally:
            if not keep:
                staging.unlink(missing_ok=True)

    def _check_and_publish(
        self,
        run: int,
        name: str,
        job: Job,
        setting: SourceSetting,
        staging: Path,
        hold: Hold,
        retold: Retold | None = None,
        *,
        dry: bool = False,
    ) -> RunReport:
        at = instant(self._clock())
        with publish.staged_beside_cache(self._cache, staging, hold) as (base, staged):
            guards = {n: d.guards for n, d in setting.datasets.items()}
            if retold:
                replay.drop_older(base, staged, run=retold.run)
                guards = {n: msgspec.structs.replace(rule, reject_percent=100) for n, rule in guards.items()}
            self._keep_rejects(run, base, dry=dry)
            for _ in range(TIMES_MOVED):
                differences = publish.differences(base, staged, source=job.peer)
                case = Case(base, staged, guards, differences, source=job.peer, now=self._now_of(setting))
                found = check(case)
                if dry or any(finding.holds for finding in found):
                    return self._record(run, name, staged, {}, tuple(found), drawn=picture.draw(case), dry=dry)
                with suppress(publish.Moved):
                    done = publish.publish(base, staged, run=run, source=job.peer, at=at, found=differences)
                    self._settle(base, staged, run=run, source=job.peer)
                    return self._record(run, name, staged, done, tuple(found))
        raise Busy("кэш всё время меняют другие источники; ничего не опубликовано, повторите позже")

    def _settle(self, base: Base, staged: Mapping[str, Staged], *, run: int, source: str) -> None:
        """What a publication means for rows that were not taken before, and for the files that rows came from."""
        desk.settle(self._store, base, staged, run=run, source=source, now=self._clock())
        self._settle_files(base, source)

    def _settle_files(self, base: Base, name: str) -> None:
        told = settle.outcomes(base, source=name)
        if told and name in self._config.sources:
            setting, file = self._config.sources[name], self._config.folder / "sources" / f"{name}.yaml"
            settle.settle(partial(registry.source, setting.source, setting.connection, file), told)

    def _keep_rejects(self, run: int, base: Base, *, dry: bool) -> None:
        """Those of a run that only tried wait for nobody."""
        rejected = stage.rejects(base)

        def work(tx: Tx) -> None:
            rejects.add_all(tx, run, rejected)
            if dry:
                rejects.settle_run(tx, run, by="проба", now=self._clock())

        self._store.write_now(work)

    def _now_of(self, setting: SourceSetting) -> datetime:
        return self._clock().astimezone(ZoneInfo(setting.time_zone))

    def _record(
        self,
        run: int,
        name: str,
        staged: Mapping[str, Staged],
        done: Mapping[str, Published],
        found: tuple[Finding, ...],
        was: runs.State = "running",
        *,
        drawn: Picture | None = None,
        dry: bool = False,
        act: Act | None = None,
    ) -> RunReport:
        datasets = tuple(_dataset(what, done.get(n), found) for n, what in staged.items())
        changed = any(p.merged.changed for p in done.values())
        state: runs.State = "held" if not done and not dry else "published" if changed else "unchanged"
        held = Held("; ".join(f"{f.dataset}: {f.text}" for f in found if f.holds)) if state == "held" else None
        self._close(run, state, held, datasets, was, act, drawn)
        kind: runs.Kind = "dry" if dry else "pull"
        return RunReport(run=run, job=name, state=state, datasets=datasets, findings=found, kind=kind, picture=drawn)

    def _close(
        self,
        run: int,
        state: runs.State,
        error: LkError | None = None,
        datasets: tuple[runs.RunDataset, ...] = (),
        was: runs.State = "running",
        act: Act | None = None,
        drawn: Picture | None = None,
    ) -> None:
        kind, text = (type(error).__name__, storable(str(error))) if error else (None, None)

        def work(tx: Tx) -> None:
            for dataset in datasets:
                runs.add_dataset(tx, run, dataset)
            runs.close(tx, run, state=state, now=self._clock(), was=was, error_kind=kind, error_text=text)
            if act is not None:
                act.note(tx, self._clock())
            if drawn is not None:
                runs.draw(tx, run, msgspec.json.encode(drawn).decode())

        self._store.write_now(work)

    def _mend(self, source: str) -> None:
        """Runs that are marked as running are dead, for we hold the lock: say how each really ended."""
        for run in self._store.read(lambda tx: runs.running_of(tx, source)):
            if publish.is_published(self._cache, run):
                self._close(run, "published")
            else:
                self._close(run, "broken", BadData("процесс был остановлен до публикации; данные прежние"))
        self._sweep(source)

    def _sweep(self, source: str) -> None:
        """Staging files of this source's runs that nobody can approve any more."""
        oldest = instant(self._clock() - timedelta(days=HELD_KEPT_DAYS))
        for path in self._staging_folder().glob("run-*.db*"):
            run = self._one(int(path.name.split("-")[1].split(".")[0]))
            if run is None or (run.source == source and (run.state != "held" or run.started_at < oldest)):
                path.unlink(missing_ok=True)

    def _one(self, run: int) -> runs.Run | None:
        return self._store.read(lambda tx: runs.one(tx, run))

    def _staging_folder(self) -> Path:
        folder = self._config.lk.data_dir / "staging"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _staging(self, run: int) -> Path:
        return self._staging_folder() / f"run-{run:08d}.db"


def _dataset(what: Staged, done: Published | None, found: tuple[Finding, ...]) -> runs.RunDataset:
    merged = done.merged if done else Merged()
    own = [finding for finding in found if finding.dataset == what.dataset]
    pulled = Totals(rows=what.pulled - what.rejected, sums=what.sums)
    return runs.RunDataset(
        dataset=what.dataset,
        mode=what.mode,
        pulled=what.pulled,
        rejected=what.rejected,
        inserted=merged.inserted,
        updated=merged.updated,
        ended=merged.ended,
        source_totals=msgspec.json.encode(what.source).decode() if what.source else None,
        pulled_totals=msgspec.json.encode(pulled).decode(),
        findings=msgspec.json.encode(own).decode(),
        pull_seconds=what.seconds,
        publish_seconds=done.seconds if done else 0.0,
    )
