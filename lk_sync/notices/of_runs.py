"""Of runs: whose bill is new, whose payment was booked, and whose closed month is not what it was?

From the change journal, the runs since the last walk taken together, so that what came and went again is no news. A
first load is none either: neither the first one of a dataset, which is one line of the journal, nor the first bill or
many payments at once of an account. What was taken back (a run that was reverted, a bill that was withdrawn, a payment
that was returned) is taken back here as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from lk_sync.cache import news
from lk_sync.cache.news import Change, Growth, Row
from lk_sync.cache.reader import View
from lk_sync.notices.walking import Ground, Reached, Step, Telling, each_account, walk
from lk_sync.records import Day, Month
from lk_sync.store import notifications
from lk_sync.store.database import Tx
from lk_sync.store.walks import Walk

NAME: Final = "runs"
IS_NEWS: Final = timedelta(days=60)  # after a bill was issued, after a payment was made
MOST_PAYMENTS: Final = 5  # of an account at once; more of them are a load of old ones
Entry = tuple[int, str, str, str | None, str | None]


def go(ground: Ground) -> None:
    with ground.reader.view() as view:
        newest = view.newest_run()
    walk(ground, NAME, first=str(newest), goal=str(newest), steps=partial(_steps, ground))


def _steps(ground: Ground, found: Walk) -> Iterator[Step]:
    done, goal = int(found.done), int(found.goal or found.done)
    return each_account(
        ground,
        found.place,
        lambda view, after: view.changed_accounts(done, goal, after=after),
        lambda view, reached: tellings(ground, view, reached, done, goal),
    )


def tellings(ground: Ground, view: View, reached: Reached, done: int, goal: int) -> Iterator[Telling]:
    """What the runs after `done` and up to `goal` have brought to one account."""
    entries = view.news_of(reached.key, done)
    changes = news.changes_of([entry[1:] for entry in entries if entry[0] <= goal])
    if not changes:
        return
    oldest = max(reached.since_day, (ground.today - IS_NEWS).isoformat())
    yield from _bills(ground, view, reached, changes, oldest, goal)
    yield from _payments(ground, view, reached, changes, oldest, goal)
    yield from _months(ground, view, reached, changes, [entry for entry in entries if entry[0] > goal], goal)


# Bills


def _bills(
    ground: Ground, view: View, reached: Reached, changes: list[Change], oldest: Day, goal: int
) -> Iterator[Telling]:
    changed = [change for change in changes if change.dataset == "bills"]
    if not changed:
        return
    is_load = all(change.was is None for change in changed) and not news.billed_before(view, reached.key, changed)
    for change in changed:
        was, now = _issued(view, change.was), _issued(view, change.now)
        if (was or now or {}).get("period", 0) < reached.since_month:
            continue
        if now is None and was is not None:
            yield partial(_take_back, ground, reached, "bill", _bill_event(_bill(was)), _bill(was), goal)
        elif was is None and now is not None and now["issued_on"] >= oldest and not is_load:
            yield partial(_add, ground, reached, "bill", _bill_event(_bill(now)), _bill(now))
        elif was and now and was["amount_due_kopecks"] != now["amount_due_kopecks"]:
            yield partial(_bill_changed, ground, reached, _bill(was), _bill(now))


def _issued(view: View, row: Row) -> Row:
    return row if row is not None and view.code(row["state"]) == "issued" else None


def _bill(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "period": row["period"],
        "number": row["number"],
        "amount_kopecks": row["amount_due_kopecks"],
        "was_kopecks": None,
        "due_on": row["due_on"],
        "gone": False,
    }


def _bill_event(bill: dict[str, Any]) -> str:
    return f"bill:{bill['period']}:{bill['number']}:{bill['amount_kopecks']}"


def _bill_changed(ground: Ground, reached: Reached, was: dict[str, Any], now: dict[str, Any], tx: Tx) -> None:
    """Who has not seen the former amount is told the new one as if it had been the first."""
    event = _bill_event(was)
    former = notifications.of_event(tx, user_code=reached.user_code, account=reached.account, event=event)
    if former is not None:
        notifications.withdraw(tx, notification=former.notification, now=ground.now)
    unseen = former is not None and not former.is_seen
    told = now if unseen else now | {"was_kopecks": was["amount_kopecks"]}
    _add(ground, reached, "bill", _bill_event(now), told, tx)


# Payments


def _payments(
    ground: Ground, view: View, reached: Reached, changes: list[Change], oldest: Day, goal: int
) -> Iterator[Telling]:
    changed = [(news.booked(view, c.was), news.booked(view, c.now)) for c in changes if c.dataset == "payments"]
    is_load = sum(was is None and now is not None for was, now in changed) > MOST_PAYMENTS
    for was, now in changed:
        same = was and now and was["amount_kopecks"] == now["amount_kopecks"]
        if was and not same:
            yield partial(_take_back, ground, reached, "payment", _payment_event(was), _payment(was), goal)
        if now and not same and not is_load and now["paid_on"] >= oldest:
            yield partial(_add, ground, reached, "payment", _payment_event(now), _payment(now))


def _payment(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("payment", "period", "paid_on", "amount_kopecks")} | {"gone": False}


def _payment_event(row: dict[str, Any]) -> str:
    return f"payment:{row['payment']}:{row['amount_kopecks']}"


# Closed months


def _months(
    ground: Ground, view: View, reached: Reached, changes: list[Change], later: Sequence[Entry], goal: int
) -> Iterator[Telling]:
    """`later`: changes of runs that are told next time; what the month was before them is told now."""
    grown = {
        period: growth
        for period, growth in news.growths_of(changes).items()
        if period >= reached.since_month and (any(growth.charged.values()) or any(growth.penalty.values()))
    }
    if not grown:
        return
    billed = news.billed_before(view, reached.key, changes)
    then = news.growths_of(news.changes_of([entry[1:] for entry in later]))
    for period in sorted(grown.keys() & billed):
        month = _month(view, reached.key, period, grown[period], then)
        yield partial(_month_changed, ground, reached, month, goal)


def _month(view: View, key: int, period: Month, growth: Growth, then: dict[Month, Growth]) -> dict[str, Any]:
    since = then.get(period, Growth(Counter(), Counter()))
    charged, penalty = view.month_totals(key, period)
    charged, penalty = charged - sum(since.charged.values()), penalty - sum(since.penalty.values())
    return {
        "period": period,
        "charged_was": charged - sum(growth.charged.values()),
        "charged_now": charged,
        "penalty_was": penalty - sum(growth.penalty.values()),
        "penalty_now": penalty,
        "services": [
            {"title": view.service_title(view.code(service)), "grown_kopecks": kopecks}
            for service, kopecks in sorted(growth.charged.items())
            if kopecks
        ],
    }


def _month_changed(ground: Ground, reached: Reached, month: dict[str, Any], goal: int, tx: Tx) -> None:
    """Several changes that nobody has seen are one; together they may be none."""
    whose = {"user_code": reached.user_code, "account": reached.account}
    waiting = notifications.unseen(tx, kind="month_changed", **whose)
    former = next((each for each in waiting if each.detail["period"] == month["period"]), None)
    if former is None:
        _add(ground, reached, "month_changed", f"month:{month['period']}:{goal}", month, tx)
        return
    joined = _joined(former.detail, month)
    if joined["services"] or joined["penalty_was"] != joined["penalty_now"]:
        notifications.retell(tx, notification=former.notification, detail=joined, now=ground.now)
    else:
        notifications.withdraw(tx, notification=former.notification, now=ground.now)


def _joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    grown: Counter[str] = Counter()
    for each in (*first["services"], *second["services"]):
        grown[each["title"]] += each["grown_kopecks"]
    services = [{"title": title, "grown_kopecks": kopecks} for title, kopecks in grown.items() if kopecks]
    return second | {
        "charged_was": first["charged_was"],
        "penalty_was": first["penalty_was"],
        "services": services,
    }


# What is told


def _add(
    ground: Ground, reached: Reached, kind: notifications.Kind, event: str, detail: dict[str, Any], tx: Tx
) -> None:
    notifications.add(
        tx,
        user_code=reached.user_code,
        account=reached.account,
        kind=kind,
        event=event,
        detail=detail,
        now=ground.now,
    )


def _take_back(
    ground: Ground, reached: Reached, kind: notifications.Kind, event: str, detail: dict[str, Any], goal: int, tx: Tx
) -> None:
    notifications.take_back(
        tx,
        user_code=reached.user_code,
        account=reached.account,
        event=event,
        kind=kind,
        gone=detail | {"gone": True},
        again=f"{event}:gone:{goal}",
        now=ground.now,
    )
