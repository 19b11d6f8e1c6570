"""Profile: how does one bank, by one contract, write its registers?

A file of settings beside the sources, `config/registers/*.yaml`; `options.profile` names it. Columns have our names, so
that one mapping serves all banks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from connectors.formats.options import Count, Delimiter, Encoding, FileOptions, TotalLine
from lk_sync import settings_file
from lk_sync.errors import SettingsError
from lk_sync.setting import Strict
from lk_sync.settings_file import where
from lk_sync.written_dates import DateForm

FieldPlace = Annotated[int, msgspec.Meta(ge=-200, le=200)]
ID, BANK = "Платёж", "Банк"


class Profile(Strict, frozen=True, kw_only=True):
    """The first keys are those of `csv`; the others say what stands where in a row.

    `columns`: our name → the number of the field from 1, from -1 counted from the end, or its name in the header.
    `keys`: our name → the word before the colon in a field `WORD:VALUE`, wherever it stands. `widths`: how many fields
    a row may have. `dates` and `months`: how they are written. `numbers`: columns in which `thousands` stand between
    digits. `id`: the columns that tell one payment from all others.
    """

    title: str
    bank: str = ""
    encoding: Encoding
    delimiter: Delimiter = ";"
    quote: Literal['"', "'", "none"] = "none"
    header: bool = False
    skip_lines: Count = 0
    comment: tuple[str, ...] = ()
    skip_blank: bool = True
    total: TotalLine | None = None
    open_end: bool = False
    columns: Mapping[str, FieldPlace | str]
    keys: Mapping[str, str] = {}
    pairs: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ":"
    widths: tuple[Count, ...] = ()
    dates: Mapping[str, str] = {}
    months: Mapping[str, str] = {}
    numbers: tuple[str, ...] = ()
    decimal: Literal[",", "."] = ","
    thousands: Literal[" ", ".", ",", "'", ""] = " "
    id: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """All columns that rows have."""
        return [*self.columns, *self.keys, *([ID] if self.id else []), *([BANK] if self.bank else [])]

    @property
    def text(self) -> FileOptions:
        """How its lines are written."""
        return FileOptions(
            format="csv",
            encoding=self.encoding,
            delimiter=self.delimiter,
            quote=self.quote,
            header=self.header,
            skip_lines=self.skip_lines,
            comment=self.comment,
            skip_blank=self.skip_blank,
            total=self.total,
            open_end=self.open_end,
        )


_OF_NAMES: Final = ("dates", "months", "numbers", "id")


def load(path: Path) -> Profile:
    """Raises SettingsError with file, line and what to write instead."""
    profile = settings_file.read(path, Profile)
    for key in _OF_NAMES:
        for name in getattr(profile, key):
            if name not in (*profile.columns, *profile.keys):
                raise SettingsError(f"{where(path, key)}: нет колонки «{name}» среди columns и keys")
    if twice := set(profile.columns) & set(profile.keys):
        raise SettingsError(f"{where(path, 'keys')}: «{min(twice)}» есть и среди columns")
    for key, kind in (("dates", "date"), ("months", "month")):
        for name, form in getattr(profile, key).items():
            try:
                DateForm(form, "date" if kind == "date" else "month")
            except ValueError as error:
                raise SettingsError(f"{where(path, key, name)}: {error}") from None
    if profile.decimal == profile.thousands:
        raise SettingsError(f"{where(path, 'thousands')}: тот же знак, что decimal")
    for name, place in profile.columns.items():
        if place == 0 or isinstance(place, str) != profile.header:
            raise SettingsError(
                f"{where(path, 'columns', name)}: нужен номер поля с 1 (с конца — с -1), при header: true — имя колонки"
            )
    return profile
