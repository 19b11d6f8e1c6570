"""Town: where do the engine, the subscribers and the accounting system of a kill test live?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import msgspec

from demo.bookkeeper import Bookkeeper
from demo.supplier import Plan, Supplier
from lk_sync.config import Config

VISITOR: Final = "lk"


class Town(msgspec.Struct, frozen=True):
    """The addresses. `accounts`: how many the supplier has. `base`: how the accounting system itself comes to its
    base, if it has one."""

    folder: Path
    accounts: int
    base: str | None = None

    @property
    def config(self) -> Config:
        return Config(self.folder / "config", {})

    @property
    def timetable(self) -> Path:
        return self.folder / "schedules.yaml"

    @property
    def cache(self) -> Path:
        return self.folder / "var" / "cache.db"

    @property
    def store(self) -> Path:
        return self.folder / "var" / "store.db"

    @property
    def drop(self) -> Path:
        return self.folder / "drop"

    @property
    def ledger(self) -> Path:
        """What the accounting system's clerk has taken and judged."""
        return self.folder / "ledger.db"

    @property
    def journal(self) -> Path:
        """What was entered into the supplier's books since they were drawn up."""
        return self.folder / "journal"

    @property
    def truths(self) -> Path:
        """What each export of the books held: a digest in a file named by its stamp."""
        return self.folder / "truths"

    @property
    def door(self) -> Path:
        """The socket at which readings are handed in."""
        return self.folder / "door"

    @property
    def supplier(self) -> Supplier:
        return Supplier(Plan(seed=1, accounts=self.accounts, today=date(2026, 11, 23)))

    @property
    def books(self) -> Bookkeeper:
        """The supplier's books as they are now."""
        return Bookkeeper(self.supplier, self.journal)

    def note(self, line: str) -> None:
        """Into the log that is shown when the test fails."""
        with (self.folder / "log").open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC):%H:%M:%S.%f} {line}\n")
