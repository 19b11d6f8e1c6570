"""Of works: whose house is without heat or water, from when to when, and what if that changes?

What begins within `works_days`, or goes on, is told to every account of its house, or of the town. Other times are told
to who knew of the former ones; what was cancelled is taken back. Works that are over are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Final

import msgspec

from lk_sync.cache.reader import View
from lk_sync.cache.works import LASTS, Work
from lk_sync.cache.works import ahead as ahead_of
from lk_sync.clock import instant
from lk_sync.notices.walking import AT_ONCE, BETWEEN, Ground, Reached, Step, Telling, each_account, each_user, walk
from lk_sync.records import Instant
from lk_sync.store import notifications, walks
from lk_sync.store.database import Tx
from lk_sync.store.walks import Walk

TOLD: Final = "works "
GONE: Final = "gone "
DONE: Final = "done"


class Event(msgspec.Struct, frozen=True):
    """Works with their times, as the name of what is told of them."""

    ends_at: Instant
    starts_at: Instant
    works: str

    @property
    def name(self) -> str:
        return f"works|{self.ends_at}|{self.starts_at}|{self.works}"

    @staticmethod
    def of(name: str) -> Event:
        return Event(*name.split("|", 3)[1:])


def event_of(work: Work) -> Event:
    return Event(work.ends_at or "", work.starts_at, work.works)


def go(ground: Ground) -> None:
    with ground.reader.view() as view:
        found = ahead_of(view, ground.now)
    if found is None:
        return
    ahead = {event_of(work).name: work for work in found}
    for name in ground.store.read(partial(walks.known, beginning=TOLD)):
        if name.removeprefix(TOLD) not in ahead:
            _end(ground, name.removeprefix(TOLD), {work.works: work for work in found})
    until = instant(ground.now + timedelta(days=ground.lk.notifications.works_days))
    for name, work in ahead.items():
        if work.starts_at <= until:
            walk(ground, TOLD + name, first="", goal=DONE, steps=partial(_steps, ground, name, work))


def _steps(ground: Ground, name: str, work: Work, found: Walk) -> Iterator[Step]:
    def tellings(_: View, reached: Reached) -> Iterator[Telling]:
        if not reached.is_closed:
            yield partial(_tell, ground, reached.user_code, reached.account, name, facts(work))

    building = work.building
    if building is None:
        return each_user(ground, found.place, tellings)
    return each_account(ground, found.place, lambda view, after: view.accounts_of(building, after=after), tellings)


def facts(work: Work) -> dict[str, Any]:
    return {
        "works": work.works,
        "what": work.what,
        "planned": work.planned,
        "service": work.service,
        "starts_at": work.starts_at,
        "ends_at": work.ends_at,
        "moved": False,
        "gone": False,
    }


def _tell(ground: Ground, user_code: str, account: str, name: str, detail: dict[str, Any], tx: Tx) -> None:
    notifications.add(
        tx, user_code=user_code, account=account, kind="works", event=name, detail=detail, now=ground.now
    )  # fmt: skip


def _end(ground: Ground, name: str, ahead: dict[str, Work]) -> None:
    """These times are not ahead any more: they are over, others took their place, or the works are cancelled."""
    event = Event.of(name)
    is_over = (event.ends_at or event.starts_at) < instant(ground.now - (timedelta() if event.ends_at else LASTS))
    if not is_over:
        steps = partial(_takings_back, ground, name, ahead.get(event.works))
        walk(ground, GONE + name, first="", goal=DONE, steps=steps)
    ground.store.write_now(partial(_forget, ground, name))


def _forget(ground: Ground, name: str, tx: Tx) -> None:
    back = walks.find(tx, walk=GONE + name)
    if back is None or back.goal is None:  # else whoever walks it comes to this, too
        walks.forget(tx, walk=TOLD + name)
        walks.forget(tx, walk=GONE + name)


def _takings_back(ground: Ground, name: str, instead: Work | None, found: Walk) -> Iterator[Step]:
    user_code, _, account = found.place.partition(BETWEEN)
    while some := ground.store.read(
        partial(notifications.told, event=name, after=(user_code, account), most=AT_ONCE)
    ):  # fmt: skip
        user_code, account, _detail = some[-1]
        yield f"{user_code}{BETWEEN}{account}", partial(_take_back, ground, name, instead, some)


def _take_back(
    ground: Ground, name: str, instead: Work | None, some: list[tuple[str, str, dict[str, Any]]], tx: Tx
) -> None:
    for user_code, account, detail in some:
        told = notifications.of_event(tx, user_code=user_code, account=account, event=name)
        if told is None:
            continue
        notifications.withdraw(tx, notification=told.notification, now=ground.now)
        if told.is_seen and instead is None:
            _tell(ground, user_code, account, f"{name}|gone|{instant(ground.now)}", detail | {"gone": True}, tx)
        elif told.is_seen and instead is not None:
            _tell(ground, user_code, account, event_of(instead).name, facts(instead) | {"moved": True}, tx)
