"""History: what did the cache say of an account on a past day?

The rows of today with every later change of the journal taken back. Before a dataset was first published nothing was
known of it, which is not the same as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from lk_sync.cache.reader import View
from lk_sync.clock import instant
from lk_sync.records import DATASETS, Dataset, Instant

OF_ACCOUNTS: Final = tuple(name for name, dataset in DATASETS.items() if dataset.key[0] == "account")
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])
_KEY: Final = msgspec.json.Decoder(list[Any])

Row = Mapping[str, Any]  # field → cell: money in kopecks, volumes in millionths, codes as words


def end_of(day: date, zone: ZoneInfo) -> Instant:
    """The moment at which the day is over on the supplier's clock."""
    return instant(datetime.combine(day + timedelta(days=1), time(), zone))


def as_of(view: View, account: int, moment: Instant) -> dict[str, list[Row] | None]:
    """Dataset → its rows of the account as readers saw them just before `moment`, in key order. None: not known then.

    `account` is the key of the cache. Datasets that do not belong to accounts are left out.
    """
    return {name: _rows(view, DATASETS[name], account, moment) for name in OF_ACCOUNTS}


def _rows(view: View, dataset: Dataset, account: int, moment: Instant) -> list[Row] | None:
    first = view.first_load(dataset.name)
    if first is None or first >= moment:
        return None
    names = (*dataset.columns, "extra")
    rows: dict[tuple[Any, ...], Row] = {}
    for cells in view.stored(dataset, account):
        rows[cells[: len(dataset.key)]] = dict(zip(names, cells, strict=True))
    for key, was in view.changes_of(dataset.name, account, moment):
        cells = tuple(_KEY.decode(key))
        if was is None:
            rows.pop(cells, None)
        else:
            rows[cells] = _OBJECT.decode(was)
    return [_told(view, dataset, rows[key]) for key in sorted(rows)]


def _told(view: View, dataset: Dataset, row: Row) -> Row:
    """The row with words instead of codes, without the bookkeeping of the cache."""
    told = {name: row[name] for name in dataset.columns if name != "account"}
    for field in dataset.fields:
        if field.kind == "code" and told[field.name] is not None:
            told[field.name] = view.code(told[field.name])
    if row.get("extra"):
        told["extra"] = _OBJECT.decode(row["extra"])
    return told
