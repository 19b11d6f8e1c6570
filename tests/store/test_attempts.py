"""A budget of attempts is never exceeded, not even by several processes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from lk_sync.store import attempts
from lk_sync.store.attempts import Budget
from lk_sync.store.database import Store, Tx
from tests.at_the_store import Kept

NOON = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
HOURLY = Budget("login", "000012345", "hour", 5)
DAILY = Budget("register", "000012345", "day", 2)


def test_many_processes_together_get_no_more_than_the_budget(kept: Kept) -> None:
    stores = [kept.store() for _ in range(4)]

    def take(store: Store) -> int:
        tries = (store.write_now(lambda tx: attempts.take(tx, [HOURLY], now=NOON)) for _ in range(5))
        return sum(empty is None for empty in tries)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(take, stores)) == 5
    for store in stores:
        store.close()


def test_when_one_budget_is_used_up_the_others_are_not_touched(kept: Kept) -> None:
    store = kept.store()

    def work(tx: Tx) -> None:
        for _ in range(2):
            assert attempts.take(tx, [HOURLY, DAILY], now=NOON) is None
        assert attempts.take(tx, [HOURLY, DAILY], now=NOON) == DAILY
        assert attempts.left(tx, HOURLY, now=NOON) == 3
        attempts.give_back(tx, [HOURLY, DAILY], now=NOON)
        assert attempts.take(tx, [HOURLY, DAILY], now=NOON) is None

    store.write_now(work)
    store.close()


def test_a_budget_is_whole_again_in_the_next_slot_and_old_slots_are_forgotten(kept: Kept) -> None:
    store = kept.store()

    def work(tx: Tx) -> None:
        for _ in range(5):
            attempts.take(tx, [HOURLY], now=NOON)
        assert attempts.left(tx, HOURLY, now=NOON + timedelta(minutes=29)) == 0
        assert attempts.left(tx, HOURLY, now=NOON + timedelta(minutes=30)) == 5
        assert attempts.sweep(tx, now=NOON + timedelta(days=1)) == 0
        assert attempts.sweep(tx, now=NOON + timedelta(days=2)) == 1

    store.write_now(work)
    store.close()


def test_one_is_told_when_to_come_back() -> None:
    assert attempts.until_next("hour", NOON) == 30 * 60
    assert attempts.until_next("day", NOON) == 11 * 3600 + 30 * 60
    assert attempts.until_next("hour", NOON.replace(minute=59, second=59, microsecond=999_999)) == 1
