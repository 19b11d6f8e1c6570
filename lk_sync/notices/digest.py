"""Digest: what waits for the day's letter, and when is it written?

One letter a day for a user, at `letter_hour` of the supplier's clock, with whatever has come since the last one. What
he has read in the portal meanwhile, what is not true any more and what he has switched off since is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from lk_sync.notices.walking import AT_ONCE, Ground, Step, walk
from lk_sync.store import notifications, switches
from lk_sync.store.database import Tx
from lk_sync.store.walks import Walk

NAME: Final = "letters"


def go(ground: Ground) -> None:
    setting, hour = ground.lk.notifications, ground.here.hour
    if hour < setting.letter_hour or setting.is_quiet(hour):
        return
    yesterday = ground.today - timedelta(days=1)
    steps = partial(_steps, ground)
    walk(ground, NAME, first=yesterday.isoformat(), goal=ground.today.isoformat(), steps=steps)


def _steps(ground: Ground, found: Walk) -> Iterator[Step]:
    after = found.place
    while some := ground.store.read(partial(notifications.waiting, after=after, most=AT_ONCE)):
        after = some[-1]
        yield after, partial(_write, ground, found.goal or "", some)


def _write(ground: Ground, day: str, some: Sequence[str], tx: Tx) -> None:
    for user_code in some:
        off = switches.of(tx, user_code=user_code)
        due = notifications.due(tx, user_code=user_code)
        told = [each for each in due if each.read_at is None and not off.has(each.kind, "letter")]
        notifications.spare(tx, [each for each in due if each not in told])
        if told:
            once = f"notices:{user_code}:{day}"
            notifications.write_letter(tx, user_code=user_code, told=told, once=once, now=ground.now)
