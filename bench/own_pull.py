"""Own pull: one walk of a pull job by the engine's own code, in a process of its own.

    python -m bench.own_pull CONFIG full|increment

Prints what the walk alone cost, as the running timetable pays for it, the start of the interpreter left aside.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from pathlib import Path

import msgspec

from lk_sync import clock
from lk_sync.config import Config
from lk_sync.flow.run import Puller
from lk_sync.schedules import Job
from lk_sync.store.database import Store


def main() -> None:
    config = Config(Path(sys.argv[1]))
    store = Store(config.lk.store_path)
    stop = threading.Event()
    puller = Puller(config, store, clock=clock.now, watch=lambda _: None, stop=stop, started_by="hand")
    spent, began = _cpu(), time.perf_counter()
    report = puller.walk("bench", Job(pull="accounting", every="1h"), full=sys.argv[2] == "full")
    cost = {"wall": time.perf_counter() - began, "cpu": _cpu() - spent}
    (charges,) = report.datasets
    said = {"state": report.state, "findings": [finding.text for finding in report.findings]}
    counts = {"pulled": charges.pulled, "inserted": charges.inserted, "updated": charges.updated}
    seconds = {"pull_seconds": charges.pull_seconds, "publish_seconds": charges.publish_seconds}
    print(msgspec.json.encode(cost | said | counts | seconds).decode())


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    main()
