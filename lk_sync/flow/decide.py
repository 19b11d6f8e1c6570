"""Decide: what does the word of a person do to a run: a held one is published, a published one is taken back?"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import NoReturn

import msgspec

from lk_sync import databases
from lk_sync.cache.base import Base
from lk_sync.clock import instant
from lk_sync.errors import SettingsError
from lk_sync.flow import disk, picture, publish, revert
from lk_sync.flow.picture import Picture
from lk_sync.flow.revert import Reverted
from lk_sync.flow.run import Act, Puller, RunReport
from lk_sync.store import runs


class Decider(Puller):
    """A puller that is told what to do with runs of the past. `who` decides, for the audit."""

    def approve(self, run: int, *, who: str) -> RunReport:
        """Publish a held run as it was staged. Raises SettingsError when it is not held any more, or when its datasets
        are not what they were when it was checked."""
        held = self._one(run)
        if held is None or held.state != "held":
            raise SettingsError(f"запуск {run} не задержан; задержанные показывает lk-sync status")
        with databases.lock(self._config, held.source) as hold, disk.faults_told():
            if publish.is_published(self._cache, run):  # whoever approved it was stopped before he could write it down
                self._close(run, "published", was="held", act=Act(who, "run_approved", run, {}))
                raise SettingsError(f"запуск {run} уже опубликован; это не было записано, теперь записано")
            staging = self._staging(run)
            if not staging.exists():
                self._refuse(held, "его данные уже удалены или лежат на другом компьютере, где шёл запуск")
            with publish.staged_beside_cache(self._cache, staging, hold) as (base, staged):
                differences = publish.differences(base, staged, source=held.source)
                self._refuse_when_moved(base, held, tuple(staged))
                at, seen_at = instant(datetime.fromisoformat(held.started_at)), instant(self._clock())
                try:
                    done = publish.publish(
                        base, staged, run=run, source=held.source, at=at, seen_at=seen_at, found=differences
                    )
                except publish.Moved:
                    self._refuse(held, "кэш только что изменил другой источник")
                self._settle(base, staged, run=run, source=held.source)
            act = Act(who, "run_approved", run, {"held": held.error_text})
            report = self._record(run, held.job, staged, done, (), was="held", act=act)
            staging.unlink()
            return report

    @staticmethod
    def _refuse(held: runs.Run, why: str) -> NoReturn:
        raise SettingsError(
            f"запуск {held.run} нельзя утвердить: {why}; загрузите снова и посмотрите, что выйдет: "
            f"lk-sync pull {held.job}"
        )

    def _refuse_when_moved(self, base: Base, held: runs.Run, datasets: tuple[str, ...]) -> None:
        """What was looked at is not what would be changed any more."""
        drawn = self._store.read(lambda tx: runs.picture(tx, held.run))
        if drawn is None:
            newer = self._store.read(lambda tx: runs.newer_published(tx, source=held.source, run=held.run))
            if newer:
                self._refuse(held, f"позже опубликован запуск {newer}")
            return
        then = {each.edition for each in msgspec.json.decode(drawn, type=Picture).stand}
        now = picture.stand(base, datasets)
        for each in now:
            if each.edition not in then and each.run > held.run:
                self._refuse(held, f"позже опубликован запуск {each.run} ({each.dataset}, источник {each.source})")
        if then != {each.edition for each in now}:
            self._refuse(held, "с тех пор отменён запуск, от которого он отличается, или кэш загружен заново")

    def revert(self, run: int, *, who: str) -> RunReport:
        """Take a published run back. Raises SettingsError when that is not possible (any more)."""
        target = self._one(run)
        if target is None:
            raise SettingsError(f"запуска {run} не было; последние показывает lk-sync runs")
        with databases.lock(self._config, target.source), disk.faults_told():
            self._mend(target.source)
            with closing(self._cache.open()) as base:
                revert.refuse(base, run)

                def body(number: int) -> RunReport:
                    done = revert.revert(base, run, run=number, at=instant(self._clock()))
                    datasets = tuple(_taken_back(each) for each in done)
                    act = Act(who, "run_reverted", run, {"by": number})
                    self._close(number, "published", datasets=datasets, act=act)
                    return RunReport(run=number, job=target.job, state="published", datasets=datasets, findings=())

                return self._numbered(target.job, target.source, body, kind="revert", reverts=run)


def _taken_back(what: Reverted) -> runs.RunDataset:
    return runs.RunDataset(
        dataset=what.dataset,
        mode="increment",
        pulled=0,
        rejected=0,
        inserted=what.merged.inserted,
        updated=what.merged.updated,
        ended=what.merged.ended,
        source_totals=None,
        pulled_totals=None,
        findings="[]",
        pull_seconds=0.0,
    )
