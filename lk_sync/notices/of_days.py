"""Of days: for whom has the window of readings opened, and who has handed in nothing shortly before it closes?

Once a day by the supplier's clock. A day on which no engine ran is made up for while the window is still open.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from lk_sync.cache.reader import MeterRow, View
from lk_sync.flow import acceptance
from lk_sync.flow.acceptance import CALCULATED, Dial, Span, window_of
from lk_sync.notices.walking import Ground, Reached, Step, Telling, each_user, walk
from lk_sync.store import notifications, submissions
from lk_sync.store.database import Tx
from lk_sync.store.walks import Walk

NAME: Final = "window"
NOT_TAKEN: Final = frozenset({"rejected", "superseded"})


def go(ground: Ground) -> None:
    if ground.here.hour < ground.lk.notifications.day_hour:
        return
    today, yesterday = ground.today, ground.today - timedelta(days=1)
    walk(ground, NAME, first=yesterday.isoformat(), goal=today.isoformat(), steps=partial(_steps, ground))


def _steps(ground: Ground, found: Walk) -> Iterator[Step]:
    span = window_of(ground.today, ground.lk.readings)
    kind = _of_the_day(ground, span, date.fromisoformat(found.done))
    if kind is None:
        return iter(())
    return each_user(ground, found.place, lambda view, reached: _tellings(ground, view, reached, span, kind))


def _of_the_day(ground: Ground, span: Span, done: date) -> notifications.Kind | None:
    """What the days after `done` have brought. That it will close says that it is open."""
    reminder = span.last - timedelta(days=ground.lk.notifications.closes_days)
    if not span.open:
        return None
    if done < reminder <= ground.today:
        return "window_closes"
    return "window_opens" if done < span.first <= ground.today else None


def _tellings(ground: Ground, view: View, reached: Reached, span: Span, kind: notifications.Kind) -> Iterator[Telling]:
    if reached.is_closed:
        return
    known = view.last_readings(reached.key, since=reached.since_day)
    wanted = [
        meter
        for meter in view.meters(reached.key)
        if _can_be_read(ground, meter, span)
        and not ((last := known.get(meter.meter)) and last.period >= span.period and last.source != CALCULATED)
    ]
    if wanted:
        meters = [(meter.meter, named(view, meter)) for meter in wanted]
        yield partial(_tell, ground, reached, span, kind, meters)


def _can_be_read(ground: Ground, meter: MeterRow, span: Span) -> bool:
    dial = Dial(
        digits_int=meter.digits_int,
        digits_frac=meter.digits_frac,
        unit=meter.unit,
        automatic=meter.automatic,
        removed=meter.removed_on is not None,
        verification_due_on=meter.verification_due_on,
    )
    return acceptance.unacceptable(dial, span, ground.today, ground.lk.readings) is None


def named(view: View, meter: MeterRow) -> dict[str, Any]:
    """How a meter is called."""
    return {"service": view.service_title(meter.service), "place": meter.place, "serial": meter.serial}


def _tell(
    ground: Ground,
    reached: Reached,
    span: Span,
    kind: notifications.Kind,
    meters: list[tuple[str, dict[str, Any]]],
    tx: Tx,
) -> None:
    """Unless a reading has been handed in here."""
    left = [name for meter, name in meters if not _is_handed_in(tx, reached, meter, span)]
    if not left:
        return
    of_window = {"first": span.first.isoformat()} if kind == "window_opens" else {"meters": left}
    notifications.add(
        tx,
        user_code=reached.user_code,
        account=reached.account,
        kind=kind,
        event=f"{kind}:{span.period}",
        detail={"period": span.period, "last": span.last.isoformat()} | of_window,
        now=ground.now,
    )


def _is_handed_in(tx: Tx, reached: Reached, meter: str, span: Span) -> bool:
    former = submissions.of_month(tx, account=reached.account, meter=meter, period=span.period)
    return any(each.state not in NOT_TAKEN for each in former)
