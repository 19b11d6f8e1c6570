"""Desk: which of the rows that could not be taken before has a published run settled?

A snapshot says everything of its dataset anew: what it could not take either lies on the desk as its own. An increment
settles rows that it has taken or has just rejected again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from lk_sync.cache.base import Base
from lk_sync.flow.stage import Staged, rejected_keys
from lk_sync.records import DATASETS
from lk_sync.store import rejects
from lk_sync.store.database import Store, Tx
from lk_sync.store.rejects import Unsettled

_KEY: Final = msgspec.json.Decoder(list[Any])


def settle(store: Store, base: Base, staged: Mapping[str, Staged], *, run: int, source: str, now: datetime) -> None:
    """`base`: the cache with what `run` has staged, and published, beside it."""
    by = f"запуск {run}"
    snapshots = [name for name, what in staged.items() if is_snapshot(what)]
    waiting = [
        row
        for name in staged.keys() - set(snapshots)
        for row in store.read(partial(rejects.unsettled, source=source, dataset=name))
        if row.run < run and row.stored_key is not None
    ]
    again = set(rejected_keys(base)) if waiting else set()
    done = [row for row in waiting if (row.dataset, row.stored_key) in again or _is_taken(base, row)]

    def work(tx: Tx) -> None:
        for name in snapshots:
            rejects.settle_before(tx, run, source=source, dataset=name, by=by, now=now)
        rejects.settle(tx, done, by=by, now=now)

    if snapshots or done:
        store.write_now(work)


def is_snapshot(what: Staged) -> bool:
    return what.mode == "full" and what.absent_ends


def _is_taken(base: Base, row: Unsettled) -> bool:
    key = DATASETS[row.dataset].key
    where = " AND ".join(f"{name} = :{name}" for name in key)
    cells = dict(zip(key, _KEY.decode(row.stored_key or "[]"), strict=True))
    found = base.execute(f"SELECT 1 FROM {base.at.staging}.{row.dataset} WHERE {where}", cells)
    return found.fetchone() is not None
