"""Session: what can be asked of an open, verified connection to 1C?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from typing import Literal

from connectors.odata import virtual
from connectors.odata.asking import Asking
from connectors.odata.metadata import Published, read
from connectors.odata.reading import Manners, Reading, answered
from connectors.odata.resource import Resource, agree, find
from connectors.odata.settings import ODataSettings, options_of
from connectors.odata.spool import Spool
from connectors.odata.survey import found
from connectors.odata.versions import Versions, stated
from connectors.odata.wire import Wire
from lk_sync.contracts import Batch, Found, KnownFile, TakenFile, Totals, Wanted
from lk_sync.errors import BadData


class ODataSession:
    """Fulfils `contracts.Session`, `Partial` and `TakesFiles` (what is taken are the versions of a dataset). 1C states
    no sums, and how many rows there are only beside the reading of them; so `totals` reads the rows, and `pull` hands
    out what was read."""

    def __init__(self, wire: Wire, settings: ODataSettings, known: Sequence[KnownFile] = ()) -> None:
        self._wire, self._settings = wire, settings
        self._manners = Manners()
        self._read: dict[str, Spool] = {}
        self._published = self._described()
        self._versions = Versions(wire, settings, self._manners, known)
        self._beside: dict[str, list[Wanted]] = {}  # by dataset: its wish, its lookups, the keys that are gone
        self._same: dict[str, bool] = {}

    def _described(self) -> Published:
        with TemporaryFile() as file:
            self._wire.begin(file)
            try:
                return read(file)
            except BadData as error:
                raise BadData(f"{self._wire.peer}: {error}") from error

    def close(self) -> None:
        self._forget()

    def _forget(self) -> None:
        """One reading at a time waits to be handed out."""
        for spool in self._read.values():
            spool.close()
        self._read.clear()

    def columns(self, wanted: Wanted) -> None:
        """Also asks for one row, so that a missing right shows now and not in the middle of a pull."""
        asking = self._asking(wanted)
        beside = self._beside.setdefault(_own(wanted), [])
        beside += [wanted] if wanted not in beside else []
        if options_of(beside[0]).versions:
            stated(self._published, beside)
        if asking.resource.function is None:
            answered(self._wire, asking.resource.title, asking.query() | {"$top": "1"})
        else:
            list(asking.questions(doubled=False))

    def brings(self, wanted: Wanted) -> Literal["all", "changes", "nothing"]:
        """A dataset that is as it was brings no row, and is looked at all the same: as fresh as this session."""
        return "changes" if self._is_same(wanted) else "all"

    def taken(self) -> Sequence[TakenFile]:
        return tuple(self._versions.taken.values())

    def _is_same(self, wanted: Wanted) -> bool:
        """Looked at before the rows are read: what is written meanwhile is found by the next run."""
        if wanted.since is not None or not options_of(wanted).versions:
            return False
        name = wanted.dataset.name
        if name not in self._same:
            self._same[name] = self._versions.same(self._published, wanted, self._beside.get(name, [wanted]))
        return self._same[name]

    def totals(self, wanted: Wanted) -> Totals | None:
        self._forget()
        if self._is_same(wanted):
            return None
        spool = self._read[repr(wanted)] = self._whole(wanted)
        return Totals(rows=spool.rows if spool.stated is None else spool.stated)

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
        if self._is_same(wanted):
            return iter(())
        spool = self._read.pop(repr(wanted), None) or self._whole(wanted)
        return spool.batches(self._resource(wanted).title)

    def survey(self) -> list[Found]:
        return found(self._published)

    def _whole(self, wanted: Wanted) -> Spool:
        asking = self._asking(wanted)
        if asking.resource.function is not None:
            return virtual.whole(self._wire, asking, self._manners)
        return Reading(self._wire, asking, self._manners, page_rows=self._settings.page_rows).whole()

    def _asking(self, wanted: Wanted) -> Asking:
        resource, options = self._resource(wanted), options_of(wanted)
        agree(resource, wanted, options)
        return Asking(resource, wanted, options)

    def _resource(self, wanted: Wanted) -> Resource:
        return find(self._published, wanted)


def _own(wanted: Wanted) -> str:
    """The dataset that a wish is read for: `payments.account` is a lookup of `payments`."""
    return wanted.dataset.name.partition(".")[0]
