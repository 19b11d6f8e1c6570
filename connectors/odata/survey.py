"""Survey: what would the objects that a base publishes be good for?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from connectors.odata.metadata import RECORDS, Family, Property, Published, Shape
from connectors.odata.resource import MONTH
from lk_sync.contracts import Found, FoundColumn
from lk_sync.records import Kind

USUAL_MONTHS: Final = 36
_KINDS: Final[Mapping[Family, tuple[Kind, ...]]] = {
    "text": ("text", "code", "account", "int", "money", "volume", "date", "month", "datetime", "bool"),
    "word": ("code", "text"),
    "guid": ("text", "code"),
    "bool": ("bool", "code", "text"),
    "moment": ("datetime", "date", "month", "text"),
    "whole": ("int", "account", "code", "bool", "money", "volume", "text"),
    "number": ("money", "volume", "int", "account", "text"),
    "other": (),
}


def found(published: Published) -> list[Found]:
    """Every entity set that can be read as a table, and every virtual table."""
    return [*_sets(published), *_virtual(published)]


def _sets(published: Published) -> Iterator[Found]:
    for name, shape in published.sets.items():
        if RECORDS not in shape.properties and f"{name}_RecordType" not in published.sets:
            yield Found(how="from", origin=name, columns=_columns(shape), key=shape.key)


def _virtual(published: Published) -> Iterator[Found]:
    """Balances and turnovers are asked for month by month. Where their references lead, the records say."""
    for (name, function), gives in published.functions.items():
        records = published.sets.get(f"{name}_RecordType", published.sets[name]).properties
        slices = function.startswith("Slice")
        month = () if slices else (FoundColumn(name=MONTH, type="Edm.DateTime", kinds=("month", "date")),)
        yield Found(
            how="from",
            origin=f"{name}/{function}",
            columns=(*month, *(_pointing(each, records) for each in _columns(gives.shape))),
            key=gives.shape.key,
            options={} if slices else {"months": USUAL_MONTHS},
        )


def _pointing(column: FoundColumn, records: Mapping[str, Property]) -> FoundColumn:
    known = records.get(column.name)
    return msgspec.structs.replace(column, refers=column.refers or (known.refers if known else None))


def _columns(shape: Shape) -> tuple[FoundColumn, ...]:
    return tuple(_column(each) for each in shape.properties.values() if each.family != "other")


def _column(each: Property) -> FoundColumn:
    return FoundColumn(name=each.name, type=each.type, kinds=_KINDS[each.family], refers=each.refers)
