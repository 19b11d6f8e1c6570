"""Mask: which files of a shelf are of a dataset, and which of them is the later one?

A mask is a plain name with at most one star; what stands in the place of the star is the stamp. Stamps sort by their
numbers and letters (`9` before `10`), or by the date that they are, if `stamp` says how it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from connectors.files import manifest as manifests
from connectors.files.options import read_stamp
from connectors.files.shelf import DONE
from connectors.files.sidecar import SUFFIXES
from lk_sync.contracts import Wanted
from lk_sync.errors import BadData, SettingsError

_NUMBERS: Final = re.compile(r"(\d{1,30})")
Order = tuple[Any, ...]


class Mask:
    """The mask of a wish. Raises SettingsError when it has none that is fit."""

    def __init__(self, wanted: Wanted, stamp: str | None) -> None:
        mask, self._form = wanted.file, stamp
        if mask is None or mask.count("*") > 1 or not manifests.is_safe(mask.replace("*", "x")):
            raise SettingsError(
                f"datasets.{wanted.dataset.name}: этому источнику нужен ключ file: имя файла без папок с одной "
                "звёздочкой на месте отметки времени, например charges-*.csv"
            )
        self.text = mask
        before, star, after = map(re.escape, mask.partition("*"))
        own = "|".join(re.escape(suffix) for suffix in SUFFIXES)
        self._pattern = re.compile(f"(?!.*(?:{own})$){before}({'.+' if star else ''}){after}")

    def stamp(self, name: str) -> str | None:
        """None: the file is of another dataset. `name` may be that of a file that was put aside."""
        found = self._pattern.fullmatch(name.removeprefix(f"{DONE}/"))
        return found[1] if found else None

    def stamps(self, names: Iterable[str]) -> dict[str, str]:
        """Stamp → name, of the files that are of the dataset."""
        return {stamp: name for name in names if (stamp := self.stamp(name)) is not None}

    def order(self, stamp: str) -> Order:
        """What stamps are compared by. Raises BadData for one that is not what `stamp` says."""
        if self._form is None:
            parts = _NUMBERS.split(stamp)
            return tuple(int(part) if i % 2 else part for i, part in enumerate(parts))
        try:
            return (read_stamp(stamp, self._form),)
        except ValueError as error:
            raise BadData(
                f"{self.text}: «{stamp}» на месте звёздочки — не дата вида {self._form} (options.stamp)"
            ) from error
