"""Digest: what happened in a day, and what waits for a person?

One letter a day for each of the operators, at the first look after `alerts.digest_hour`; the day is in the letter's
occasion, so no restart and no other engine writes it again.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any, Final

from lk_sync import alerts, status
from lk_sync.clock import instant
from lk_sync.config import Config
from lk_sync.schedules import Schedules
from lk_sync.store import rejects, runs
from lk_sync.store.database import Store, Tx

DAY: Final = timedelta(hours=24)
MOST_CAUSES: Final = 20
GIGABYTE: Final = 1024**3
GOOD: Final = ("published", "unchanged")
_SAID: Final = re.compile(r"«[^»]*»|\S*\d\S*")


def write_if_due(config: Config, timetable: Schedules, store: Store, now: datetime) -> bool:
    """True: the digest of today is written, by us or before us."""
    told = config.lk.alerts
    if told is None or told.digest_hour is None:
        return False
    here = now.astimezone(config.lk.zone)
    if here.hour < told.digest_hour:
        return False
    once = f"digest:{here.date().isoformat()}"
    seen = status.look(config, store, now, timetable=timetable, stale_after_hours=told.stale_after_hours)
    context = store.read(lambda tx: _context(tx, seen, now))
    store.write_now(lambda tx: alerts.write(tx, told, kind="operator_digest", once=once, context=context, now=now))
    return True


def _context(tx: Tx, seen: status.Seen, now: datetime) -> dict[str, Any]:
    since = now - DAY
    return {
        "since": instant(since),
        "jobs": _jobs(tx, seen, since),
        "changes": [
            {"source": c.source, "dataset": c.dataset, "inserted": c.inserted, "updated": c.updated, "ended": c.ended}
            for c in runs.changes_since(tx, since)
            if c.inserted or c.updated or c.ended
        ],
        "data": [{"dataset": d.dataset, "source": d.source, "as_of": d.as_of, "stale": d.stale} for d in seen.datasets],
        "troubles": [
            {"what": alerts.sentence(t.kind, t.subject), "todo": t.todo}
            for t in seen.troubles
            if t.kind in alerts.SENTENCES
        ],
        "rejects": _causes(rejects.causes(tx)),
        "outbox": {name: getattr(seen.outbox, name) for name in ("waiting", "exported", "unanswered", "stray")},
        "letters": {name: getattr(seen.letters, name) for name in ("waiting", "failed", "uncertain")},
        "free_gigabytes": seen.disk.free_bytes // GIGABYTE,
    }


def _jobs(tx: Tx, seen: status.Seen, since: datetime) -> list[dict[str, Any]]:
    """How often each job of the timetable went well, was held or failed; of a delivery only how it goes now."""
    ended: dict[str, Counter[str]] = defaultdict(Counter)
    for job, state, times in runs.tally_since(tx, since):
        ended[job]["good" if state in GOOD else state] += times
    return [
        {
            "job": job.job,
            "does": job.does,
            "good": ended[job.job]["good"],
            "held": ended[job.job]["held"],
            "failed": ended[job.job]["failed"] + ended[job.job]["broken"],
            "good_at": job.good_at,
        }
        for job in seen.jobs
    ]


def _causes(causes: list[rejects.Cause]) -> list[dict[str, Any]]:
    """What lies on the desk by cause, the most frequent first, without anything that a row said."""
    times: Counter[tuple[str, str, str, str]] = Counter()
    for cause in causes:
        times[cause.source, cause.dataset, cause.field, harmless(cause.reason)] += cause.times
    return [
        {"source": source, "dataset": dataset, "field": field, "reason": reason, "times": often}
        for (source, dataset, field, reason), often in times.most_common(MOST_CAUSES)
    ]


def harmless(reason: str) -> str:
    """The reason without what it quotes of a row: neither what stands in « » nor anything with a digit in it."""
    return _SAID.sub("…", reason)
