"""Own pull: walks of a pull job by the engine's own code, in a process of its own.

    python -m bench.own_pull CONFIG [full|increment]

With a task: one walk by a program that was started for it. Without: an engine that runs, as `lk-sync run` does; each
line that it reads is a task. Of every walk it prints what the walk alone cost.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from lk_sync import clock
from lk_sync.config import Config
from lk_sync.flow.run import Puller
from lk_sync.schedules import Job
from lk_sync.store.database import Store


def main() -> None:
    config = Config(Path(sys.argv[1]))
    for task in sys.argv[2:] or map(str.strip, sys.stdin):
        print(msgspec.json.encode(_walk(config, task)).decode(), flush=True)


def _walk(config: Config, task: str) -> dict[str, Any]:
    store = Store(config.lk.store_path)
    try:
        stop = threading.Event()
        puller = Puller(config, store, clock=clock.now, watch=lambda _: None, stop=stop, started_by="hand")
        spent, began = _cpu(), time.perf_counter()
        report = puller.walk("bench", Job(pull="accounting", every="1h"), full=task == "full")
        cost = {"wall": time.perf_counter() - began, "cpu": _cpu() - spent}
    finally:
        store.close()
    (charges,) = report.datasets
    said = {"state": report.state, "findings": [finding.text for finding in report.findings]}
    counts = {"pulled": charges.pulled, "inserted": charges.inserted, "updated": charges.updated}
    seconds = {"pull_seconds": charges.pull_seconds, "publish_seconds": charges.publish_seconds}
    return cost | said | counts | seconds


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    main()
