"""Of meters: whose verification is due in so many days, and whose is past?

Once a day by the supplier's clock; a day on which no engine ran is made up for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from lk_sync.cache.reader import MeterRow, View
from lk_sync.notices.of_days import named
from lk_sync.notices.walking import Ground, Reached, Step, Telling, each_account, walk
from lk_sync.store import notifications
from lk_sync.store.database import Tx
from lk_sync.store.walks import Walk

NAME: Final = "verification"
EXPIRED: Final = -1  # days before: the first day on which it is past


def go(ground: Ground) -> None:
    if ground.here.hour < ground.lk.notifications.day_hour:
        return
    yesterday = ground.today - timedelta(days=1)
    steps = partial(_steps, ground)
    walk(ground, NAME, first=yesterday.isoformat(), goal=ground.today.isoformat(), steps=steps)


def _steps(ground: Ground, found: Walk) -> Iterator[Step]:
    done = date.fromisoformat(found.done)
    last = ground.today + timedelta(days=max((0, *ground.lk.notifications.verification_days)))
    return each_account(
        ground,
        found.place,
        lambda view, after: view.meters_due(done.isoformat(), last.isoformat(), after=after),
        lambda view, reached: _tellings(ground, view, reached, done),
    )


def _tellings(ground: Ground, view: View, reached: Reached, done: date) -> Iterator[Telling]:
    for meter in () if reached.is_closed else view.meters(reached.key):
        if meter.removed_on is None and meter.verification_due_on is not None:
            passed = _passed(ground, date.fromisoformat(meter.verification_due_on), done)
            if passed is not None:
                yield partial(_tell, ground, reached, meter, named(view, meter), passed)


def _passed(ground: Ground, due: date, done: date) -> int | None:
    """Of the days before the due day that are told of, the nearest one that has come since `done`."""
    days = sorted({EXPIRED, *ground.lk.notifications.verification_days})
    return next((before for before in days if done < due - timedelta(days=before) <= ground.today), None)


def _tell(ground: Ground, reached: Reached, meter: MeterRow, name: dict[str, Any], before: int, tx: Tx) -> None:
    notifications.add(
        tx,
        user_code=reached.user_code,
        account=reached.account,
        kind="verification",
        event=f"verification:{meter.meter}:{meter.verification_due_on}:{before}",
        detail={"meter": name, "due_on": meter.verification_due_on, "expired": before == EXPIRED},
        now=ground.now,
    )
