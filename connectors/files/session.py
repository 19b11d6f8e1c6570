"""Session: how do the files of a shelf become batches of rows?

Of snapshots the newest whole one is read, all datasets of a session with the same stamp (`one_set`), so that one run
never mixes two exports; an older one never takes the place of a newer one. Of files of changes every new one is read
once, in the order of their stamps. What earlier runs have taken is known and not read again. Because a snapshot is
whole, a wish with `since` is answered with all rows: more than was asked, which changes nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from connectors.files import options as wishes
from connectors.files import taking
from connectors.files.choice import Deltas, Look, Snapshots
from connectors.files.mask import Mask
from connectors.files.options import DropOptions
from connectors.files.shelf import DONE, Shelf
from connectors.files.taking import Taken, columns_of
from connectors.formats import profile as profiles
from connectors.formats.contract import Portion
from lk_sync.contracts import Batch, TakenFile, Totals, Wanted
from lk_sync.errors import BadData, SchemaDrift, Unreachable


class FilesSession:
    """Fulfils `contracts.Session`, `TakesFiles` and `Partial`."""

    def __init__(self, shelf: Shelf, look: Look) -> None:
        self._shelf, self._look = shelf, look
        self._stamp: str | None = None
        self._as_of: str | None = None
        self._open: dict[str, Taken] = {}  # snapshots by dataset
        self._ahead: dict[tuple[str, str], Taken] = {}  # a file of changes that was looked at, by dataset and name
        self._said: dict[str, Totals | None] = {}
        self._brought: dict[str, Literal["all", "changes", "nothing"]] = {}
        self._taken: dict[tuple[str, str], TakenFile] = {}
        self.fault: tuple[str, BadData] | None = None  # the snapshot that is no good, and why

    def close(self) -> None:
        for taken in (*self._open.values(), *self._ahead.values()):
            taken.close()
        self._open.clear()
        self._ahead.clear()

    def columns(self, wanted: Wanted) -> None:
        options = wishes.of(wanted)
        if options.profile is not None:
            profiles.load(Path(options.profile))  # it may be wrong while there is no file to read by it
        if options.deltas:
            self._first_delta(wanted, options)
        elif (taken := self._snapshot(wanted)) is not None:
            taken.table.require(columns_of(wanted))

    def totals(self, wanted: Wanted) -> Totals | None:
        if wishes.of(wanted).deltas:
            return None  # each file is held against its own
        taken = self._open.get(wanted.dataset.name)
        if taken is None and wanted.dataset.name not in self._said:
            taken = self._snapshot(wanted)
        if taken is not None:
            self._said[wanted.dataset.name] = taking.totals(taken, wanted)
        return self._said.get(wanted.dataset.name)

    def brings(self, wanted: Wanted) -> Literal["all", "changes", "nothing"]:
        return self._brought.get(wanted.dataset.name, "all")

    def taken(self) -> Sequence[TakenFile]:
        return tuple(self._taken.values())

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
        options = wishes.of(wanted)
        if options.deltas:
            yield from self._deltas(wanted, options)
            return
        taken = self._snapshot(wanted)
        if taken is None:
            return
        columns, rows = columns_of(wanted), 0
        taken.table.require(columns)
        with self._at_fault(taken.name):
            for part in taking.portions(taken, columns):
                rows += part.rows + len(part.faults)
                yield _batch(part, wanted, taken.name)
        self._note(wanted, taken.name, taken.sha256, rows)
        self._open.pop(wanted.dataset.name).close()

    # Snapshots

    def _snapshot(self, wanted: Wanted) -> Taken | None:
        """The file of the dataset, fetched at the first call; None when it holds nothing new."""
        key = wanted.dataset.name
        if key not in self._open:
            name = self._choose(wanted)
            if name is None:
                return None
            with self._at_fault(name):
                taken = taking.take(self._shelf, self._look.listing, name, wishes.of(wanted), self._look.rules)
                self._open[key] = taken
                self._agree(taken)
        return self._open[key]

    @contextmanager
    def _at_fault(self, name: str) -> Iterator[None]:
        """Remembers that the file, not the mapping, is why nothing can be published."""
        try:
            yield
        except BadData as error:
            if not isinstance(error, SchemaDrift):
                self.fault = name, error
            raise

    def _choose(self, wanted: Wanted) -> str | None:
        """The newest whole file under the mask, or the one of this session's set; None: nothing new."""
        mask = Mask(wanted, wishes.of(wanted).stamp)
        snapshots = Snapshots(self._look, wanted, mask)
        where = f"{self._shelf.where}/{mask.text}"
        stamp = snapshots.newest()
        if stamp is None:
            unfinished = "; есть файлы без манифеста .ok, они ещё пишутся" if snapshots.found else ""
            raise BadData(f"{where}: нет ни одного готового файла{unfinished}")
        if self._look.rules.one_set and stamp:
            stamp = self._stamp = self._stamp or stamp
        for file in snapshots.overtaken(stamp):
            self._taken.setdefault((file.dataset, file.name), file)
        if snapshots.is_published(stamp):
            self._nothing(wanted, snapshots.whole.get(stamp))
            return None
        if stamp not in snapshots.whole:
            raise Unreachable(
                f"{where}: выгрузка «{stamp}» ещё не полна, в ней нет этого файла; попытка будет повторена"
            )
        self._brought[wanted.dataset.name] = "all"
        return snapshots.whole[stamp]

    def _nothing(self, wanted: Wanted, name: str | None) -> None:
        self._brought[wanted.dataset.name] = "nothing"
        if name is not None and self._look.rules.put_aside:
            self._known(wanted, name)

    def _known(self, wanted: Wanted, name: str) -> None:
        """A file that an earlier run has taken and could not put aside."""
        note = self._look.is_known(wanted.dataset.name, name)
        if note is not None:
            self._note(wanted, name, note.sha256, 0, again=True)

    def _agree(self, taken: Taken) -> None:
        manifest = taken.promise.manifest
        if manifest is None:
            return
        if not manifest.snapshot:
            raise BadData(
                f"{taken.name}: файл содержит только изменения, а этот набор берёт полные снимки; если так и задумано, "
                "укажите в его options deltas: true"
            )
        if self._look.rules.one_set and self._as_of and manifest.as_of and self._as_of != manifest.as_of:
            raise BadData(f"{taken.name}: данные на {manifest.as_of}, а в других файлах выгрузки на {self._as_of}")
        self._as_of = self._as_of or manifest.as_of

    # Files of changes

    def _plan(self, wanted: Wanted, options: DropOptions) -> Deltas:
        return Deltas(self._look, wanted, Mask(wanted, options.stamp), options)

    def _first_delta(self, wanted: Wanted, options: DropOptions) -> None:
        """Raises SchemaDrift when the first new file has not the columns. One that cannot be read is told later."""
        for name in self._plan(wanted, options).new[:1]:
            try:
                taken = self._take(wanted, name, options)
            except BadData as error:
                if isinstance(error, SchemaDrift):
                    raise
                return
            self._ahead[wanted.dataset.name, name] = taken
            taken.table.require(columns_of(wanted))

    def _take(self, wanted: Wanted, name: str, options: DropOptions) -> Taken:
        ahead = self._ahead.pop((wanted.dataset.name, name), None)
        return ahead or taking.take(self._shelf, self._look.listing, name, options, self._look.rules)

    def _deltas(self, wanted: Wanted, options: DropOptions) -> Iterator[Batch]:
        self._brought[wanted.dataset.name] = "nothing"
        plan = self._plan(wanted, options)
        for name in plan.again:
            self._known(wanted, name)
        for name in plan.new:
            try:
                taken = self._take(wanted, name, options)
            except BadData as error:
                self._refuse(wanted, name, error)
                continue
            try:
                yield from self._delta(wanted, taken, plan)
            finally:
                taken.close()

    def _delta(self, wanted: Wanted, taken: Taken, plan: Deltas) -> Iterator[Batch]:
        if (before := plan.digests.get(taken.sha256)) is not None:
            again = before.removeprefix(f"{DONE}/") == taken.name.removeprefix(f"{DONE}/")
            note = None if again else f"это тот же файл, что «{before}»; его строки уже приняты"
            self._note(wanted, taken.name, taken.sha256, 0, again=again, note=note)
            return
        try:
            if plan.is_late(taken.name):
                raise BadData(f"{taken.name}: файл старше того, что уже принят (options.late: refuse); не принят")
            rows = taking.tried(taken, wanted)
        except BadData as error:
            self._refuse(wanted, taken.name, error, taken.sha256)
            return
        for part in taking.portions(taken, columns_of(wanted)):
            yield _batch(part, wanted, taken.name, replaces=True)
        self._brought[wanted.dataset.name] = "changes"
        plan.digests[taken.sha256] = taken.name
        self._note(wanted, taken.name, taken.sha256, rows)

    def _refuse(self, wanted: Wanted, name: str, error: BadData, sha256: str = "") -> None:
        """The file is at fault. Raises the error when rather the mapping is: the file stays then."""
        if isinstance(error, SchemaDrift):
            raise error
        self._note(wanted, name, sha256, 0, fault=str(error))

    def _note(
        self,
        wanted: Wanted,
        name: str,
        sha256: str,
        rows: int,
        *,
        again: bool = False,
        fault: str | None = None,
        note: str | None = None,
    ) -> None:
        dataset = wanted.dataset.name
        self._taken[dataset, name] = TakenFile(
            dataset=dataset,
            name=name,
            sha256=sha256,
            rows=rows,
            fault=fault,
            note=note,
            version=self._look.listing[name].version,
            again=again,
        )


def _batch(part: Portion, wanted: Wanted, name: str, *, replaces: bool = False) -> Batch:
    watermark = max(filter(None, part.columns.pop()), default=None) if wanted.watermark is not None else None
    return Batch(
        columns=part.columns,
        rows=part.rows,
        exact=False,
        first_row=part.first_row,
        where=name,
        watermark=watermark,
        numbers=part.numbers,
        faults=part.faults,
        replaces=replaces,
    )
