"""Source: what do all sources of files have in common, whatever leads to the files?

A connector gives a `Shelf` and `Rules`; the rest is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from connectors.files import survey as surveys
from connectors.files.choice import Look
from connectors.files.options import DropOptions
from connectors.files.session import FilesSession
from connectors.files.shelf import DONE, ERROR, Move, Rules, Shelf
from lk_sync.contracts import Channel, FileOutcome, Found, KnownFile
from lk_sync.errors import LkError, SettingsError
from lk_sync.flow import settle

S = TypeVar("S", bound=msgspec.Struct)


class FileSource(ABC, Generic[S]):
    """`contracts.Source`, `Drop`, `Remembers` and `Surveyed` over a shelf."""

    settings_type: ClassVar[type[Any]]
    options_type: ClassVar[type[msgspec.Struct]] = DropOptions

    def __init__(self, settings: S) -> None:
        self._settings = settings
        self._known: Sequence[KnownFile] = ()

    @abstractmethod
    def channel(self) -> Channel:
        """As `Source.channel`."""

    @abstractmethod
    def shelf(self) -> Shelf:
        """The place, not looked at yet."""

    @abstractmethod
    def rules(self) -> Rules:
        """What the settings say of whole files and of those that are taken."""

    def remember(self, known: Sequence[KnownFile]) -> None:
        self._known = known

    @contextmanager
    def connect(self) -> Iterator[FilesSession]:
        self.channel()
        with closing(self.shelf()) as shelf:
            look = Look(shelf.listing(), self._known, self.rules())
            with closing(FilesSession(shelf, look)) as session:
                try:
                    yield session
                finally:
                    self._report(shelf, look, session)

    @staticmethod
    def _report(shelf: Shelf, look: Look, session: FilesSession) -> None:
        """Whoever wrote a snapshot that is no good learns why; it stays, and every run says so until there is a better
        one."""
        if session.fault is not None and look.rules.put_aside and "/" not in (name := session.fault[0]):
            report = settle.csv_of([("", "", "", str(session.fault[1]))])
            version = look.listing[name].version
            with suppress(LkError):  # the run fails anyway, by the fault of the file
                shelf.put_aside([Move(name=name, version=version, sha256="", aside=ERROR, report=report, stays=True)])

    def settle(self, outcomes: Sequence[FileOutcome]) -> None:
        """A file that feeds several datasets goes to `error/` when it was refused by one of them."""
        if not self.rules().put_aside:
            return
        self.channel()
        by_name: dict[str, Move] = {}
        here = (each for each in outcomes if "/" not in each.file.name)
        for each in sorted(here, key=lambda each: each.state != "published"):
            before = by_name.get(each.file.name)
            reports = [report for report in (before.report if before else None, each.report) if report]
            by_name[each.file.name] = Move(
                name=each.file.name,
                version=each.file.version,
                sha256=each.file.sha256,
                aside=DONE if each.state == "published" else ERROR,
                report="\r\n".join(reports) or None,
            )
        self.shelf().put_aside(by_name.values())

    def survey(self) -> Sequence[Found]:
        self.channel()
        with closing(self.shelf()) as shelf:
            listing = shelf.listing()
            if not listing:
                raise SettingsError(f"{shelf.where}: здесь нет ни одного файла, обозревать нечего")
            return surveys.survey(shelf, listing)
