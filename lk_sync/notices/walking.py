"""Walking: how is everybody looked at once, however many they are, and whatever happens on the way?

A walk goes through accounts or users by the hundred. What is to be told to a hundred of them is found out first, on one
picture of the cache, and is then written in one unit of work together with the place that the walk has come to. So it
takes no more memory for a million, tells nothing twice after a crash, and of two engines one goes on.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from typing import Final

import msgspec

from lk_sync.cache.reader import EVER, EVER_DAY, CacheReader, View
from lk_sync.config import Lk
from lk_sync.records import Day, Month, month_number
from lk_sync.store import recipients, walks
from lk_sync.store.database import Store, Tx
from lk_sync.store.recipients import Recipient
from lk_sync.store.walks import Walk

AT_ONCE: Final = recipients.AT_ONCE
STEP_AT_LEAST: Final = 50  # hundreds without anything to tell are walked over in one step
BEFORE_ALL: Final = -(1 << 62)  # no key of an account is less
BETWEEN: Final = " "  # a user and an account in a place
Telling = Callable[[Tx], object]
Step = tuple[str, Telling]


class Ground(msgspec.Struct, frozen=True):
    """Where walks are walked: what is set, both databases, the time, and whether we are told to stop."""

    lk: Lk
    store: Store
    reader: CacheReader
    now: datetime
    stop: threading.Event

    @property
    def here(self) -> datetime:
        """The supplier's clock."""
        return self.now.astimezone(self.lk.zone)

    @property
    def today(self) -> date:
        return self.here.date()


class Reached(msgspec.Struct, frozen=True):
    """A user who holds an account, and since when: nothing earlier is told to him."""

    user_code: str
    account: str
    key: int
    since_day: Day
    since_month: Month
    is_closed: bool


def walk(ground: Ground, name: str, *, first: str, goal: str, steps: Callable[[Walk], Iterator[Step]]) -> None:
    """Goes on with the walk `name`, or sets out to `goal` unless it is there. `first`: up to where there is nothing to
    tell when it is walked for the first time. `steps` go on from `place`."""
    found = position(ground, name, first=first)
    if found.goal is None and found.done == goal:
        return
    try:
        if found.goal is None:
            found = ground.store.write_now(partial(walks.aim, walk=found, goal=goal))
        for place, tell in steps(found):
            if ground.stop.is_set():
                return
            found = ground.store.write_now(partial(_step, found, place, tell))
        ground.store.write_now(partial(walks.arrive, walk=found))
    except walks.Overtaken:
        return


def position(ground: Ground, name: str, *, first: str) -> Walk:
    """How far the walk has come."""
    found = ground.store.read(lambda tx: walks.find(tx, walk=name))
    if found is None:
        ground.store.write_now(lambda tx: walks.begin(tx, walk=name, done=first))
    return found or Walk(name, first, None, "")


def _step(walk: Walk, place: str, tell: Telling, tx: Tx) -> Walk:
    further = walks.step(tx, walk, place)
    tell(tx)
    return further


def each_account(
    ground: Ground,
    place: str,
    keys: Callable[[View, int], Iterable[int]],
    tellings: Callable[[View, Reached], Iterable[Telling]],
) -> Iterator[Step]:
    """Steps over accounts, whoever is registered for them. `keys`: of a picture, those after one of them, in their
    order; they are kept, eight bytes each, for the picture does not stay open while we walk."""
    with ground.reader.view() as view:
        found = array("q", keys(view, int(place) if place else BEFORE_ALL))
    empty = 0
    for start in range(0, len(found), AT_ONCE):
        some = found[start : start + AT_ONCE]
        told = _told(ground, _of_keys(ground, some), tellings)
        empty = 0 if told else empty + 1
        if told or empty == STEP_AT_LEAST:
            empty = 0
            yield str(some[-1]), partial(together, told)


def each_user(ground: Ground, place: str, tellings: Callable[[View, Reached], Iterable[Telling]]) -> Iterator[Step]:
    """Steps over all users and their accounts, after a place."""
    user_code, _, account = place.partition(BETWEEN)
    while some := ground.store.read(
        partial(recipients.all_after, user_code=user_code, account=account, most=AT_ONCE)
    ):  # fmt: skip
        user_code, account, _ = some[-1]
        yield f"{user_code}{BETWEEN}{account}", partial(together, _told(ground, some, tellings))


def _of_keys(ground: Ground, keys: Sequence[int]) -> list[Recipient]:
    with ground.reader.view() as view:
        numbers = [number for key in keys if (number := view.number_of(key)) is not None]
    return ground.store.read(lambda tx: recipients.of_accounts(tx, numbers))


def _told(
    ground: Ground, some: Sequence[Recipient], tellings: Callable[[View, Reached], Iterable[Telling]]
) -> list[Telling]:
    keys = [ground.reader.account_key(recipient.account) for recipient in some]
    with ground.reader.view() as view:
        return [
            telling
            for recipient, key in zip(some, keys, strict=True)
            if (reached := reach(view, recipient, key)) is not None
            for telling in tellings(view, reached)
        ]


def reach(view: View, recipient: Recipient, key: int | None) -> Reached | None:
    """None: the cache does not hold the account, or somebody else holds it now."""
    card = None if key is None else view.card(key)
    if key is None or card is None or card.holder_key != recipient.holder_key:
        return None
    since = card.holder_since
    return Reached(
        user_code=recipient.user_code,
        account=recipient.account,
        key=key,
        since_day=since or EVER_DAY,
        since_month=month_number(since[:7]) if since else EVER,
        is_closed=card.closed_on is not None,
    )


def together(tellings: Iterable[Telling], tx: Tx) -> None:
    for telling in tellings:
        telling(tx)
