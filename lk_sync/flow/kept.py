"""Kept: what of a row that could not be taken is kept, so that it can be found and tried again?

Its cells as the source gave them, by field and column; the number of its account and its key in the stored form, where
those of its cells can be read. A torn row has no cells and can only be read anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from lk_sync.cache.codes import Codes
from lk_sync.contracts import Batch, FieldMap, Wanted
from lk_sync.flow.derive import Derivation
from lk_sync.flow.validate import Unfit, converter
from lk_sync.records import Dataset

LONGEST_CELL: Final = 2_000


class Origin(msgspec.Struct, frozen=True):
    """`account`: the number. `key`: JSON as in the journal. `cells`: JSON of `Cells`."""

    account: str | None = None
    key: str | None = None
    cells: str | None = None


class Cells(msgspec.Struct, frozen=True):
    """`fields`: field of the wish → (column, cell). `exact`: as `Batch.exact`."""

    exact: bool
    fields: Mapping[str, tuple[str, Any]]


class Keeper:
    """Of one wish. `of` says it of rows of the batch that was shown last."""

    def __init__(self, wanted: Wanted, derive: Derivation, constants: Mapping[str, Any], codes: Codes) -> None:
        self._dataset, self._fields = wanted.dataset, wanted.asked.fields
        self._derive, self._constants, self._codes = derive, constants, codes
        self._convert = [converter(_optional(field), wanted.time_zone) for field in self._fields]
        self._batch: Batch | None = None
        self._places: dict[int, int] = {}

    def show(self, batch: Batch) -> None:
        self._batch, self._places = batch, {}

    def of(self, row: int) -> Origin:
        """Of the row with this number in the source's order."""
        cells = self._cells(row)
        if cells is None or self._batch is None:
            return Origin()
        read = self._read(cells, exact=self._batch.exact)
        account = _number(read.get("account"))
        fields = {
            field.name: (field.column or "", _short(cell)) for field, cell in zip(self._fields, cells, strict=True)
        }
        kept = msgspec.json.encode(Cells(self._batch.exact, fields)).decode()
        return Origin(account, self._key(read, account), kept)

    def _cells(self, row: int) -> list[Any] | None:
        batch = self._batch
        if batch is None:
            return None
        if batch.numbers is None:
            place: int | None = row - batch.first_row
        else:
            if not self._places:
                self._places = {number: place for place, number in enumerate(batch.numbers)}
            place = self._places.get(row)
        return [column[place] for column in batch.columns] if place is not None and 0 <= place < batch.rows else None

    def _read(self, cells: Sequence[Any], *, exact: bool) -> dict[str, Any]:
        """Fields of the key in the record's form, as far as they can be read."""
        read: dict[str, Any] = dict(self._constants)
        for field, convert, cell in zip(self._fields, self._convert, cells, strict=True):
            try:
                read[field.name] = cell if exact else convert(cell)
            except Unfit:
                continue
        return read | self._derive.key_of(read)

    def _key(self, read: Mapping[str, Any], account: str | None) -> str | None:
        key = [_stored(self._dataset, name, read.get(name), self._codes) for name in self._dataset.key]
        return None if None in key else msgspec.json.encode(key).decode()


def _optional(field: FieldMap) -> FieldMap:
    """An empty key cell makes no key, but is no fault here."""
    return field if field.kind in ("text", "code") else msgspec.structs.replace(field, required=False)


def _number(account: Any) -> str | None:
    """The number of an account; a plain one may already be a key (`records.plain_account`)."""
    return str(account)[1:] if isinstance(account, int) else account


def _stored(dataset: Dataset, name: str, cell: Any, codes: Codes) -> Any:
    match dataset.field(name).kind, cell:
        case _, None:
            return None
        case "code", _:
            return codes.ids([cell])[0]
        case "account", str():
            return codes.account(cell)
    return cell


def _short(cell: Any) -> Any:
    return cell[:LONGEST_CELL] if isinstance(cell, str) else cell
