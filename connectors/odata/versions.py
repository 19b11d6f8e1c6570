"""Versions: is a dataset of 1C still as it was published, to be found out without reading it?

`DataVersion` of an object is another one after every write, whatever was written. It does not grow, so it cannot say
what has changed; but when the references and versions of all objects that a dataset is made from, and of those that
its lookups read, are the same as when it was published, nothing has. Two columns are read instead of all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from connectors.odata.asking import Asking
from connectors.odata.metadata import Published
from connectors.odata.reading import REFERENCE, Manners, Reading
from connectors.odata.resource import Resource, find
from connectors.odata.settings import ODataSettings, options_of
from connectors.odata.wire import Wire
from lk_sync.contracts import FieldMap, KnownFile, TakenFile, Wanted
from lk_sync.errors import SettingsError

VERSION: Final = "DataVersion"
MODULUS: Final = 2**256
FIELDS: Final = tuple(FieldMap(name=name, kind="text", required=True, column=name) for name in (REFERENCE, VERSION))


def stated(published: Published, wishes: Iterable[Wanted]) -> list[Wanted]:
    """What is to be asked, so as to learn the versions behind `wishes`. Raises SettingsError for what has none."""
    return [_of(published, wanted, find(published, wanted)) for wanted in wishes]


def _of(published: Published, wanted: Wanted, resource: Resource) -> Wanted:
    plain = msgspec.structs.replace(wanted, fields=FIELDS, watermark=None, since=None)
    if resource.function is None and _versioned(resource):
        return plain
    whole = _whole(published, wanted, resource) if resource.function is None else None
    if whole is None:
        raise SettingsError(
            f"{wanted.dataset.name}.options.versions: у {resource.title} нет {VERSION}, и не узнать, менялось ли что; "
            "версии есть у справочников и документов"
        )
    return msgspec.structs.replace(plain, table=whole, options={})


def _whole(published: Published, wanted: Wanted, part: Resource) -> str | None:
    """The objects that a tabular part belongs to: it changes with them."""
    name = part.entity_set
    while "_" in name:
        name = name.rpartition("_")[0]
        if name in published.sets and _versioned(find(published, msgspec.structs.replace(wanted, table=name))):
            return name
    return None


def _versioned(resource: Resource) -> bool:
    return {REFERENCE, VERSION} <= resource.shape.properties.keys()


class Versions:
    """What is known of the versions of the datasets of one session."""

    def __init__(self, wire: Wire, settings: ODataSettings, manners: Manners, known: Sequence[KnownFile]) -> None:
        self._wire, self._settings, self._manners = wire, settings, manners
        self._known: dict[tuple[str, str], KnownFile] = {}
        for each in known:  # the newest come first; what was so before the last publication is so no more
            self._known.setdefault((each.dataset, each.name), each)
        self.taken: dict[str, TakenFile] = {}

    def same(self, published: Published, wanted: Wanted, wishes: Sequence[Wanted]) -> bool:
        """Whether the dataset would be what it is. `wishes`: `wanted` and all that is read beside it."""
        name = wanted.dataset.name
        print_ = hashlib.sha256()
        for asked in stated(published, wishes):
            for part in self._read(published, asked):
                print_.update(part)
        now = TakenFile(dataset=name, name=f"{wanted.table}: {VERSION}", sha256=print_.hexdigest(), rows=0)
        known = self._known.get((name, now.name))
        if known is not None and known.sha256 == now.sha256 and known.fits and known.state == "published":
            return True
        self.taken[name] = now
        return False

    def _read(self, published: Published, asked: Wanted) -> Iterator[bytes]:
        asking = Asking(find(published, asked), asked, options_of(asked))
        yield repr((asked.table, asking.conditions)).encode()
        spool = Reading(self._wire, asking, self._manners, page_rows=self._settings.page_rows).whole()
        rows, summed = 0, 0
        for batch in spool.batches(asking.resource.title):
            rows += batch.rows
            summed += sum(_digest(row) for row in zip(*batch.columns, strict=True))
        yield f"{rows} {summed % MODULUS}".encode()


def _digest(row: tuple[Any, ...]) -> int:
    """To be summed: rows come in whatever order 1C has them, and need not all be kept to be compared."""
    return int.from_bytes(hashlib.sha256(repr(row).encode()).digest(), "big")
