"""However many engines find a trouble or its end at the same moment, one of them writes, in files and on a server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from lk_sync import alerts
from lk_sync.config import Alerts
from lk_sync.store import incidents, letters, pushes, restores, runs
from lk_sync.store.database import Store, Tx
from lk_sync.store.restores import Known
from lk_sync.troubles import Trouble
from tests.at_the_store import Kept

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
ALERTS = Alerts(to=("it@example.ru", "second@example.ru"))
ENGINES = 4


def _at_once(kept: Kept, work: Callable[[Tx], object]) -> None:
    """Each engine has a store of its own."""
    stores = [kept.store() for _ in range(ENGINES)]
    barrier = threading.Barrier(ENGINES)

    def one(store: Store) -> None:
        barrier.wait()
        store.write_now(work)

    threads = [threading.Thread(target=one, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()


def _written(store: Store) -> int:
    return len(store.read(lambda tx: letters.listed(tx, state="waiting")))


def test_one_engine_of_several_writes(kept: Kept) -> None:
    store = kept.store()
    troubles = [Trouble("held", job, "…", "…") for job in ("hourly", "nightly")]
    _at_once(kept, lambda tx: alerts._tell(tx, ALERTS, troubles, [], {}, NOW))
    known = store.read(incidents.still_open)
    assert [(each.kind, each.subject) for each in known] == [("held", "hourly"), ("held", "nightly")]
    assert _written(store) == len(ALERTS.to)
    _at_once(kept, lambda tx: alerts._tell(tx, ALERTS, [], known, {}, NOW))
    assert store.read(incidents.still_open) == []
    assert _written(store) == 2 * len(ALERTS.to)
    _at_once(kept, lambda tx: alerts._tell(tx, ALERTS, troubles[:1], [], {}, NOW))  # it begins anew
    assert _written(store) == 3 * len(ALERTS.to)
    store.close()


def test_failures_are_counted_and_restored_numbers_skipped_in_both(kept: Kept) -> None:
    store = kept.store()
    first = store.write_now(lambda tx: runs.open_run(tx, job="books", source="books", started_by="hand", now=NOW))
    store.write_now(
        lambda tx: runs.close(tx, first, state="failed", now=NOW, error_kind="Unreachable", error_text="нет связи")
    )
    store.write_now(lambda tx: pushes.failed(tx, sink="files", kind="AccessDenied", text="нет", now=NOW))
    (failing,) = store.read(runs.failing)
    (outage,) = store.read(runs.outages)
    assert (failing.job, failing.times, failing.kind, outage.source, outage.times) == (
        "books", 1, "Unreachable", "books", 1,
    )  # fmt: skip
    assert store.read(runs.last_good_of_each_job) == []
    assert store.read(lambda tx: runs.tally_since(tx, NOW)) == [("books", "failed", 1)]
    restored = store.write_now(lambda tx: restores.forget(tx, at_least=Known(500, 70, None), now=NOW))
    assert (restored.runs_past, restored.batches_past) == (10_500, 10_070)
    later = store.write_now(lambda tx: runs.open_run(tx, job="books", source="books", started_by="hand", now=NOW))
    assert later == 10_501
    store.close()
