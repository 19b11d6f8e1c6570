"""Options: what can be said of a dataset's files beside how they are written?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from connectors.formats.options import FileOptions
from lk_sync.contracts import Wanted
from lk_sync.errors import SettingsError


class DropOptions(FileOptions, frozen=True, kw_only=True):
    """`deltas`: every file holds only what is new or changed, so each is taken once, in the order of its stamp; without
    it a file is a whole snapshot, and the newest counts. `stamp`: how the stamp is written, where it does not sort as
    it is (`%d%m%Y`). `late`: what becomes of a file of changes that is older than one that was taken."""

    deltas: bool = False
    stamp: str | None = None
    late: Literal["take", "refuse"] = "take"

    @property
    def written(self) -> FileOptions:
        """How the files are written."""
        return FileOptions(**{name: getattr(self, name) for name in FileOptions.__struct_fields__})


def of(wanted: Wanted) -> DropOptions:
    """Raises SettingsError for an option that is none."""
    try:
        options = msgspec.convert(wanted.options, DropOptions)
    except msgspec.ValidationError as error:
        raise SettingsError(f"datasets.{wanted.dataset.name}.options: {error}") from error
    if options.stamp is not None and not _is_readable(options.stamp):
        raise SettingsError(
            f"datasets.{wanted.dataset.name}.options.stamp: «{options.stamp}» — не запись даты; пример: %d%m%Y"
        )
    return options


def read_stamp(stamp: str, form: str) -> datetime:
    """Raises ValueError for a stamp that is not written so."""
    return datetime.strptime(stamp, form).replace(tzinfo=UTC)


def _is_readable(form: str) -> bool:
    sample = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
    try:
        return read_stamp(sample.strftime(form), form).date() == sample.date()
    except ValueError:
        return False
