"""Of readings: whose reading has the accounting system refused, and is there still time for another one?

Answers are committed by other processes, not always in the order of their moments: the walk looks a little way back,
and an event is told once anyhow. On the last days of the window the letter does not wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from lk_sync.cache.reader import View
from lk_sync.clock import instant, moment
from lk_sync.flow.acceptance import window_of
from lk_sync.notices.of_days import named
from lk_sync.notices.walking import AT_ONCE, Ground, Step, Telling, position, together, walk
from lk_sync.records import Instant
from lk_sync.store import notifications, submissions
from lk_sync.store.database import Tx
from lk_sync.store.submissions import Rejected
from lk_sync.store.walks import Walk

NAME: Final = "rejected"
BACK: Final = timedelta(minutes=10)
SOON: Final = timedelta(days=1)


def go(ground: Ground) -> None:
    now = instant(ground.now)
    found = position(ground, NAME, first=now)
    if found.goal is None and not ground.store.read(partial(submissions.rejected, after=_back(found), most=1)):
        return
    walk(ground, NAME, first=now, goal=now, steps=partial(_steps, ground))


def _steps(ground: Ground, found: Walk) -> Iterator[Step]:
    at, _, item = (found.place or " ".join(_back(found))).partition(" ")
    while some := ground.store.read(partial(submissions.rejected, after=(at, item), most=AT_ONCE)):
        at, item = some[-1].answered_at, some[-1].item
        yield f"{at} {item}", partial(together, _tellings(ground, some))


def _back(found: Walk) -> tuple[Instant, str]:
    return instant(moment(found.done) - BACK), ""


def _tellings(ground: Ground, some: Sequence[Rejected]) -> list[Telling]:
    keys = [ground.reader.account_key(rejected.account) for rejected in some]
    with ground.reader.view() as view:
        return [
            partial(_tell, ground, rejected, *_meter(view, key, rejected.meter))
            for rejected, key in zip(some, keys, strict=True)
        ]


def _meter(view: View, key: int | None, meter: str) -> tuple[dict[str, Any] | None, str | None]:
    """How it is called, and its unit; None: the cache does not hold it now."""
    found = next((each for each in view.meters(key) if each.meter == meter), None) if key is not None else None
    return (None, None) if found is None else (named(view, found), found.unit)


def _tell(ground: Ground, rejected: Rejected, meter: dict[str, Any] | None, unit: str | None, tx: Tx) -> None:
    span = window_of(ground.today, ground.lk.readings)
    in_time = span.open and span.period == rejected.period
    notifications.add(
        tx,
        user_code=rejected.user_code,
        account=rejected.account,
        kind="reading_rejected",
        event=f"reading_rejected:{rejected.item}",
        detail={
            "submission": rejected.submission,
            "meter": meter,
            "value_micro": rejected.value_micro,
            "unit": unit,
            "text": rejected.text,
            "last": span.last.isoformat() if in_time else None,
        },
        now=ground.now,
        urgent=in_time and span.last - ground.today <= SOON,
    )
