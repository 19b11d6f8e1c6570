"""Session: what can be asked of an open, verified connection to 1C?"""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile

from connectors.odata import virtual
from connectors.odata.asking import Asking
from connectors.odata.metadata import Published, read
from connectors.odata.reading import Manners, Reading, answered
from connectors.odata.resource import Resource, agree, find
from connectors.odata.settings import ODataSettings, options_of
from connectors.odata.spool import Spool
from connectors.odata.survey import found
from connectors.odata.wire import Wire
from lk_sync.contracts import Batch, Found, Totals, Wanted
from lk_sync.errors import BadData


class ODataSession:
    """Fulfils `contracts.Session`. 1C states no sums, and how many rows there are only beside the reading of them; so
    `totals` reads the rows, and `pull` hands out what was read."""

    def __init__(self, wire: Wire, settings: ODataSettings) -> None:
        self._wire, self._settings = wire, settings
        self._manners = Manners()
        self._read: dict[str, Spool] = {}
        self._published = self._described()

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
        if asking.resource.function is None:
            answered(self._wire, asking.resource.title, asking.query() | {"$top": "1"})
        else:
            list(asking.questions(doubled=False))

    def totals(self, wanted: Wanted) -> Totals | None:
        self._forget()
        spool = self._read[repr(wanted)] = self._whole(wanted)
        return Totals(rows=spool.rows if spool.stated is None else spool.stated)

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
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
