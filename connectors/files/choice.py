"""Choice: which files of a shelf does a session read, which does it know, and which have come too late?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from connectors.files import sidecar
from connectors.files.mask import Mask, Order
from connectors.files.options import DropOptions
from connectors.files.shelf import DONE, Listing, Rules
from lk_sync.contracts import KnownFile, TakenFile, Wanted

MOST_AT_ONCE: Final = 500  # files of changes in one run; the next run takes the rest


class Look:
    """What lies on the shelf, and what earlier runs have taken of it, the last first."""

    def __init__(self, listing: Listing, known: Sequence[KnownFile], rules: Rules) -> None:
        self.listing, self.known, self.rules = listing, known, rules
        self._notes: dict[tuple[str, str, str | None], KnownFile] = {}
        for file in known:
            self._notes.setdefault((file.dataset, _plain(file.name), file.version), file)

    def is_whole(self, name: str) -> bool:
        return self.rules.unsigned or bool(sidecar.found(name, self.listing))

    def here(self, mask: Mask) -> dict[str, str]:
        """Stamp → name of what lies there to be taken, finished or not."""
        return mask.stamps(name for name in self.listing if "/" not in name)

    def aside(self, mask: Mask) -> dict[str, str]:
        return mask.stamps(name for name in self.listing if name.startswith(f"{DONE}/"))

    def of(self, dataset: str) -> list[KnownFile]:
        return [file for file in self.known if file.dataset == dataset]

    def is_known(self, dataset: str, name: str) -> KnownFile | None:
        """The note of these very bytes, by what the shelf says of them."""
        return self._notes.get((dataset, _plain(name), self.listing[name].version))


def _plain(name: str) -> str:
    return name.removeprefix(f"{DONE}/")


class Snapshots:
    """The snapshots of one dataset."""

    def __init__(self, look: Look, wanted: Wanted, mask: Mask) -> None:
        self._look, self._mask, self._dataset = look, mask, wanted.dataset.name
        self.found = look.here(mask)
        self.whole = {stamp: name for stamp, name in self.found.items() if look.is_whole(name)}
        known = [file for file in look.of(self._dataset) if file.state == "published" and file.sha256]
        stamps = mask.stamps(file.name for file in known)
        self.last = max(stamps, key=mask.order, default=None)
        self.fits = bool(known) and known[0].fits
        if not self.fits:
            put_aside = look.aside(mask)
            self.whole = {stamp: put_aside[stamp] for stamp in put_aside if stamp not in self.found} | self.whole

    def newest(self) -> str | None:
        """The newest stamp: of a whole file, or of the one that was taken last. None: there is neither."""
        stamps = [*self.whole, *([] if self.last is None else [self.last])]
        return max(stamps, key=self._mask.order, default=None)

    def is_published(self, stamp: str) -> bool:
        """Whether reading the snapshot with this stamp would bring nothing new."""
        if not self.fits or stamp != self.last:
            return False
        name = self.whole.get(stamp)
        return name is None or self._look.is_known(self._dataset, name) is not None

    def overtaken(self, stamp: str) -> list[TakenFile]:
        """Files that are older than the one that counts: never read, and put aside with a word why."""
        counts = self._mask.order(stamp)
        return [
            TakenFile(
                dataset=self._dataset,
                name=name,
                sha256="",
                rows=0,
                version=self._look.listing[name].version,
                note=f"файл не читался: есть более новая выгрузка «{stamp}»",
            )
            for other, name in self.whole.items()
            if "/" not in name and self._mask.order(other) < counts
        ]


class Deltas:
    """The files of changes of one dataset. `new`: names in the order in which they are to be read."""

    def __init__(self, look: Look, wanted: Wanted, mask: Mask, options: DropOptions) -> None:
        self._look, self._dataset = look, wanted.dataset.name
        known = look.of(self._dataset)
        self.digests = {file.sha256: file.name for file in known if file.state == "published" and file.sha256}
        names = list(look.here(mask).values())
        if not known:  # all is read anew, what was put aside as well
            names += look.aside(mask).values()
        whole = [name for name in names if look.is_whole(name) or "/" in name]
        ordered = sorted(whole, key=lambda name: (mask.order(mask.stamp(name) or ""), name))
        self.again = [name for name in ordered if look.rules.put_aside and self._is_taken(name)]
        self.new = [name for name in ordered if not self._is_settled(name)][:MOST_AT_ONCE]
        self._late = _before(mask, known) if options.late == "refuse" else None
        self._mask = mask

    def is_late(self, name: str) -> bool:
        """Whether the file is older than one that was taken, and such are refused."""
        return self._late is not None and self._mask.order(self._mask.stamp(name) or "") < self._late

    def _is_taken(self, name: str) -> bool:
        note = self._look.is_known(self._dataset, name)
        return note is not None and note.state == "published"

    def _is_settled(self, name: str) -> bool:
        """A file that was refused and lies there again is looked at again, unless it could not be put aside at all."""
        note = self._look.is_known(self._dataset, name)
        if note is None:
            return False
        return note.state == "published" or (note.fits and not self._look.rules.put_aside)


def _before(mask: Mask, known: Iterable[KnownFile]) -> Order | None:
    stamps = mask.stamps(file.name for file in known if file.state == "published")
    return max(map(mask.order, stamps), default=None)
